#pragma once
// The admin token: made at start or read from a file, compared in constant time, never logged.

#include <string>
#include <string_view>

#include "evener/core/result.h"

namespace evener::gateway {

/// The token in the file (surrounding white space removed; at least 16 characters).
[[nodiscard]] Result<std::string> read_admin_token(const std::string& path);

/// A new token of 256 random bits, written for the operator to a file that only this user can read, in RUNTIME_DIRECTORY (systemd's),
/// XDG_RUNTIME_DIR, or a folder of this user's own below /tmp.
struct MadeToken {
  std::string token, path;
};
[[nodiscard]] Result<MadeToken> make_admin_token(std::uint16_t port);
/// Where the token of a gateway with this admin port is, if it was made at start by a process of this user; empty when there is no such folder.
[[nodiscard]] std::string made_token_path(std::uint16_t port);

/// Whether an Authorization value carries the token, in the Bearer form, or as the password of the Basic form.
[[nodiscard]] bool bearer_is(std::string_view authorization, std::string_view token);
[[nodiscard]] bool basic_password_is(std::string_view authorization, std::string_view token);

}  // namespace evener::gateway
