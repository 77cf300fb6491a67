#pragma once
// Request targets and hosts: RFC 9112 section 3.2 without CONNECT. Normalising paths (dots, doubled slashes, %2F) is left to the gateway.

#include <string_view>

#include "evener/net/http1/head.h"

namespace evener::net::http1 {

extern const HeadError BadTarget;
extern const HeadError TargetTooLong;

/// Sets target, path and query of `out` (whose method is known), and the authority if the target is in absolute form.
[[nodiscard]] const HeadError* split_target(std::string_view raw, RequestHead& out, std::string_view& authority);

/// name, IPv4 or [IPv6], each with an optional ":port". Stricter than reg-name: no percent signs, no commas (a list made of two Host fields).
[[nodiscard]] bool is_valid_host(std::string_view text);

}  // namespace evener::net::http1
