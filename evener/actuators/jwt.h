#pragma once
// JSON Web Tokens (RFC 7519) signed with an RSA key, as Google's token server takes them from a service account.

#include <string>
#include <string_view>

#include "evener/base/secret.h"
#include "evener/core/result.h"

namespace evener::actuators {

/// RS256 over the two JSON texts; the key is a PEM. Refused if it is no RSA key.
[[nodiscard]] Result<Secret> sign_jwt(std::string_view header_json, std::string_view claims_json, const Secret& key_pem);

}  // namespace evener::actuators
