#pragma once
// Made-up load: independent requests, prompts that share a beginning, conversations of several turns; and some of each under a name, after
// published benchmarks. Equal arguments and seed make equal workloads, and each request's draws are its own, so that a longer run begins
// like a shorter one.

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "evener/lab/laws.h"
#include "evener/lab/workload.h"

namespace evener::lab {

/// Requests come at this rate for so long; a later stage begins when all requests of the earlier ones are done.
struct Stage {
  double rate_per_s = 1;
  double duration_s = 60;
};

/// How requests come: gamma distances; cv 1 = Poisson, 0 = at a fixed rate, above 1 in bursts.
struct ArrivalLaw {
  std::vector<Stage> stages = {{}};
  double cv = 1;
};

/// Prompt blocks of made-up load are so long: what most engines use, and a divisor of what routers use.
inline constexpr std::uint32_t MadeBlockTokens = 16;

struct IndependentLoad {
  ArrivalLaw arrivals;
  LengthLaw input, output;
};
/// No prompt shares anything with another.
[[nodiscard]] Workload independent_load(const IndependentLoad& load, std::uint64_t seed);

/// Each group has a system prompt, under it so many questions. All prompts are asked in a random order, again and again.
struct SharedPrefixLoad {
  ArrivalLaw arrivals;
  std::uint32_t groups = 150, questions = 5;
  std::uint32_t system_tokens = 6000, question_tokens = 1200, output_tokens = 1000;
};
[[nodiscard]] Workload shared_prefix_load(const SharedPrefixLoad& load, std::uint64_t seed);

/// Conversations: each turn's prompt is the whole conversation so far and something new. The arrivals are those of first turns.
struct SessionLoad {
  ArrivalLaw arrivals;
  double turns_mean = 4;  // geometric, at least one
  std::uint32_t turns_max = 64;
  std::uint32_t system_tokens = 1000;  // the same in all sessions
  LengthLaw first_input, next_input, output;
  double think_s = 45;  // exponential, from the end of a turn to the next
};
[[nodiscard]] Workload session_load(const SessionLoad& load, std::uint64_t seed);

struct NamedLoad {
  std::string_view name;
  std::string_view description;
  Workload (*make)(double rate_factor, std::uint64_t seed);
};
/// The loads that have a name; `rate_factor` multiplies their rates.
[[nodiscard]] std::span<const NamedLoad> named_loads();
[[nodiscard]] const NamedLoad* find_named_load(std::string_view name);

/// Gives each session, or request without one, a class at random: class c with probability shares[c] of their sum.
struct ClassMix {
  std::array<double, route::Priorities> shares{0, 1, 0, 0};
  std::array<Duration, route::Priorities> first_token_objectives{}, token_objectives{};  // 0 = what the request had
};
void mix_classes(Workload& workload, const ClassMix& mix, std::uint64_t seed);
/// Gives each session, or request without one, one of so many tenants (1..n) at random, tenant t with probability shares[t] of their sum.
void mix_tenants(Workload& workload, std::span<const double> shares, std::uint64_t seed);
/// Keeps about this share (0..1] of the sessions, or of the requests without one.
void subsample(Workload& workload, double share, std::uint64_t seed);

}  // namespace evener::lab
