#pragma once
// What the tests of policies in virtual time share: engines that are cheap to simulate, and figures of how evenly a run was spread.

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "evener/lab/engine_presets.h"
#include "evener/lab/simulation.h"
#include "evener/lab/workloads.h"

namespace evener::lab {

/// Prefills 20,000 tokens per second and decodes at 5 ms and 0.2 ms per request, so that some hundred requests make a queue.
inline SimulatedEndpoint small_engine(double slowdown = 1) {
  return {.name = "engine",
          .engine =
              EngineConfig{
                  .step = LinearStep{.prefill_tokens_per_s = 20'000, .base_s = 0.005, .per_sequence_s = 0.0002, .per_kv_token_s = 1e-8},
                  .batch_sequences_max = 64,
                  .batch_tokens_max = 2048,
                  .kv_blocks = 8'000},
          .settings = {},
          .slowdown = slowdown};
}

inline SimulatedEndpoint preset_engine(std::string_view name) {
  const EnginePreset& preset = *find_engine_preset(name);
  return {.name = std::string(name), .engine = preset.config, .settings = {}, .request_overhead = preset.request_overhead};
}

/// Chats that share nothing: prompts of 400 tokens and answers of 60 on average.
inline Workload short_chats(double rate_per_s, double duration_s, std::uint64_t seed) {
  return independent_load({.arrivals = {.stages = {{rate_per_s, duration_s}}},
                           .input = {.shape = LengthLaw::Shape::LogNormal, .mean = 400, .spread = 1, .max = 4000},
                           .output = {.shape = LengthLaw::Shape::Exponential, .mean = 60, .max = 400}},
                          seed);
}

/// The mean over all dispatches of the most requests in flight at one endpoint over the mean of all endpoints; 1 = always even.
inline double crowding(const SimulationResult& result) {
  std::vector<std::pair<Duration, std::int64_t>> changes;  // at, endpoint + 1 when it begins, minus that when it ends
  for (const RequestResult& request : result.requests) {
    if (request.fate != Fate::Done) continue;
    changes.emplace_back(request.dispatched, std::int64_t{request.endpoint} + 1);
    changes.emplace_back(request.finished, -std::int64_t{request.endpoint} - 1);
  }
  std::sort(changes.begin(), changes.end());
  std::vector<double> in_flight(result.endpoints.size());
  double all = 0, sum = 0, dispatches = 0;
  for (const auto& [at, change] : changes) {
    const double one = change > 0 ? 1 : -1;
    in_flight[static_cast<std::size_t>(std::abs(change) - 1)] += one;
    all += one;
    if (one < 0) continue;
    sum += *std::max_element(in_flight.begin(), in_flight.end()) * static_cast<double>(in_flight.size()) / all;
    dispatches += 1;
  }
  return sum / dispatches;
}

/// The share that each endpoint got of the requests that were dispatched in [from, to).
inline std::vector<double> shares(const SimulationResult& result, Duration from = {}, Duration to = Duration::max()) {
  std::vector<double> counts(result.endpoints.size());
  double all = 0;
  for (const RequestResult& request : result.requests) {
    if (request.fate != Fate::Done || request.dispatched < from || request.dispatched >= to) continue;
    ++counts[request.endpoint];
    ++all;
  }
  for (double& count : counts) count /= all;
  return counts;
}

}  // namespace evener::lab
