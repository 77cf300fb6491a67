#include "evener/gateway/paths.h"

#include <charconv>
#include <strings.h>

namespace evener::gateway {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::uint8_t parse_hops(std::string_view value) {
  unsigned hops = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), hops);
  if (error != std::errc() || end != value.data() + value.size() || hops > HopsMax) return HopsMax;
  return static_cast<std::uint8_t>(hops);
}

bool is_plain_path(std::string_view path) {
  if (!path.starts_with('/')) return false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '\\') return false;
    if (path[i] == '%' && i + 2 < path.size()) {
      const int code = hex_digit(path[i + 1]) * 16 + hex_digit(path[i + 2]);
      if (code == '.' || code == '/' || code == '\\') return false;
    }
  }
  std::string_view rest = path.substr(1);
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    if (segment.empty() || segment == "." || segment == "..") return false;
    if (slash == std::string_view::npos) break;
    rest = rest.substr(slash + 1);
  }
  return true;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace evener::gateway
