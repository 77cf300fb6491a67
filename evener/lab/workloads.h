#pragma once
// Made-up load: independent requests, prompts that share a beginning, conversations of several turns and agents. Equal arguments and seed make
// equal workloads, and each request's draws are its own, so that a longer run begins like a shorter one.

#include <array>
#include <span>

#include "evener/lab/arrival_law.h"
#include "evener/lab/laws.h"
#include "evener/lab/workload.h"

namespace evener::lab {

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

/// Conversations: each request's prompt is the whole conversation so far and something new. The arrivals are those of first requests; each later
/// one comes some time after the answer to the one before, so that slow answers slow the session. An agent's turn is several requests: all
/// but the last end in the call of a tool, whose result the next one brings.
struct SessionLoad {
  ArrivalLaw arrivals;
  double turns_mean = 4;               // geometric, at least one
  std::uint32_t requests_max = 64;     // of a session
  std::uint32_t system_tokens = 1000;  // the same in all sessions
  LengthLaw first_input, next_input, output;
  double think_s = 45;    // exponential, from the end of a turn to the next
  double calls_mean = 1;  // requests per turn, geometric; 1 = no tools
  double tool_s = 5;      // from a call until its result is there
  double tool_cv = 1;     // gamma; tools that mostly answer at once and sometimes never seem to end have more than 1
  LengthLaw tool_output;
};
/// A session ends before the request whose prompt would be longer; a first request may be.
inline constexpr std::uint32_t SessionTokensMax = TraceTokensMax;
/// No pause is longer, however wide the law it is drawn from: 366 days.
inline constexpr double PauseSecondsMax = 366.0 * 86'400;
[[nodiscard]] Workload session_load(const SessionLoad& load, std::uint64_t seed);

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
