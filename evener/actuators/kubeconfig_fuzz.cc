// Any bytes as a kubeconfig: it gives a server to be reached over TLS, or one line that says what is wrong.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "evener/actuators/kube_access.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace evener::actuators;
  const auto access = read_kubeconfig("config", std::string_view(reinterpret_cast<const char*>(data), size), "");
  if (!access) {
    if (access.error().message.empty() || access.error().message.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  if (!check_call_url(access->server, PlainHttp::LocalOnly).empty()) std::abort();
  if (access->certificate.empty() != access->key.empty() && access->certificate_file.empty() && access->key_file.empty()) std::abort();
  return 0;
}
