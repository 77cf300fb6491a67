#include "evener/lab/trace_lines.h"

#include <cmath>
#include <utility>

#include "evener/lab/line_cursor.h"
#include "evener/lab/trace.h"

namespace evener::lab {
namespace {

// A timestamp beyond this would overflow 64 bits of nanoseconds: 100 years.
constexpr double SecondsMax = 100.0 * 365 * 86'400;

std::string_view take_tokens(LineCursor& cursor, std::uint32_t& tokens) {
  const auto value = cursor.take_unsigned();
  if (!value) return "a token count is not a whole number";
  if (*value > TraceTokensMax) return "a token count is above 16777216";
  tokens = static_cast<std::uint32_t>(*value);
  return {};
}

std::optional<Duration> take_time(LineCursor& cursor, TimeUnit unit) {
  const double scale = unit == TimeUnit::Seconds ? 1 : 1000;
  const auto time = cursor.take_number();
  if (!time || *time < 0 || *time > SecondsMax * scale) return std::nullopt;
  return Duration(std::llround(*time * (1e9 / scale)));
}

std::string_view take_hash_ids(LineCursor& cursor, std::vector<std::uint64_t>& ids) {
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

std::string_view take_chat_id(LineCursor& cursor, std::optional<std::int64_t>& id) {
  id = cursor.take_signed();
  return id ? std::string_view() : "a chat id is not a whole number";
}

/// The members that are ours, each at most once.
class JsonMembers {
 public:
  JsonMembers(TimeUnit unit, JsonLine& line) : unit_(unit), line_(line) {}

  std::string_view take(std::string_view name, LineCursor& cursor) {
    if (name == "timestamp") return once(has_time_, [&] { return take_timestamp(cursor); });
    if (name == "input_length") return once(has_input_, [&] { return take_tokens(cursor, line_.input_tokens); });
    if (name == "output_length") return once(has_output_, [&] { return take_tokens(cursor, line_.output_tokens); });
    if (name == "hash_ids") return once(has_ids_, [&] { return take_hash_ids(cursor, line_.hash_ids); });
    if (name == "chat_id") return once(has_chat_, [&] { return take_chat_id(cursor, line_.chat_id); });
    if (name == "parent_chat_id") return once(has_parent_, [&] { return take_chat_id(cursor, line_.parent_chat_id); });
    return cursor.skip_value() ? std::string_view() : "the line is not valid JSON";
  }

  [[nodiscard]] std::string_view missing() const {
    if (!has_time_) return "timestamp is missing";
    if (!has_input_) return "input_length is missing";
    if (!has_output_) return "output_length is missing";
    return {};
  }

 private:
  template <class Take>
  static std::string_view once(bool& seen, Take take) {
    return std::exchange(seen, true) ? "a member is given twice" : take();
  }
  std::string_view take_timestamp(LineCursor& cursor) {
    const auto time = take_time(cursor, unit_);
    if (time) line_.at = *time;
    if (time) return {};
    return unit_ == TimeUnit::Seconds ? "timestamp is not a number of seconds" : "timestamp is not a number of milliseconds";
  }

  TimeUnit unit_;
  JsonLine& line_;
  bool has_time_ = false, has_input_ = false, has_output_ = false, has_ids_ = false, has_chat_ = false, has_parent_ = false;
};

/// Days from 1970-01-01 in the Gregorian calendar (the usual count by 400-year eras).
std::int64_t days_since_1970(unsigned year, unsigned month, unsigned day) {
  const std::int64_t y = static_cast<std::int64_t>(year) - (month <= 2 ? 1 : 0);
  const std::int64_t era = y / 400;
  const std::int64_t year_of_era = y - era * 400;
  const std::int64_t day_of_year = (153 * (static_cast<std::int64_t>(month) + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719'468;
}

std::optional<Duration> take_timestamp(LineCursor& cursor) {
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

/// The whole of a field as a number.
std::optional<double> number_in(std::string_view field) {
  LineCursor cursor(field);
  const auto number = cursor.take_number();
  return cursor.at_end() ? number : std::nullopt;
}

std::string_view read_tokens(std::string_view field, std::uint32_t& tokens) {
  LineCursor cursor(field);
  const std::string_view problem = take_tokens(cursor, tokens);
  return problem.empty() && !cursor.at_end() ? "a token count is not a whole number" : problem;
}

}  // namespace

std::string_view parse_json_line(std::string_view text, TimeUnit unit, JsonLine& line) {
  line.hash_ids.clear();
  line.chat_id.reset();
  line.parent_chat_id.reset();
  JsonMembers members(unit, line);
  LineCursor cursor(text);
  if (!cursor.take_after_space('{')) return "the line is not a JSON object";
  do {
    cursor.skip_space();
    const auto name = cursor.take_string();
    if (!name || !cursor.take_after_space(':')) return "a member has no name or no value";
    cursor.skip_space();
    if (const auto problem = members.take(*name, cursor); !problem.empty()) return problem;
  } while (cursor.take_after_space(','));
  if (!cursor.take_after_space('}')) return "the object does not end";
  cursor.skip_space();
  if (!cursor.at_end()) return "something follows the object";
  if (const auto missing = members.missing(); !missing.empty()) return missing;
  return line.input_tokens == 0 ? "input_length is 0" : std::string_view();
}

bool is_azure_header(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text == "TIMESTAMP,ContextTokens,GeneratedTokens";
}

std::string_view parse_azure_line(std::string_view text, AzureLine& line) {
  LineCursor cursor(text);
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

std::optional<BurstGptColumns> burstgpt_columns(std::string_view header) {
  if (header.starts_with("\xEF\xBB\xBF")) header.remove_prefix(3);
  LineCursor cursor(header);
  BurstGptColumns columns;
  bool timestamp = false, request = false, response = false;
  for (; !cursor.at_end(); ++columns.count) {
    const std::string_view name = cursor.take_field();
    const auto found = [&](std::string_view wanted, bool& seen, std::size_t& column) {
      if (name != wanted) return;
      seen = true;
      column = columns.count;
    };
    found("Timestamp", timestamp, columns.timestamp);
    found("Request tokens", request, columns.request_tokens);
    found("Response tokens", response, columns.response_tokens);
    if (name == "Session ID") columns.session = columns.count;
    if (name == "Elapsed time") columns.elapsed = columns.count;
  }
  return timestamp && request && response ? std::optional(columns) : std::nullopt;
}

std::string_view parse_burstgpt_line(std::string_view text, const BurstGptColumns& columns, BurstGptLine& line) {
  LineCursor cursor(text);
  line = {};
  std::size_t column = 0;
  for (; !cursor.at_end(); ++column) {
    const std::string_view field = cursor.take_field();
    if (column == columns.timestamp) {
      const auto at_s = number_in(field);
      if (!at_s || *at_s < 0 || *at_s > SecondsMax) return "Timestamp is not a number of seconds";
      line.at = Duration(std::llround(*at_s * 1e9));
    } else if (column == columns.request_tokens) {
      if (const auto problem = read_tokens(field, line.request_tokens); !problem.empty()) return problem;
    } else if (column == columns.response_tokens) {
      if (const auto problem = read_tokens(field, line.response_tokens); !problem.empty()) return problem;
    } else if (column == columns.session) {
      line.session = field;
    } else if (column == columns.elapsed && !field.empty()) {
      const auto elapsed_s = number_in(field);
      if (!elapsed_s || *elapsed_s < 0 || *elapsed_s > SecondsMax) return "Elapsed time is not a number of seconds";
      line.elapsed = Duration(std::llround(*elapsed_s * 1e9));
    }
  }
  return column == columns.count ? std::string_view() : "the line has another number of columns than the header";
}

}  // namespace evener::lab
