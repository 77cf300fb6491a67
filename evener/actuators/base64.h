#pragma once
// Base64 (RFC 4648): the plain alphabet read, as in kubeconfig files; that for URLs written, as in tokens.

#include <optional>
#include <string>
#include <string_view>

namespace evener::actuators {

/// With its padding; blanks and line breaks around it are passed over. Nothing if it is malformed.
[[nodiscard]] std::optional<std::string> base64_decoded(std::string_view text);
/// Without padding.
[[nodiscard]] std::string base64url(std::string_view bytes);

}  // namespace evener::actuators
