#include "evener/lab/line_cursor.h"

#include <charconv>
#include <cmath>

namespace evener::lab {
namespace {

template <class Number>
std::optional<Number> take_number_of(std::string_view& rest) {
  Number value{};
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (error != std::errc()) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  return value;
}

}  // namespace

void LineCursor::skip_space() {
  while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
}

bool LineCursor::take(char c) {
  if (rest_.empty() || rest_.front() != c) return false;
  rest_.remove_prefix(1);
  return true;
}

bool LineCursor::take_after_space(char c) {
  skip_space();
  return take(c);
}

bool LineCursor::take_word(std::string_view word) {
  if (!rest_.starts_with(word)) return false;
  rest_.remove_prefix(word.size());
  return true;
}

std::string_view LineCursor::take_field() {
  const std::size_t comma = rest_.find(',');
  const std::string_view field = rest_.substr(0, comma);
  rest_.remove_prefix(comma == std::string_view::npos ? rest_.size() : comma + 1);
  return field;
}

std::optional<std::string_view> LineCursor::take_string() {
  if (!take('"')) return std::nullopt;
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    if (static_cast<unsigned char>(rest_[i]) < 0x20) return std::nullopt;
    if (rest_[i] == '\\') {
      ++i;
      continue;
    }
    if (rest_[i] != '"') continue;
    const std::string_view content = rest_.substr(0, i);
    rest_.remove_prefix(i + 1);
    return content;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> LineCursor::take_unsigned() { return take_number_of<std::uint64_t>(rest_); }

std::optional<std::int64_t> LineCursor::take_signed() { return take_number_of<std::int64_t>(rest_); }

std::optional<double> LineCursor::take_number() {
  if (peek() != '-' && (peek() < '0' || peek() > '9')) return std::nullopt;  // from_chars would accept "inf"
  const auto value = take_number_of<double>(rest_);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<unsigned> LineCursor::take_digits(std::size_t digits) {
  if (rest_.size() < digits) return std::nullopt;
  unsigned value = 0;
  for (const char c : rest_.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  rest_.remove_prefix(digits);
  return value;
}

bool LineCursor::skip_value(int nesting) {
  skip_space();
  if (nesting > NestingMax) return false;
  if (peek() == '"') return take_string().has_value();
  if (peek() == '{' || peek() == '[') return skip_container(nesting);
  return take_word("true") || take_word("false") || take_word("null") || take_number().has_value();
}

bool LineCursor::skip_container(int nesting) {
  const bool object = peek() == '{';
  const char close = object ? '}' : ']';
  rest_.remove_prefix(1);
  if (take_after_space(close)) return true;
  do {
    skip_space();
    if (object && (!take_string() || !take_after_space(':'))) return false;
    if (!skip_value(nesting + 1)) return false;
  } while (take_after_space(','));
  return take_after_space(close);
}

}  // namespace evener::lab
