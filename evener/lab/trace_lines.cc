#include "evener/lab/trace_lines.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "evener/lab/trace.h"

namespace evener::lab {
namespace {

// A timestamp beyond this would overflow 64 bits of nanoseconds: 100 years.
constexpr double SecondsMax = 100.0 * 365 * 86'400;
constexpr int NestingMax = 32;

/// A cursor over one line; every take_ function leaves it behind what it took, or answers no.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  void skip_space() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool take(char c) {
    if (peek() != c || rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_after_space(char c) {
    skip_space();
    return take(c);
  }
  bool take_word(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  /// The raw content of a JSON string; escapes stay as they are, which is enough to compare with plain names.
  std::optional<std::string_view> take_string() {
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
  std::optional<std::uint64_t> take_unsigned() {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }
  std::optional<double> take_number() {
    if (peek() != '-' && (peek() < '0' || peek() > '9')) return std::nullopt;  // from_chars would accept "inf"
    double value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
  }
  /// Exactly `digits` decimal digits.
  std::optional<unsigned> take_digits(std::size_t digits) {
    if (rest_.size() < digits) return std::nullopt;
    unsigned value = 0;
    for (const char c : rest_.substr(0, digits)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }
  /// Passes over one JSON value of any kind.
  bool skip_value(int nesting) {
    skip_space();
    if (nesting > NestingMax) return false;
    if (peek() == '"') return take_string().has_value();
    if (peek() == '{' || peek() == '[') return skip_container(nesting);
    return take_word("true") || take_word("false") || take_word("null") || take_number().has_value();
  }

 private:
  bool skip_container(int nesting) {
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

  std::string_view rest_;
};

std::string_view take_tokens(Cursor& cursor, std::uint32_t& tokens) {
  const auto value = cursor.take_unsigned();
  if (!value) return "a token count is not a whole number";
  if (*value > TraceTokensMax) return "a token count is above 16777216";
  tokens = static_cast<std::uint32_t>(*value);
  return {};
}

std::string_view take_hash_ids(Cursor& cursor, std::vector<std::uint64_t>& ids) {
  constexpr std::string_view Wrong = "hash_ids is not a list of whole numbers";
  if (!cursor.take('[')) return Wrong;
  if (cursor.take_after_space(']')) return {};
  do {
    cursor.skip_space();
    const auto id = cursor.take_unsigned();
    if (!id) return Wrong;
    ids.push_back(*id);
  } while (cursor.take_after_space(','));
  return cursor.take_after_space(']') ? std::string_view() : Wrong;
}

/// Days from 1970-01-01 in the Gregorian calendar (the usual count by 400-year eras).
std::int64_t days_since_1970(unsigned year, unsigned month, unsigned day) {
  const std::int64_t y = static_cast<std::int64_t>(year) - (month <= 2 ? 1 : 0);
  const std::int64_t era = y / 400;
  const std::int64_t year_of_era = y - era * 400;
  const std::int64_t day_of_year = (153 * (static_cast<std::int64_t>(month) + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719'468;
}

std::optional<Duration> take_timestamp(Cursor& cursor) {
  const auto year = cursor.take_digits(4);
  if (!year || !cursor.take('-')) return std::nullopt;
  const auto month = cursor.take_digits(2);
  if (!month || !cursor.take('-')) return std::nullopt;
  const auto day = cursor.take_digits(2);
  if (!day || !(cursor.take(' ') || cursor.take('T'))) return std::nullopt;
  const auto hour = cursor.take_digits(2);
  if (!hour || !cursor.take(':')) return std::nullopt;
  const auto minute = cursor.take_digits(2);
  if (!minute || !cursor.take(':')) return std::nullopt;
  const auto second = cursor.take_digits(2);
  if (!second) return std::nullopt;
  if (*year < 1970 || *year > 2200 || *month < 1 || *month > 12 || *day < 1 || *day > 31 || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  std::int64_t nanoseconds = 0;
  if (cursor.take('.')) {
    std::int64_t unit = 100'000'000;
    bool any = false;
    while (const auto digit = cursor.take_digits(1)) {
      nanoseconds += unit * *digit;
      unit /= 10;
      any = true;
    }
    if (!any) return std::nullopt;
  }
  if (!cursor.take('Z')) cursor.take_word("+00:00");
  const std::int64_t seconds = days_since_1970(*year, *month, *day) * 86'400 + *hour * 3600 + *minute * 60 + *second;
  return Duration(seconds * 1'000'000'000 + nanoseconds);
}

}  // namespace

std::string_view parse_mooncake_line(std::string_view text, MooncakeLine& line) {
  line.hash_ids.clear();
  bool has_time = false, has_input = false, has_output = false, has_ids = false;
  const auto first_time = [](bool& seen) { return !std::exchange(seen, true); };
  constexpr std::string_view Repeated = "a member is given twice";

  Cursor cursor(text);
  if (!cursor.take_after_space('{')) return "the line is not a JSON object";
  do {
    cursor.skip_space();
    const auto name = cursor.take_string();
    if (!name || !cursor.take_after_space(':')) return "a member has no name or no value";
    cursor.skip_space();
    if (*name == "timestamp") {
      if (!first_time(has_time)) return Repeated;
      const auto ms = cursor.take_number();
      if (!ms || *ms < 0 || *ms > SecondsMax * 1000) return "timestamp is not a number of milliseconds";
      line.at = Duration(std::llround(*ms * 1e6));
    } else if (*name == "input_length") {
      if (!first_time(has_input)) return Repeated;
      if (const auto problem = take_tokens(cursor, line.input_tokens); !problem.empty()) return problem;
    } else if (*name == "output_length") {
      if (!first_time(has_output)) return Repeated;
      if (const auto problem = take_tokens(cursor, line.output_tokens); !problem.empty()) return problem;
    } else if (*name == "hash_ids") {
      if (!first_time(has_ids)) return Repeated;
      if (const auto problem = take_hash_ids(cursor, line.hash_ids); !problem.empty()) return problem;
    } else if (!cursor.skip_value(0)) {
      return "the line is not valid JSON";
    }
  } while (cursor.take_after_space(','));
  if (!cursor.take_after_space('}')) return "the object does not end";
  cursor.skip_space();
  if (!cursor.at_end()) return "something follows the object";
  if (!has_time) return "timestamp is missing";
  if (!has_input) return "input_length is missing";
  if (!has_output) return "output_length is missing";
  if (line.input_tokens == 0) return "input_length is 0";
  return {};
}

bool is_azure_header(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text == "TIMESTAMP,ContextTokens,GeneratedTokens";
}

std::string_view parse_azure_line(std::string_view text, AzureLine& line) {
  Cursor cursor(text);
  const auto at = take_timestamp(cursor);
  if (!at) return "the timestamp is not of the form 2023-11-16 18:17:03.9799600";
  line.at = *at;
  if (!cursor.take(',')) return "ContextTokens is missing";
  if (const auto problem = take_tokens(cursor, line.context_tokens); !problem.empty()) return problem;
  if (!cursor.take(',')) return "GeneratedTokens is missing";
  if (const auto problem = take_tokens(cursor, line.generated_tokens); !problem.empty()) return problem;
  if (!cursor.at_end()) return "something follows the third column";
  if (line.context_tokens == 0) return "ContextTokens is 0";
  return {};
}

}  // namespace evener::lab
