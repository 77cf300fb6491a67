#include "evener/route/learned_capacity.h"

#include <algorithm>

namespace evener::route {
namespace {

enum Kind : std::size_t { FirstToken, PerToken };

// What comes before a first token whatever the prompt (network, tokenising, a step) in prompt tokens of the same duration. Without it a prompt of
// three tokens would look a thousand times slower per token than one of three thousand.
constexpr double FixedCostTokens = 512;
constexpr std::uint32_t OutputTokensMin = 8;  // fewer say little about the time per token

}  // namespace

void LearnedCapacity::first_token(std::uint32_t uncached_tokens, Duration latency, std::uint32_t in_flight) {
  if (latency <= Duration::zero()) return;
  limit_.sample(FirstToken, seconds(latency) / (FixedCostTokens + uncached_tokens), in_flight);
}

void LearnedCapacity::finished(const Outcome& outcome, std::uint32_t in_flight) {
  if (outcome.ending == Ending::Refused || outcome.ending == Ending::Timeout) {
    limit_.congested();
    return;
  }
  if (outcome.ending != Ending::Ok || !outcome.first_token || !outcome.usage) return;
  const Duration answering = outcome.total - *outcome.first_token;
  if (outcome.usage->output_tokens < OutputTokensMin || answering <= Duration::zero()) return;
  limit_.sample(PerToken, seconds(answering) / (outcome.usage->output_tokens - 1), in_flight);
}

std::uint32_t LearnedCapacity::capacity(const std::optional<LoadReport>& report) const {
  double capacity = limit_.limit();
  if (report && report->requests_max && *report->requests_max >= 1) capacity = std::min(capacity, *report->requests_max);
  return static_cast<std::uint32_t>(std::max(capacity, 1.0));
}

}  // namespace evener::route
