// Writing JSON for clients: strings and the error object.

#include <cstdint>

#include "evener/protocol/openai.h"

namespace evener::protocol {

namespace {

constexpr bool is_continuation(unsigned char byte) { return (byte & 0xc0) == 0x80; }

/// Length of the valid UTF-8 sequence that begins at text[at], 0 if there is none (RFC 3629: no overlong forms, surrogates or planes beyond 16).
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : static_cast<unsigned char>(0);
  };
  const unsigned char first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return is_continuation(second) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (!is_continuation(second) || !is_continuation(byte(2))) return 0;
    if (first == 0xe0 && second < 0xa0) return 0;
    if (first == 0xed && second > 0x9f) return 0;
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (!is_continuation(second) || !is_continuation(byte(2)) || !is_continuation(byte(3))) return 0;
    if (first == 0xf0 && second < 0x90) return 0;
    if (first == 0xf4 && second > 0x8f) return 0;
    return 4;
  }
  return 0;
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":";
  if (value.empty()) {
    out += "null";
  } else {
    append_json_string(out, value);
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char Hex[] = "0123456789abcdef";
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) {
      const std::size_t length = utf8_length(text, at);
      out += length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(at, length);
      at += length == 0 ? 1 : length;
      continue;
    }
    ++at;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (byte < 0x20 || byte == 0x7f) {
          out += "\\u00";
          out += Hex[byte >> 4];
          out += Hex[byte & 15];
        } else {
          out += c;
        }
        break;
    }
  }
  out += '"';
}

std::string openai_error(std::string_view message, std::string_view type, std::string_view code, std::string_view param) {
  std::string out = "{\"error\":{\"message\":";
  append_json_string(out, message);
  append_member(out, "type", type);
  append_member(out, "param", param);
  append_member(out, "code", code);
  out += "}}";
  return out;
}

}  // namespace evener::protocol
