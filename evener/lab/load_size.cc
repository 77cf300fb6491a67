#include "evener/lab/load_size.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace evener::lab {
namespace {

/// What comes of an arrival.
struct PerArrival {
  double requests = 1, blocks = 0;
};

struct Size {
  PerArrival each;
  double shared_prompts = 0, shared_blocks = 0;  // made once, whatever the rate
};

Size size_of(const IndependentLoad&) { return {}; }

Size size_of(const SharedPrefixLoad& load) {
  const double prompts = static_cast<double>(load.groups) * load.questions;
  const double tokens = static_cast<double>(load.system_tokens) + load.question_tokens;
  return {.each = {}, .shared_prompts = prompts, .shared_blocks = prompts * tokens / MadeBlockTokens};
}

Size size_of(const SessionLoad& load) {
  const double requests = std::min<double>(load.requests_max, load.turns_mean * load.calls_mean);
  const double added = load.calls_mean > 1 ? std::max(load.next_input.mean, load.tool_output.mean) : load.next_input.mean;
  const double tokens = load.system_tokens + load.first_input.mean + (requests - 1) * added + requests * load.output.mean;
  return {.each = {.requests = requests, .blocks = std::min<double>(tokens, SessionTokensMax) / MadeBlockTokens}};
}

std::string whole(double number) { return std::to_string(std::llround(std::min(number, 9e18))); }

Error refused(const std::string& what, double value, double limit, const std::string& advice) {
  return {.message = "the load would have " + what + " " + whole(value) + "; at most " + whole(limit) + ": " + advice,
          .fault = Fault::Client};
}

}  // namespace

Result<double> load_factor_max(const MadeLoad& load) {
  const ArrivalLaw& law = arrivals_of(load);
  double duration_s = 0, arrivals = 0;
  for (const Stage& stage : law.stages) {
    duration_s += stage.duration_s;
    arrivals += stage.duration_s * stage.rate_per_s;
  }
  if (duration_s > MadeSecondsMax) {
    return tl::unexpected(refused("seconds, all stages together,", duration_s, MadeSecondsMax, "take a shorter for, or fewer stages"));
  }
  const double changes = duration_s * (law.bursts.changes_per_s() + law.daily.changes_per_s());
  if (changes > RateChangesMax) {
    return tl::unexpected(refused("changes of its rate", changes, RateChangesMax, "take a longer burst-for or day, or a shorter for"));
  }
  const Size size = std::visit([](const auto& kind) { return size_of(kind); }, load);
  if (size.shared_prompts > MadeRequestsMax) {
    return tl::unexpected(refused("different prompts", size.shared_prompts, MadeRequestsMax, "take fewer groups or questions"));
  }
  if (size.shared_blocks > MadeBlocksMax) {
    return tl::unexpected(refused("prompts whose blocks of 16 tokens are", size.shared_blocks, MadeBlocksMax,
                                  "take fewer groups or questions, or shorter ones"));
  }
  const double greatest = arrivals * law.bursts.burst_factor() * law.daily.peak_factor();
  const double by_requests = MadeRequestsMax / (greatest * size.each.requests);
  return size.each.blocks > 0 ? std::min(by_requests, MadeBlocksMax / (greatest * size.each.blocks)) : by_requests;
}

}  // namespace evener::lab
