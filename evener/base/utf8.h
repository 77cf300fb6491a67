#pragma once
// The one question that text from outside raises everywhere: how long is the well-formed UTF-8 sequence at this place, if there is one?
// Overlong forms, surrogates and values above U+10FFFF are not well-formed (RFC 3629).

#include <cstddef>
#include <string>
#include <string_view>

namespace evener {

inline constexpr std::string_view Utf8Replacement = "\xEF\xBF\xBD";  // U+FFFD

/// Length in bytes (1..4) of the well-formed sequence at text[at], or 0 when there is none. `at` must be below text.size().
constexpr std::size_t utf8_sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](std::size_t offset, unsigned low, unsigned high) {
    return at + offset < text.size() && byte(at + offset) >= low && byte(at + offset) <= high;
  };
  const unsigned lead = byte(at);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1, 0x80, 0xBF) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;   // below: overlong
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;  // above: surrogates
    return follows(1, low, high) && follows(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return follows(1, low, high) && follows(2, 0x80, 0xBF) && follows(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

/// Appends the text with every byte that belongs to no well-formed sequence replaced by U+FFFD.
void append_valid_utf8(std::string& out, std::string_view text);

}  // namespace evener
