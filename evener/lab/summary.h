#pragma once
// What a run came to: latencies, goodput, throughput, cache hits and balance, over all requests or a part of them. Names as AIPerf and
// inference-perf use them: TTFT to the first token, TPOT (last - first token) / (output - 1), E2E the whole request, all from arrival.

#include <cstdint>
#include <optional>
#include <vector>

#include "evener/lab/simulation.h"

namespace evener::lab {

/// Seconds. Quantiles are the smallest value that at least the share q of the values do not exceed (nearest rank).
struct Quantiles {
  std::uint64_t count = 0;
  double mean_s = 0, p50_s = 0, p90_s = 0, p95_s = 0, p99_s = 0, max_s = 0;
};
[[nodiscard]] Quantiles quantiles_of(std::vector<double> values_s);

struct Objectives {
  Duration first_token{}, token{};  // for requests that bring none; 0 = none
};

struct Summary {
  std::uint64_t requests = 0, done = 0, refused = 0, rejected = 0, unfinished = 0, failed = 0;  // requests: those that arrived
  Quantiles ttft, tpot, e2e, queued;                                     // of requests that are done; queued: from arrival until dispatched
  std::uint64_t good = 0;                                                // done, within both objectives
  double span_s = 0;                                                     // from the first arrival until the last request ended
  std::uint64_t input_tokens = 0, cached_tokens = 0, output_tokens = 0;  // of requests that are done
  std::vector<std::uint64_t> endpoint_requests, endpoint_tokens;         // dispatched; prompt and output tokens of what it has done
  double imbalance = 0;  // busiest endpoint's working time over the mean; of all requests, whatever the part

  [[nodiscard]] double good_share() const { return requests == 0 ? 0 : static_cast<double>(good) / static_cast<double>(requests); }
  [[nodiscard]] double good_per_s() const { return span_s > 0 ? static_cast<double>(good) / span_s : 0; }
  [[nodiscard]] double output_tokens_per_s() const { return span_s > 0 ? static_cast<double>(output_tokens) / span_s : 0; }
  [[nodiscard]] double hit_share() const {
    return input_tokens == 0 ? 0 : static_cast<double>(cached_tokens) / static_cast<double>(input_tokens);
  }
};

/// What is asked of a summary: a class, a tenant, a stage, or the requests between two arrivals; by default all.
struct Part {
  std::optional<route::Priority> priority;
  std::optional<std::uint64_t> tenant;
  std::optional<std::uint32_t> stage;
  Duration from{}, to = Duration::max();  // arrival, from <= it < to
};

[[nodiscard]] Summary summarise(const Workload& workload, const SimulationResult& result, const Objectives& objectives,
                                const Part& part = {});

}  // namespace evener::lab
