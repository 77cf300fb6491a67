#include "evener/cli/served_log_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

#include "evener/lab/csv_fields.h"
#include "evener/lab/line_cursor.h"
#include "evener/protocol/json_reader.h"

namespace evener::cli {
namespace {

using lab::for_each_line;
using lab::ServedRequest;

constexpr double SecondsMax = 1e9;
constexpr std::uint32_t YearMin = 1970, YearMax = 2200;  // nanoseconds of it fit 64 bits
constexpr std::size_t EndpointsNamed = 16;

std::optional<double> to_seconds(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0) || value > SecondsMax) return std::nullopt;
  return value;
}

std::optional<std::uint32_t> to_tokens(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > ServedLog::TokensMax) return std::nullopt;
  return value;
}

class Collector {
 public:
  explicit Collector(std::string_view file_name) : file_name_(file_name) {}

  ServedLog log;

  void reject(std::uint64_t number, std::string_view why) {
    ++log.malformed;
    if (log.problems.size() < ServedLog::ProblemsMax) log.problems.push_back(fmt::format("{}:{}: {}", file_name_, number, why));
  }

  /// In order of arrival, whatever the order of the lines: an access log is written when requests end.
  ServedLog finish() && {
    std::vector<std::pair<Duration, std::size_t>> order;
    for (std::size_t i = 0; i < log.requests.size(); ++i) order.emplace_back(log.requests[i].arrival, i);
    std::sort(order.begin(), order.end());
    std::vector<ServedRequest> sorted;
    for (const auto& [arrival, index] : order) {
      sorted.push_back(log.requests[index]);
      sorted.back().arrival = arrival - order.front().first;
    }
    log.requests = std::move(sorted);
    return std::move(log);
  }

 private:
  std::string_view file_name_;
};

Result<ServedLog> read_csv(std::string_view text, std::string_view file_name) {
  constexpr std::array Columns = {"arrival_s", "input_tokens", "output_tokens", "ttft_s", "e2e_s"};
  std::array<std::size_t, Columns.size()> at{};
  Collector collector(file_name);
  std::optional<std::string> missing;
  std::size_t width = 0;
  for_each_line(text, [&](std::string_view line, std::uint64_t number) {
    if (missing) return;
    const std::vector<std::string_view> fields = lab::csv_fields(line);
    if (width == 0) {
      width = fields.size();
      for (std::size_t i = 0; i < Columns.size(); ++i) {
        const auto found = std::find(fields.begin(), fields.end(), Columns[i]);
        if (found == fields.end() && !missing) missing = Columns[i];
        at[i] = static_cast<std::size_t>(found - fields.begin());
      }
      return;
    }
    ++collector.log.lines;
    if (fields.size() != width) return collector.reject(number, fmt::format("{} fields under a header of {}", fields.size(), width));
    const auto arrival = to_seconds(fields[at[0]]), first = to_seconds(fields[at[3]]), total = to_seconds(fields[at[4]]);
    const auto input = to_tokens(fields[at[1]]), output = to_tokens(fields[at[2]]);
    if (!arrival || !first || !total) return collector.reject(number, "a time is not a number of seconds");
    if (!input || !output || *input == 0 || *output == 0) return collector.reject(number, "a token count is not a whole number above 0");
    if (*first > *total) return collector.reject(number, "ttft_s is above e2e_s");
    collector.log.requests.push_back({.arrival = from_seconds(*arrival),
                                      .input_tokens = *input,
                                      .output_tokens = *output,
                                      .first_token = from_seconds(*first),
                                      .total = from_seconds(*total)});
  });
  if (missing || width == 0) {
    return fail(fmt::format("{} is no access log, and its first line names no column {}", file_name, missing.value_or("arrival_s")),
                Fault::Client);
  }
  return std::move(collector).finish();
}

/// "2026-11-20T17:54:30.396Z" since 1970.
std::optional<Duration> to_instant(std::string_view text) {
  if (text.size() != 24 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != '.' ||
      text[23] != 'Z') {
    return std::nullopt;
  }
  const auto number = [&](std::size_t begin, std::size_t length) { return to_tokens(text.substr(begin, length)); };
  const auto year = number(0, 4), month = number(5, 2), day = number(8, 2), hour = number(11, 2), minute = number(14, 2),
             second = number(17, 2), ms = number(20, 3);
  if (!year || !month || !day || !hour || !minute || !second || !ms || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  if (*year < YearMin || *year > YearMax) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month), std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second) + std::chrono::milliseconds(*ms);
}

