#include "evener/route/policies/balanced.h"

#include <algorithm>

#include "evener/route/request_cost.h"
#include "evener/route/speed.h"

namespace evener::route {
namespace {

// Before any speed was learned: only ratios matter then. A request in flight weighs like this many tokens of prompt, which did best of fixed
// charges on the Mooncake traces.
constexpr double UnlearnedTokensPerRequest = 150;
constexpr double UnlearnedPrefill_s = 1e-4;
constexpr double OutputTokensUnknown = 200;

// How much a second counts beside one of waiting for the first token: of one's own decoding, and of everybody who is held up meanwhile. In a
// sweep over the Mooncake traces (8 and 16 endpoints, up to saturation) 0.2 to 0.5 do about equally well; 1 makes busy endpoints so dear
// that prefixes are scattered, 0 lets decodes pile up (time per token 60 % longer).
constexpr double DecodeShare = 0.3;
constexpr double HeldUpShare = 0.3;
// How much a token counts that becomes a second copy, for each time that a computed token is found again. 1 would be the mean over all tokens; but
// what a full cache evicts for a copy is mostly what is in use (llm-d's shared prefixes at 73 % of the cache: 70 % good requests without
// this, 89 % with 1, 99 % with 4 to 8).
constexpr double CopyShare = 8;

}  // namespace

double added_waiting_s(const RequestView& request, const PoolView& view, std::uint32_t index) {
  const EndpointView& endpoint = view.endpoints[index];
  const double trust = foreign_trust(endpoint, view.now);
  const double output = request.output_tokens > 0 ? request.output_tokens : OutputTokensUnknown;
  SpeedView speed = believed_speed(endpoint, view);
  if (!speed.first_token_known()) speed.prefill_s_per_token = UnlearnedPrefill_s / endpoint.weight_configured;
  if (!speed.token_known()) speed.step_s_per_request = UnlearnedTokensPerRequest * speed.prefill_s_per_token / (DecodeShare * output);
  const double others = load_in_requests(endpoint, trust);
  const double ahead = load_in_uncached_tokens(endpoint, trust);
  const double own_prefill = speed.prefill_s_per_token * uncached_tokens(request, view, index);
  const double wait = speed.base_s + speed.prefill_s_per_token * ahead;
  const double decode = output * (speed.step_s + speed.step_s_per_request * (others + 1));
  const double held_up = others * own_prefill;
  // What another endpoint holds already becomes a second copy here, and a full cache evicts something else for it.
  const double copied = speed.prefill_s_per_token * (std::max(view.cached_most, view.cached(index)) - view.cached(index)) * view.reuse;
  const double waiting = endpoint.network_s + wait + own_prefill + DecodeShare * decode + HeldUpShare * held_up + CopyShare * copied;
  return waiting * slow_start_factor(endpoint);
}

std::string_view Balanced::name() const { return policy_name(PolicyKind::Balanced); }

std::uint32_t Balanced::choose(const RequestView& request, const PoolView& view, Rng& rng) {
  return sample_.lowest(sample_.of(view, rng), rng, [&](std::uint32_t index) { return added_waiting_s(request, view, index); });
}

std::optional<double> Balanced::cost(const RequestView& request, const PoolView& view, std::uint32_t index) const {
  return added_waiting_s(request, view, index);
}

}  // namespace evener::route
