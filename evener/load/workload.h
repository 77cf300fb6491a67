#pragma once
// What is asked: for request number i of a run its prompt, its lengths and, in an open loop, its moment. A pure function of the options and
// the seed, so that two runs (or two policies) get the same requests. No sockets.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "evener/core/result.h"
#include "evener/core/time.h"
#include "evener/lab/arrivals.h"
#include "evener/lab/trace.h"

namespace evener::load {

/// Uniform between both ends, inclusive.
struct TokenRange {
  std::uint32_t min = 0, max = 0;
};

/// Each of `connections` sends its next request when the last answer is complete: measures capacity, hides overload.
struct ClosedLoop {
  std::uint32_t connections = 8;
};
/// Requests come whatever happened to the earlier ones.
struct OpenLoop {
  enum class Spacing : std::uint8_t { Poisson, Fixed } spacing = Spacing::Poisson;
  double rate_per_s = 10;
};
/// Requests come as recorded; lengths and shared blocks are the recording's, too.
struct Replay {
  std::shared_ptr<const lab::Trace> trace;
  double time_scale = 1;     // 10: ten times as fast as recorded
  double length_scale = 1;   // 0.1: prompts and answers a tenth as long, sharing kept
};
using Arrival = std::variant<ClosedLoop, OpenLoop, Replay>;

struct WorkloadOptions {
  Arrival arrival = OpenLoop{};
  TokenRange input_tokens{256, 256}, output_tokens{64, 64};  // not of a replay
  /// Prompts begin with one of so many shared beginnings of so many tokens (at most input_tokens); 0 = all different.
  std::uint32_t prefix_groups = 0, prefix_tokens = 0;
  std::uint64_t requests_max = 0;  // 0 = unlimited
  std::uint64_t seed = 1;
};

struct Job {
  std::uint64_t number = 0;
  Duration at{};                   // since the start of the run; unused in a closed loop
  std::uint32_t input_tokens = 0, output_tokens = 0;
};

class Workload {
 public:
  /// Refuses rates, scales, ranges and limits that make no sense, each with its value.
  static Result<Workload> make(const WorkloadOptions& options);

  /// The next request, or nothing after the last one.
  [[nodiscard]] std::optional<Job> next();
  /// The prompt's text, four bytes per token: common words of three letters, so that real tokenisers come out near the count, too.
  [[nodiscard]] std::string prompt(const Job& job) const;

  /// How many requests there will be, and until when; 0 where there is no limit.
  [[nodiscard]] std::uint64_t planned_requests() const;
  [[nodiscard]] Duration planned_duration() const;

 private:
  explicit Workload(const WorkloadOptions& options);
  WorkloadOptions options_;
  std::optional<lab::Arrivals> arrivals_;
  std::uint64_t next_ = 0;
};

}  // namespace evener::load
