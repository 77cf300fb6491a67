#pragma once
// KubeApi: calls to one Kubernetes API server, with credentials that are replaced while we run: the token's file is read for each call, and
// everything anew once a call was refused for who we are or brought no answer.

#include <functional>
#include <optional>
#include <string>

#include "evener/actuators/actuator.h"
#include "evener/actuators/http_call.h"
#include "evener/actuators/http_stream.h"
#include "evener/actuators/kube_access.h"

namespace evener::actuators {

/// Makes what calls are sent with; tests put their own in place of HttpCaller.
using HttpConnect = std::function<HttpSend(HttpSettings)>;
[[nodiscard]] HttpSend http_connect(HttpSettings settings);

struct KubeRequest {
  std::string what;  // for messages: "scale of deployments/vllm"
  std::string method = "GET";
  std::string path;  // with its query
  std::string content_type = {};
  std::string body = {};
};

/// For one thread at a time.
class KubeApi {
 public:
  using Load = std::function<Result<KubeAccess>()>;

  /// `limits` are the time-outs and sizes; what is to be trusted comes from the access.
  KubeApi(Load load, HttpSettings limits, HttpConnect connect, HttpOpenStream open_stream)
      : load_(std::move(load)), limits_(std::move(limits)), connect_(std::move(connect)), open_stream_(std::move(open_stream)) {}

  /// Statuses of success and `also_accepted` are answers, all others errors.
  [[nodiscard]] Result<HttpAnswer, ActuatorError> operator()(const KubeRequest& request, int also_accepted = 0);
  /// An answer that goes on. Refusals come when it is read.
  [[nodiscard]] Result<std::unique_ptr<ByteStream>, ActuatorError> stream(const KubeRequest& request);
  /// That of the context or pod; empty if it has none, or nothing could be loaded.
  [[nodiscard]] Result<std::string, ActuatorError> name_space();

 private:
  [[nodiscard]] std::optional<ActuatorError> open();
  [[nodiscard]] Result<HttpCall, ActuatorError> call_of(const KubeRequest& request);
  [[nodiscard]] Result<HttpAnswer, ActuatorError> send(const KubeRequest& request);

  Load load_;
  HttpSettings limits_;
  HttpConnect connect_;
  HttpOpenStream open_stream_;
  KubeAccess access_;
  HttpSettings settings_;  // for the access
  HttpSend send_;          // empty = not open
};

}  // namespace evener::actuators
