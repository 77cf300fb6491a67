#pragma once
// What an engine is known to have done: requests with their lengths and their times. The engine model is calibrated against it.

#include <cstdint>
#include <span>
#include <vector>

#include "evener/core/result.h"
#include "evener/core/time.h"
#include "evener/lab/engine_model.h"

namespace evener::lab {

struct ServedRequest {
  Duration arrival{};  // at the engine, since the first one
  std::uint32_t input_tokens = 0, output_tokens = 0;
  std::uint32_t cached_tokens = 0;  // of the prompt, as the engine said
  Duration first_token{}, total{};  // from the arrival

  [[nodiscard]] double ttft_s() const { return seconds(first_token); }
  [[nodiscard]] double tpot_s() const { return output_tokens > 1 ? seconds(total - first_token) / (output_tokens - 1) : 0; }
  [[nodiscard]] double e2e_s() const { return seconds(total); }
};

/// The requests of a log that an engine can have served, and how many others there are: the model takes none that is longer than the engine's
/// context, or without a prompt or an answer.
struct Servable {
  std::vector<ServedRequest> requests;
  std::uint64_t too_long = 0, empty = 0;
  std::uint64_t longest_tokens = 0;  // prompt and answer of the longest request of all
};
[[nodiscard]] Servable servable(const EngineConfig& engine, std::span<const ServedRequest> requests);

/// The same requests at the same times on the model of an engine; `overhead` before it sees each. Those that are not servable keep their times of
/// zero; all others are taken, however many wait, because the engine took them when they were logged. `requests` are in order of arrival.
[[nodiscard]] std::vector<ServedRequest> replay_on_model(const EngineConfig& engine, Duration overhead,
                                                         std::span<const ServedRequest> requests);

/// Means of |simulated / measured - 1| over the quantiles p25, p50, p75, p90 and p99.
struct QuantileErrors {
  double ttft = 0, tpot = 0, e2e = 0;
  double worst = 0;  // the largest of the fifteen

  [[nodiscard]] double mean() const { return (ttft + tpot + e2e) / 3; }
};
/// TPOT of requests with at least two tokens. Both have the same requests in the same order.
[[nodiscard]] QuantileErrors quantile_errors(std::span<const ServedRequest> simulated, std::span<const ServedRequest> measured);

}  // namespace evener::lab
