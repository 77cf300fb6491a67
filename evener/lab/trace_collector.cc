#include "evener/lab/trace_collector.h"

#include <algorithm>
#include <string>
#include <utility>

namespace evener::lab {
namespace {

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

}  // namespace

void TraceCollector::reject(std::uint64_t number, std::string_view why) {
  ++reading_.malformed;
  if (reading_.problems.size() >= TraceReading::ProblemsMax) return;
  reading_.problems.push_back(std::string(file_name_) + ":" + std::to_string(number) + ": " + std::string(why));
}

void TraceCollector::accept(TraceRequest request, std::span<const std::uint64_t> ids) {
  Trace& trace = reading_.trace;
  request.first_block = static_cast<std::uint32_t>(trace.block_ids.size());
  request.blocks = static_cast<std::uint32_t>(ids.size());
  trace.block_ids.insert(trace.block_ids.end(), ids.begin(), ids.end());
  if (!trace.requests.empty() && request.at < last_) ++reading_.out_of_order;
  last_ = request.at;
  trace.requests.push_back(request);
}

TraceReading TraceCollector::finish(std::uint32_t block_tokens) && {
  auto& requests = reading_.trace.requests;
  reading_.trace.block_tokens = block_tokens;
  if (reading_.out_of_order > 0) sort_by_time(requests);
  if (!requests.empty()) {
    const Duration start = requests.front().at;
    for (TraceRequest& request : requests) request.at -= start;
  }
  return std::move(reading_);
}

}  // namespace evener::lab
