#pragma once
// What a prompt is made of: characters by kind of script, which decides how many of them make a token. Text is looked at as it stands in JSON,
// escapes included; of a long one only windows are looked at, evenly spread, so that the cost does not grow with the prompt.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace evener {

enum class TextClass : std::uint8_t {
  Letter,  // a-z, A-Z
  Space,   // the ASCII blank
  Digit,
  Symbol,    // other ASCII; each escaped control character or quote is one
  Latin,     // letters with accents, to U+036F
  Cyrillic,  // and Greek, to U+052F
  Cjk,       // Chinese, Japanese, Korean: U+3000 to U+FFFF but private use
  Other,     // Arabic, Hebrew, Indic and all other scripts, typographic signs, emoji
};
inline constexpr std::size_t TextClasses = 8;

struct TextCounts {
  std::array<float, TextClasses> chars{};  // estimated from windows where a text is long
  std::uint32_t messages = 0;              // each costs a few tokens of the chat template
  std::uint32_t media = 0;                 // images, sounds and films
  std::uint32_t token_ids = 0;             // given as numbers, so exact

  [[nodiscard]] float& operator[](TextClass text_class) { return chars[static_cast<std::size_t>(text_class)]; }
  [[nodiscard]] float operator[](TextClass text_class) const { return chars[static_cast<std::size_t>(text_class)]; }
};

/// A text up to this size is looked at completely.
inline constexpr std::size_t TextCompleteMax = 128;
inline constexpr std::size_t TextWindow = 64;
/// Beyond it windows start this far apart, and farther in texts that would need more than TextWindowsMax of them.
inline constexpr std::size_t TextWindowDistance = 256;
inline constexpr std::size_t TextWindowsMax = 128;

/// Adds the characters of `text`, the inside of a JSON string or JSON itself. At most TextWindowsMax windows of TextWindow bytes are read.
void count_text(std::string_view text, TextCounts& counts);

}  // namespace evener
