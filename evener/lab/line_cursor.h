#pragma once
// LineCursor: reads one line of a text from its beginning, piece by piece. Written by hand because the lab takes no JSON library in; knows the
// few things that traces are written in: numbers, digits, JSON strings and values to pass over.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace evener::lab {

/// Borrows the line. Every take leaves it behind what it took, or answers no and may stand anywhere.
class LineCursor {
 public:
  static constexpr int NestingMax = 32;  // of JSON values that are passed over

  explicit LineCursor(std::string_view line) : rest_(line) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  void skip_space();
  bool take(char c);
  bool take_after_space(char c);
  bool take_word(std::string_view word);
  /// Up to the next comma, which is taken, too, or to the end.
  std::string_view take_field();
  /// The raw content of a JSON string; escapes stay as they are, which is enough to compare with plain names.
  std::optional<std::string_view> take_string();
  std::optional<std::uint64_t> take_unsigned();
  std::optional<std::int64_t> take_signed();
  /// Finite.
  std::optional<double> take_number();
  /// Exactly `digits` decimal digits.
  std::optional<unsigned> take_digits(std::size_t digits);
  /// Passes over one JSON value of any kind.
  bool skip_value() { return skip_value(0); }

 private:
  bool skip_value(int nesting);
  bool skip_container(int nesting);

  std::string_view rest_;
};

/// Calls line(text, number) for every line with content, numbers from 1; line ends are LF or CRLF.
template <class Line>
void for_each_line(std::string_view text, Line line) {
  std::uint64_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view current = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (current.ends_with('\r')) current.remove_suffix(1);
    if (current.find_first_not_of(" \t") != std::string_view::npos) line(current, number);
  }
}

}  // namespace evener::lab
