#pragma once
// RequestServer: any server that a simulation can put behind a gateway: an inference engine with continuous batching, a model server with batches,
// processes that share cores, an API of others. It has no clock: its owner asks when something happens next and says when that time is there.

#include <cstdint>
#include <optional>
#include <vector>

#include "evener/core/rate_allowance.h"
#include "evener/core/rng.h"
#include "evener/core/time.h"
#include "evener/lab/engine_model.h"
#include "evener/route/load_report.h"

namespace evener::lab {

struct Job {
  std::uint64_t id = 0;  // chosen by the owner; chance is drawn from it, so that it does not depend on what came before
  std::uint32_t input_tokens = 0, output_tokens = 0;
  std::vector<std::uint64_t> block_hashes = {};  // of the prompt's full blocks of block_tokens()
};

/// What has become of a job. Its first token comes before its end or together with it.
struct JobNews {
  std::uint64_t id = 0;
  bool first = false, finished = false;
  std::uint32_t cached_tokens = 0;  // of the prompt; with the first token
};

/// It did not take the job, and says after how long it may; 0 = it does not say.
struct JobRefused {
  Duration retry_after{};
};

/// Not thread-safe. `now` never goes backwards.
class RequestServer {
 public:
  virtual ~RequestServer() = default;

  /// Hashes of prompts are wanted for blocks of so many tokens; 0 = none are.
  [[nodiscard]] virtual std::uint32_t block_tokens() const { return 0; }
  [[nodiscard]] virtual std::optional<JobRefused> submit(Job job, Instant now) = 0;
  /// Nobody waits for the job any more. A server that cannot break off what it has begun goes on, and its news are of no interest.
  virtual void cancel(std::uint64_t, Instant) {}

  /// When something happens if nobody asks for anything; Instant::max() = nothing will. May change with every call.
  [[nodiscard]] virtual Instant due() const = 0;
  /// Appends all that has happened by `now`, in its order. What is submitted before resume() comes in time for what begins then.
  virtual void advance(Instant now, std::vector<JobNews>& out) = 0;
  virtual void resume(Instant) {}

  /// All takes so many times as long from now on; what cannot be cut short ends when it would have.
  virtual void set_slowdown(double factor, Instant now) = 0;

  /// What it says of its load; `at` is not its business.
  [[nodiscard]] virtual route::LoadReport report(Instant now) = 0;
  /// What it says of its rate limits with an answer.
  [[nodiscard]] virtual std::optional<RateAllowance> allowance(Instant) { return std::nullopt; }
  /// Working time, of all workers together. What is in progress may count whole.
  [[nodiscard]] virtual Duration busy() const = 0;
  [[nodiscard]] virtual EngineTotals totals() const { return {}; }
};

}  // namespace evener::lab
