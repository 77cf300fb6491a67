#include "evener/lab/trace.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>
#include <utility>

#include "evener/core/hashing.h"
#include "evener/lab/line_cursor.h"
#include "evener/lab/trace_collector.h"
#include "evener/lab/trace_lines.h"

namespace evener::lab {
namespace {

/// Which session a chat of Bailian belongs to: that of the first chat that it comes from. A parent that is not in the trace, because it was cut
/// out of a longer one, still keeps its children together.
class ChatSessions {
 public:
  std::uint64_t of(const JsonLine& line) {
    if (!line.chat_id) return 0;
    const bool first = !line.parent_chat_id || *line.parent_chat_id < 0;
    const std::int64_t parent = first ? *line.chat_id : *line.parent_chat_id;
    const auto known = first ? sessions_.end() : sessions_.find(parent);
    const std::uint64_t session = known == sessions_.end() ? hash_combine(1, static_cast<std::uint64_t>(parent)) : known->second;
    sessions_[*line.chat_id] = session;
    return session;
  }

 private:
  std::unordered_map<std::int64_t, std::uint64_t> sessions_;  // by chat; looked up, never iterated
};

void chain(std::vector<std::uint64_t>& ids) {
  std::uint64_t head = 0;
  for (std::uint64_t& id : ids) head = id = hash_combine(head, id);
}

std::string_view first_line(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  return text.substr(begin, std::min(text.find('\n', begin), text.size()) - begin);
}

/// Calls line(text, number, header) for every line but the first, of which read_header(text) makes the header. Without one the file has a
/// single malformed line.
template <class ReadHeader, class Line>
void for_each_row(std::string_view text, TraceCollector& collector, std::string_view wrong_header, ReadHeader read_header, Line line) {
  std::optional<decltype(read_header(text))> header;
  for_each_line(text, [&](std::string_view current, std::uint64_t number) {
    if (header && !*header) return;
    if (header) {
      collector.line();
      return line(current, number, **header);
    }
    header = read_header(current);
    if (*header) return;
    collector.line();
    collector.reject(number, wrong_header);
  });
}

}  // namespace

TraceReading read_mooncake_trace(std::string_view text, std::string_view file_name) {
  TraceCollector collector(file_name);
  JsonLine parsed;
  for_each_line(text, [&](std::string_view line, std::uint64_t number) {
    collector.line();
    const std::string_view problem = parse_json_line(line, TimeUnit::Milliseconds, parsed);
    if (!problem.empty()) return collector.reject(number, problem);
    collector.accept({.at = parsed.at, .input_tokens = parsed.input_tokens, .output_tokens = parsed.output_tokens}, parsed.hash_ids);
  });
  return std::move(collector).finish(MooncakeBlockTokens);
}

TraceReading read_bailian_trace(std::string_view text, std::string_view file_name) {
  TraceCollector collector(file_name);
  ChatSessions sessions;
  JsonLine parsed;
  for_each_line(text, [&](std::string_view line, std::uint64_t number) {
    collector.line();
    std::string_view problem = parse_json_line(line, TimeUnit::Seconds, parsed);
    if (problem.empty() && !parsed.chat_id) problem = "chat_id is missing";
    if (!problem.empty()) return collector.reject(number, problem);
    chain(parsed.hash_ids);
    collector.accept(
        {.at = parsed.at, .input_tokens = parsed.input_tokens, .output_tokens = parsed.output_tokens, .session = sessions.of(parsed)},
        parsed.hash_ids);
  });
  return std::move(collector).finish(BailianBlockTokens);
}

TraceReading read_azure_trace(std::string_view text, std::string_view file_name) {
  TraceCollector collector(file_name);
  const auto read_header = [](std::string_view line) { return is_azure_header(line) ? std::optional(true) : std::nullopt; };
  for_each_row(text, collector, "the header is not TIMESTAMP,ContextTokens,GeneratedTokens", read_header,
               [&](std::string_view line, std::uint64_t number, bool) {
                 AzureLine parsed;
                 const std::string_view problem = parse_azure_line(line, parsed);
                 if (!problem.empty()) return collector.reject(number, problem);
                 collector.accept({.at = parsed.at, .input_tokens = parsed.context_tokens, .output_tokens = parsed.generated_tokens}, {});
               });
  return std::move(collector).finish(0);
}

TraceReading read_burstgpt_trace(std::string_view text, std::string_view file_name) {
  TraceCollector collector(file_name);
  for_each_row(text, collector, "the header has no Timestamp, Request tokens and Response tokens", burstgpt_columns,
               [&](std::string_view line, std::uint64_t number, const BurstGptColumns& columns) {
                 BurstGptLine parsed;
                 const std::string_view problem = parse_burstgpt_line(line, columns, parsed);
                 if (!problem.empty()) return collector.reject(number, problem);
                 if (parsed.request_tokens == 0 || parsed.response_tokens == 0) return collector.leave_out_failed();
                 collector.accept({.at = parsed.at,
                                   .input_tokens = parsed.request_tokens,
                                   .output_tokens = parsed.response_tokens,
                                   .took = parsed.elapsed.value_or(Duration::zero()),
                                   .session = parsed.session.empty() ? 0 : hash64(parsed.session)},
                                  {});
               });
  return std::move(collector).finish(0);
}

TraceReading read_trace(std::string_view text, std::string_view file_name) {
  const std::string_view line = first_line(text);
  const auto has = [&](std::string_view word) { return line.find(word) != std::string_view::npos; };
  if (line.starts_with('{')) return has("\"chat_id\"") ? read_bailian_trace(text, file_name) : read_mooncake_trace(text, file_name);
  return has("Request tokens") ? read_burstgpt_trace(text, file_name) : read_azure_trace(text, file_name);
}

void spread_equal_times(Trace& trace, Rng& rng) {
  auto& requests = trace.requests;
  std::vector<Duration> steps;
  for (std::size_t i = 1; i < requests.size(); ++i) {
    if (requests[i].at > requests[i - 1].at) steps.push_back(requests[i].at - requests[i - 1].at);
  }
  if (steps.empty()) return;
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  const Duration median = *middle;

  std::vector<Duration> offsets;
  for (std::size_t begin = 0; begin < requests.size();) {
    std::size_t end = begin + 1;
    while (end < requests.size() && requests[end].at == requests[begin].at) ++end;
    const Duration width = end < requests.size() ? requests[end].at - requests[begin].at : median;
    offsets.clear();
    for (std::size_t i = begin; i < end; ++i)
      offsets.push_back(Duration(static_cast<std::int64_t>(rng.uniform() * static_cast<double>(width.count()))));
    std::sort(offsets.begin(), offsets.end());
    for (std::size_t i = begin; i < end; ++i) requests[i].at += offsets[i - begin];
    begin = end;
  }
}

}  // namespace evener::lab
