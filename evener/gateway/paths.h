#pragma once
// Small rules about request paths and our own request headers.

#include <cstdint>
#include <string>
#include <string_view>

namespace evener::gateway {

/// Says how many gateways of this kind a request has passed; at HopsMax it is refused as a loop.
inline constexpr std::string_view HopsHeader = "x-evener-hops";
inline constexpr std::uint8_t HopsMax = 5;

[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);
/// The count in a hops header; HopsMax when it is not a small number, because only a gateway should have written it.
[[nodiscard]] std::uint8_t parse_hops(std::string_view value);
/// No empty, "." or ".." segments, no encoded dots, slashes or backslashes: the path means the same to us and to whoever serves it.
[[nodiscard]] bool is_plain_path(std::string_view path);
/// %XX decoded; a broken triplet stays as it is.
[[nodiscard]] std::string percent_decoded(std::string_view text);

}  // namespace evener::gateway
