#include "evener/lab/trace.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "evener/lab/trace_lines.h"

namespace evener::lab {
namespace {

/// Calls line(text, number) for every line with content; line ends are LF or CRLF.
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

/// Stable by hand: libstdc++'s stable_sort leans on a function that C++20 deprecates.
void sort_by_time(std::vector<TraceRequest>& requests) {
  std::vector<std::pair<Duration, std::size_t>> order;
  for (std::size_t i = 0; i < requests.size(); ++i) order.emplace_back(requests[i].at, i);
  std::sort(order.begin(), order.end());
  std::vector<TraceRequest> sorted;
  sorted.reserve(requests.size());
  for (const auto& [at, index] : order) sorted.push_back(requests[index]);
  requests = std::move(sorted);
}

struct Collector {
  TraceReading reading;
  std::string_view file_name;
  Duration last{};

  void reject(std::uint64_t number, std::string_view why) {
    ++reading.malformed;
    if (reading.problems.size() >= TraceReading::ProblemsMax) return;
    reading.problems.push_back(std::string(file_name) + ":" + std::to_string(number) + ": " + std::string(why));
  }

  void accept(TraceRequest request, std::span<const std::uint64_t> ids) {
    Trace& trace = reading.trace;
    request.first_block = static_cast<std::uint32_t>(trace.block_ids.size());
    request.blocks = static_cast<std::uint32_t>(ids.size());
    trace.block_ids.insert(trace.block_ids.end(), ids.begin(), ids.end());
    if (!trace.requests.empty() && request.at < last) ++reading.out_of_order;
    last = request.at;
    trace.requests.push_back(request);
  }

  TraceReading finish() && {
    auto& requests = reading.trace.requests;
    if (reading.out_of_order > 0) sort_by_time(requests);
    if (!requests.empty()) {
      const Duration start = requests.front().at;
      for (TraceRequest& request : requests) request.at -= start;
    }
    return std::move(reading);
  }
};

}  // namespace

TraceReading read_mooncake_trace(std::string_view text, std::string_view file_name) {
  Collector collector{.reading = {}, .file_name = file_name};
  collector.reading.trace.block_tokens = MooncakeBlockTokens;
  MooncakeLine parsed;
  for_each_line(text, [&](std::string_view line, std::uint64_t number) {
    ++collector.reading.lines;
    if (const std::string_view problem = parse_mooncake_line(line, parsed); !problem.empty()) return collector.reject(number, problem);
    collector.accept({.at = parsed.at, .input_tokens = parsed.input_tokens, .output_tokens = parsed.output_tokens}, parsed.hash_ids);
  });
  return std::move(collector).finish();
}

TraceReading read_azure_trace(std::string_view text, std::string_view file_name) {
  Collector collector{.reading = {}, .file_name = file_name};
  bool header_seen = false;
  for_each_line(text, [&](std::string_view line, std::uint64_t number) {
    if (!header_seen) {
      header_seen = true;
      if (is_azure_header(line)) return;
      ++collector.reading.lines;
      return collector.reject(number, "the header is not TIMESTAMP,ContextTokens,GeneratedTokens");
    }
    ++collector.reading.lines;
    AzureLine parsed;
    if (const std::string_view problem = parse_azure_line(line, parsed); !problem.empty()) return collector.reject(number, problem);
    collector.accept({.at = parsed.at, .input_tokens = parsed.context_tokens, .output_tokens = parsed.generated_tokens}, {});
  });
  return std::move(collector).finish();
}

TraceReading read_trace(std::string_view text, std::string_view file_name) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool json = first != std::string_view::npos && text[first] == '{';
  return json ? read_mooncake_trace(text, file_name) : read_azure_trace(text, file_name);
}

void speed_up(Trace& trace, double factor) {
  for (TraceRequest& request : trace.requests) request.at = Duration(std::llround(static_cast<double>(request.at.count()) / factor));
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
    for (std::size_t i = begin; i < end; ++i) offsets.push_back(Duration(static_cast<std::int64_t>(rng.uniform() * static_cast<double>(width.count()))));
    std::sort(offsets.begin(), offsets.end());
    for (std::size_t i = begin; i < end; ++i) requests[i].at += offsets[i - begin];
    begin = end;
  }
}

std::vector<std::uint64_t> block_hashes(const Trace& trace, const TraceRequest& request, std::uint32_t block_tokens) {
  std::vector<std::uint64_t> result;
  if (block_tokens == 0 || trace.block_tokens == 0 || trace.block_tokens % block_tokens != 0) return result;
  const std::uint32_t parts = trace.block_tokens / block_tokens;
  const std::size_t full = request.input_tokens / block_tokens;
  for (const std::uint64_t id : trace.blocks(request)) {
    for (std::uint32_t part = 0; part < parts && result.size() < full; ++part) {
      result.push_back(splitmix64(splitmix64(id) + part));
    }
  }
  return result;
}

}  // namespace evener::lab
