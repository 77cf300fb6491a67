#pragma once
// Lines for a terminal that know how wide they are: text is cut at the width, colours cost no column, and without colour or UTF-8 the same
// calls give plain or ASCII text. Every character used counts as one column.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace evener::cli::demo {

/// What the reader's terminal can show.
struct TextStyle {
  bool color = false;
  bool unicode = false;
  std::size_t width = 80;
};

enum class Ink : std::uint8_t { Plain, Bold, Dim, Good, Warn, Bad, Accent };

/// Columns that a UTF-8 text takes: its code points.
[[nodiscard]] std::size_t columns_of(std::string_view text);

/// One line, built from left to right. What does not fit the width is left out.
class StyledLine {
 public:
  explicit StyledLine(const TextStyle& style) : style_(style) {}

  StyledLine& add(std::string_view text, Ink ink = Ink::Plain);
  /// Ends at the column that is `width` further on; the text stands at the right of it.
  StyledLine& add_right(std::string_view text, std::size_t width, Ink ink = Ink::Plain);
  /// The same with the text at the left.
  StyledLine& add_left(std::string_view text, std::size_t width, Ink ink = Ink::Plain);

  [[nodiscard]] std::size_t column() const { return column_; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  TextStyle style_;
  std::string text_;
  std::size_t column_ = 0;
};

/// Broken at blanks into lines of at most so many columns; a longer word stays whole.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, std::size_t width);

/// So many cells filled, in eighths where the terminal can show them, of `width`; never wider, and not padded.
[[nodiscard]] std::string bar(double cells, std::size_t width, const TextStyle& style);

/// "47 ms", "1.24 s"; "-" for what is unknown (negative).
[[nodiscard]] std::string time_text(double seconds);

}  // namespace evener::cli::demo