struct AccessLine {
  std::string_view endpoint;  // as written, escapes included
  bool usable = false;        // its times are the engine's
  ServedRequest request;
};

/// The line, or what is wrong with it.
Result<AccessLine> read_access_line(std::string_view text) {
  protocol::JsonReader& reader = protocol::thread_json_reader();
  if (const auto error = reader.read(text, protocol::JsonCheck::Everything)) return fail(fmt::format("is no JSON object: {}", error->what));
  const auto members = reader.members();
  const auto text_of = [&](std::string_view key) -> std::string_view {
    const protocol::JsonMember* member = find_member(members, key);
    if (member == nullptr || member->value.kind == protocol::JsonKind::Null) return {};
    const std::string_view value = member->value.text;
    return member->value.kind == protocol::JsonKind::String ? value.substr(1, value.size() - 2) : value;
  };
  if (text_of("ended").empty()) return fail("has no member ended: this is no access log");
  AccessLine line{.endpoint = text_of("endpoint")};
  const bool plain = text_of("ended") == "done" && text_of("status") == "200" && text_of("stream") == "true" &&
                     text_of("attempts") == "1" && text_of("hedged").empty() && text_of("preempted") != "true" &&
                     text_of("continued").empty();
  if (!plain || line.endpoint.empty() || text_of("first_token_ms").empty() || text_of("prompt_tokens").empty() ||
      text_of("completion_tokens").empty()) {
    return line;
  }
  const auto ended = to_instant(text_of("time"));
  const auto first = to_seconds(text_of("first_token_ms")), total = to_seconds(text_of("total_ms")),
             queued = to_seconds(text_of("queue_ms"));
  const auto connect = text_of("connect_ms").empty() ? std::optional(0.0) : to_seconds(text_of("connect_ms"));
  const auto input = to_tokens(text_of("prompt_tokens")), output = to_tokens(text_of("completion_tokens"));
  const auto cached = text_of("cached_tokens").empty() ? std::optional(0U) : to_tokens(text_of("cached_tokens"));
  if (!ended || !first || !total || !queued || !connect) return fail("has a time that cannot be read");
  if (!input || !output || !cached) return fail("has a token count that is no whole number");
  const double before_ms = *queued + *connect;  // until the engine had it
  if (*first > *total || *first < before_ms) return fail("has times that contradict each other");
  if (*input == 0 || *output == 0) return line;
  line.usable = true;
  line.request = {.arrival = *ended - from_seconds((*total - before_ms) / 1000),
                  .input_tokens = *input,
                  .output_tokens = *output,
                  .cached_tokens = std::min(*cached, *input),
                  .first_token = from_seconds((*first - before_ms) / 1000),
                  .total = from_seconds((*total - before_ms) / 1000)};
  return line;
}

Result<ServedLog> read_access_log(std::string_view text, std::string_view file_name, std::string_view endpoint) {
  Collector collector(file_name);
  std::set<std::string, std::less<>> endpoints;
  for_each_line(text, [&](std::string_view line, std::uint64_t number) {
    ++collector.log.lines;
    const auto read = read_access_line(line);
    if (!read) return collector.reject(number, read.error().message);
    const bool asked = endpoint.empty() || read->endpoint == endpoint;
    if (!read->usable || !asked) {
      ++collector.log.passed_over;
    } else {
      collector.log.requests.push_back(read->request);
    }
    if (read->usable && endpoints.size() < EndpointsNamed) endpoints.emplace(read->endpoint);
  });
  if (endpoint.empty() && endpoints.size() > 1) {
    std::string names;
    for (const std::string& name : endpoints) names += (names.empty() ? "" : ", ") + name;
    return fail(fmt::format("{} holds several endpoints, and each is another engine: choose one of {}", file_name, names), Fault::Client);
  }
  return std::move(collector).finish();
}

}  // namespace

Result<ServedLog> read_served_log(std::string_view text, std::string_view file_name, std::string_view endpoint) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool json = first != std::string_view::npos && text[first] == '{';
  return json ? read_access_log(text, file_name, endpoint) : read_csv(text, file_name);
}

}  // namespace evener::cli
