#include "evener/route/policies/balanced.h"

#include <algorithm>
#include <utility>

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
// What a request adds to a full cache evicts as much else, which could have been found again as often as tokens are in this pool. One counts so many
// times that, since what goes is mostly in use; and once more for each time it is found, since what is computed again evicts in its turn: pools
// whose prompts are nearly all known lose everything to a few copies too many, others hardly notice them. With llm-d's shared prefixes at 73 % of
// the caches, at the load that saturates them, 16 to 48 in all kept 99.4 % good requests and more (means of 16 seeds), 8 kept 95 %, since copies
// pushed the rest out on every fourth. On the Mooncake traces, where a third is known at most, 4 to 24 differ by less than their noise.
constexpr double EvictedShare = 4;
// The way to an endpoint counts twice: it is certain, what is learned is not, and it is not the pool's to give back. Once would send light requests to
// far strong endpoints as often as to near ones that meet their deadlines (43 to 58 % of them stayed near, where twice keeps more than 90 %).
constexpr double NetworkShare = 2;
// The less memory running requests leave to the cache, the sooner it evicts what is still wanted: 1 / (1 - used), bounded because reports of 95 and
// of 100 % mean the same.
constexpr double MemoryUsedMax = 0.95;
// Of an endpoint that reports nothing, and the more the older its report is: the same for all, so that it decides nothing.
constexpr double MemoryUsedUnknown = 0.5;

// Requests wait for memory or for a place in the batch where many run. Where fewer than this do, who waits does so for prompts, which are counted as
// tokens: one that runs alone would make the next one look as if it had to wait for all of its answer. Shared prefixes at saturation, where some
// hundred run, are the same with 1, 16 and 32.
constexpr double RunningFull = 16;
// How far costs may lie above the least and still count as equal, as a share of it. Learned speeds of equal engines differ by about this much. In a
// sweep from 0 to 5 % goodput and TTFT on the Mooncake, Azure code and shared-prefix traces stay within their noise; with 3 % some more heavy requests go
// to a weak endpoint because it is near.
constexpr double AlikeShare = 0.02;

/// Share of its KV memory that running requests hold.
double memory_used(const EndpointView& endpoint, double trust) {
  if (!endpoint.report || !endpoint.report->kv_used) return MemoryUsedUnknown;
  return std::clamp(MemoryUsedUnknown + (*endpoint.report->kv_used - MemoryUsedUnknown) * trust, 0.0, MemoryUsedMax);
}

/// Until those that wait there have their turn when it is memory or a place in the batch that they wait for: then one begins to run when another
/// ends. Neither their few uncached tokens nor the speed of decoding shows that: an endpoint whose prompts are all cached looks free while
/// requests queue for minutes. Where they wait for each other's prompts instead, those take longer than this says.
double turns_s(const EndpointView& endpoint, const SpeedView& speed, double requests, double output, double trust) {
  if (!endpoint.speed.token_known()) return 0;
  const double ours = endpoint.in_prefill;
  const double waiting = std::max(ours + endpoint.waiting_correction * trust, 0.0);
  const double running = std::max(requests - ours, RunningFull);
  return waiting * output * (speed.step_s + speed.step_s_per_request * running) / running;
}

/// `trust`: report_trust() of that endpoint.
double added_waiting_s(const RequestView& request, const PoolView& view, std::uint32_t index, double trust) {
  const EndpointView& endpoint = view.endpoints[index];
  const double output = request.output_tokens > 0 ? request.output_tokens : OutputTokensUnknown;
  SpeedView speed = believed_speed(endpoint, view);
  const double others = load_in_requests(endpoint, trust);
  const double used = memory_used(endpoint, trust);
  const double turns = turns_s(endpoint, speed, others, output, trust);
  if (!speed.first_token_known()) speed.prefill_s_per_token = UnlearnedPrefill_s / endpoint.weight_configured;
  if (!speed.token_known()) speed.step_s_per_request = UnlearnedTokensPerRequest * speed.prefill_s_per_token / (DecodeShare * output);
  const double ahead = load_in_uncached_tokens(endpoint, trust);
  const double own_tokens = uncached_tokens(request, view, index);
  const double own_prefill = speed.prefill_s_per_token * own_tokens;
  const double wait = speed.base_s + std::max(speed.prefill_s_per_token * ahead, turns);
  const double decode = output * (speed.step_s + speed.step_s_per_request * (others + 1));
  const double held_up = others * own_prefill;
  // By the pool's speed, as what is evicted is computed again wherever it is asked for next.
  const double pool_prefill = view.speed.first_token_known() ? view.speed.prefill_s_per_token : speed.prefill_s_per_token;
  const double evicted = pool_prefill * (own_tokens + output) * view.reuse * (EvictedShare + view.reuse) / (1.0 - used);
  const double waiting = NetworkShare * endpoint.network_s + wait + own_prefill + DecodeShare * decode + HeldUpShare * held_up + evicted;
  return waiting * slow_start_factor(endpoint);
}

double matched_waiting_s(const RequestView& request, const PoolView& view, std::uint32_t index, double trust) {
  const double waiting = added_waiting_s(request, view, index, trust);
  const double tier = view.endpoints[index].tier;
  if (tier >= view.strongest_tier) return waiting;
  const double wanted = strength_wanted(request);
  // In what it takes of the pool's strength a second there is worth tier / strongest; a request that wants all of it counts seconds alone.
  return meets_objectives(request, view, index) ? waiting * (wanted + (1 - wanted) * tier / view.strongest_tier) : waiting;
}

double trust_in(const PoolView& view, std::uint32_t index) { return report_trust(view.endpoints[index].report, view.now); }

}  // namespace

double added_waiting_s(const RequestView& request, const PoolView& view, std::uint32_t index) {
  return added_waiting_s(request, view, index, trust_in(view, index));
}

double matched_waiting_s(const RequestView& request, const PoolView& view, std::uint32_t index) {
  return matched_waiting_s(request, view, index, trust_in(view, index));
}

std::uint32_t least_waiting(CandidateSample& sample, std::span<const std::uint32_t> candidates, const RequestView& request,
                            const PoolView& view, Rng& rng) {
  return sample.lowest(
      candidates, rng, AlikeShare, [&](std::uint32_t index) { return trust_in(view, index); },
      [&](std::uint32_t index, double trust) { return matched_waiting_s(request, view, index, trust); },
      [&](std::uint32_t index) {
        const EndpointView& endpoint = view.endpoints[index];
        return std::pair(endpoint.network_s, endpoint.in_flight / endpoint.weight);
      });
}

std::string_view Balanced::name() const { return policy_name(PolicyKind::Balanced); }

std::uint32_t Balanced::choose(const RequestView& request, const PoolView& view, Rng& rng) {
  return least_waiting(sample_, sample_.of(view, rng), request, view, rng);
}

std::optional<double> Balanced::cost(const RequestView& request, const PoolView& view, std::uint32_t index) const {
  return matched_waiting_s(request, view, index);
}

}  // namespace evener::route
