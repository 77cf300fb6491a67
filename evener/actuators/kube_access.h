#pragma once
// How to reach a Kubernetes API server and who we are there: what a kubeconfig file says for one of its contexts, or what a pod finds in itself.
// Of a kubeconfig, what would weaken TLS or start a program is refused, each with what to do instead.

#include <functional>
#include <string>
#include <string_view>

#include "evener/actuators/http_call.h"
#include "evener/base/secret.h"
#include "evener/core/result.h"

namespace evener::actuators {

inline constexpr std::size_t KubeconfigBytesMax = 1U << 20;
inline constexpr std::size_t CredentialBytesMax = 256U << 10;  // of a token, certificate or key file

struct KubeAccess {
  std::string server;      // URL without a slash at its end
  std::string name_space;  // where the context says so; else empty
  std::string ca_file, ca_data, proxy;
  std::string certificate_file, key_file;  // to be read, where there are no such data
  Secret certificate, key;
  Secret token;
  std::string token_file;  // read anew for each call, because it is replaced while it lives; goes before the token
};

/// Of the named context, or of the current one if the name is empty. `path` is that of the file: the paths in it start from its folder. Reads no file.
[[nodiscard]] Result<KubeAccess> read_kubeconfig(const std::string& path, std::string_view text, std::string_view context);

/// Reads the file, and the client certificate and key that it names.
[[nodiscard]] Result<KubeAccess> load_kubeconfig(const std::string& path, std::string_view context);

/// Of the pod that this process runs in: its service account, and the addresses in KUBERNETES_SERVICE_HOST and _PORT.
inline constexpr std::string_view ServiceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
[[nodiscard]] Result<KubeAccess> load_service_account(const std::string& folder, const char* host, const char* port);

}  // namespace evener::actuators
