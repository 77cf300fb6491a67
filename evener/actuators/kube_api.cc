#include "evener/actuators/kube_api.h"

#include <memory>

#include "evener/actuators/api_error.h"
#include "evener/actuators/kube_objects.h"
#include "evener/base/clock.h"
#include "evener/base/files.h"

namespace evener::actuators {
namespace {

constexpr int Unauthorized = 401;

ActuatorError cannot_log_in(const Error& error) {
  return {.message = "Kubernetes: " + error.message, .may_retry = MayRetry::No, .retry_after = {}};
}

}  // namespace

HttpSend http_connect(HttpSettings settings) {
  // A function object has to be copyable, the caller is not.
  return [caller = std::make_shared<HttpCaller>(std::move(settings))](const HttpCall& call) { return (*caller)(call); };
}

std::optional<ActuatorError> KubeApi::open() {
  if (send_) return std::nullopt;
  auto access = load_();
  if (!access) return cannot_log_in(access.error());
  access_ = std::move(*access);
  settings_ = limits_;
  settings_.ca_file = access_.ca_file;
  settings_.ca_data = access_.ca_data;
  settings_.certificate = access_.certificate;
  settings_.key = access_.key;
  settings_.proxy = access_.proxy;
  send_ = connect_(settings_);
  return std::nullopt;
}

Result<std::string, ActuatorError> KubeApi::name_space() {
  if (auto error = open()) return tl::unexpected(std::move(*error));
  return access_.name_space;
}

Result<HttpCall, ActuatorError> KubeApi::call_of(const KubeRequest& request) {
  if (auto error = open()) return tl::unexpected(std::move(*error));
  HttpCall call{.method = request.method,
                .url = access_.server + request.path,
                .headers = {{"Accept", Secret("application/json")}},
                .body = request.body};
  if (!request.content_type.empty()) call.headers.push_back({"Content-Type", Secret(request.content_type)});
  Secret token = access_.token;
  if (!access_.token_file.empty()) {
    auto read = read_file(access_.token_file, CredentialBytesMax);
    if (!read) return tl::unexpected(cannot_log_in(read.error()));
    while (!read->empty() && (read->back() == '\n' || read->back() == '\r')) read->pop_back();
    token = Secret(std::move(*read));
  }
  if (!token.empty()) call.headers.push_back({"Authorization", Secret("Bearer " + token.reveal())});
  return call;
}

Result<HttpAnswer, ActuatorError> KubeApi::send(const KubeRequest& request) {
  const auto call = call_of(request);
  if (!call) return tl::unexpected(call.error());
  auto answer = send_(*call);
  if (answer) return std::move(*answer);
  send_ = nullptr;
  return tl::unexpected(no_answer("Kubernetes: " + request.what, answer.error()));
}

Result<HttpAnswer, ActuatorError> KubeApi::operator()(const KubeRequest& request, int also_accepted) {
  auto answer = send(request);
  if (answer && answer->status == Unauthorized) {
    send_ = nullptr;  // perhaps the credentials were replaced since they were read
    answer = send(request);
  }
  if (!answer) return answer;
  if (is_success(*answer) || answer->status == also_accepted) return answer;
  if (answer->status == Unauthorized) send_ = nullptr;
  return tl::unexpected(
      refused("Kubernetes: " + request.method + " " + request.what, *answer, kube_status_message(answer->body), wall_clock_ns));
}

Result<std::unique_ptr<ByteStream>, ActuatorError> KubeApi::stream(const KubeRequest& request) {
  auto call = call_of(request);
  if (!call) return tl::unexpected(std::move(call.error()));
  return open_stream_(settings_, std::move(*call));
}

}  // namespace evener::actuators
