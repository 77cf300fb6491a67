#pragma once
// Balanced, the default: sends a request where it adds least waiting, its own and everybody else's, in seconds predicted from what was learned
// of each endpoint's speed: prompts ahead of it, its own prompt as far as no cache holds it, its decoding among those in flight, and the
// pause that its prompt makes for all of them. So work saved by a cache counts more the busier an endpoint is, while an idle endpoint
// without the prefix still beats a crowded one that has it. What the request leaves in a cache evicts something else, which costs the more the
// fuller the endpoint's memory is and the more is found in the caches of this pool. Own counts come first; load reports add what came from
// elsewhere, who waits for memory and how much of it is left, and count the less the older they are. Where endpoints are of different tiers, a
// second on a strong one counts more for a request that does not need it.
//
// When not to use it: where answers are not streamed nothing can be learned of speed, and it falls back to counting tokens; where all
// requests cost the same, least-request does as well for less.

#include "evener/route/policies/candidate_sample.h"
#include "evener/route/policy.h"

namespace evener::route {

/// Seconds of waiting that the request adds when it is sent there: its own until its last token, and that of those in flight.
[[nodiscard]] double added_waiting_s(const RequestView& request, const PoolView& view, std::uint32_t index);

/// The same as it counts for the choice: less on an endpoint of a lower tier than the strongest, by as much as the request wants less than that one's
/// strength, unless it is predicted to miss an objective there.
[[nodiscard]] double matched_waiting_s(const RequestView& request, const PoolView& view, std::uint32_t index);

/// The candidate to which it adds least. Predictions are not exact: those that add little more than the least are taken to be equal, and among
/// them the nearest, then the fewest requests in flight per weight, then chance decides. Otherwise what chance taught of equal endpoints would keep sending to one.
std::uint32_t least_waiting(CandidateSample& sample, std::span<const std::uint32_t> candidates, const RequestView& request,
                            const PoolView& view, Rng& rng);

class Balanced final : public Policy {
 public:
  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  [[nodiscard]] Compared compared() const override { return sample_.compared(); }
  /// Seconds of waiting added, as they count.
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;
  [[nodiscard]] bool wants_prefix() const override { return true; }

 private:
  CandidateSample sample_;
};

}  // namespace evener::route
