#include "evener/route/policy.h"

#include <algorithm>

#include "evener/route/policies/aibrix_prefix_cache.h"
#include "evener/route/policies/balanced.h"
#include "evener/route/policies/bounded_hash.h"
#include "evener/route/policies/cheapest_within_slo.h"
#include "evener/route/policies/composed.h"
#include "evener/route/policies/dynamo_cost.h"
#include "evener/route/policies/dynamo_lmetric.h"
#include "evener/route/policies/least_load.h"
#include "evener/route/policies/least_request.h"
#include "evener/route/policies/maglev.h"
#include "evener/route/policies/orca_weighted.h"
#include "evener/route/policies/peak_ewma.h"
#include "evener/route/policies/power_of_two.h"
#include "evener/route/policies/random.h"
#include "evener/route/policies/round_robin.h"
#include "evener/route/policies/smg_cache_aware.h"
#include "evener/route/policies/sticky_until_saturated.h"
#include "evener/route/policies/vtc.h"
#include "evener/route/policies/weighted_round_robin.h"

namespace evener::route {

std::optional<double> Policy::cost(const RequestView&, const PoolView&, std::uint32_t) const { return std::nullopt; }

void Policy::costs(const RequestView& request, const PoolView& view, std::span<std::optional<double>> out) const {
  for (std::size_t i = 0; i < view.candidates.size(); ++i) out[i] = cost(request, view, view.candidates[i]);
}

void Policy::on_membership(const PoolView&) {}

const std::vector<std::string_view>& policy_names() {
  static const std::vector<std::string_view> names = {"round-robin",  "weighted-round-robin", "random",       "least-request",
                                                      "power-of-two", "peak-ewma",            "bounded-hash", "maglev",
      "balanced", "sticky-until-saturated", "blend", "dynamo-cost", "smg-cache-aware", "least-load", "cheapest-within-slo", "composed", "dynamo-lmetric",
      "aibrix-prefix-cache", "vtc", "orca-weighted"};
  return names;
}

std::string_view policy_name(PolicyKind kind) { return policy_names()[static_cast<std::size_t>(kind)]; }

std::optional<PolicyKind> policy_kind(std::string_view name) {
  const auto& names = policy_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<PolicyKind>(found - names.begin());
}

std::unique_ptr<Policy> make_policy(PolicyKind kind, const CompositionSettings& composition) {
  switch (kind) {
    case PolicyKind::RoundRobin: return std::make_unique<RoundRobin>();
    case PolicyKind::WeightedRoundRobin: return std::make_unique<WeightedRoundRobin>();
    case PolicyKind::Random: return std::make_unique<Random>();
    case PolicyKind::LeastRequest: return std::make_unique<LeastRequest>();
    case PolicyKind::PowerOfTwo: return std::make_unique<PowerOfTwo>();
    case PolicyKind::PeakEwma: return std::make_unique<PeakEwmaPolicy>();
    case PolicyKind::BoundedHash: return std::make_unique<BoundedHash>();
    case PolicyKind::Maglev: return std::make_unique<Maglev>();
    case PolicyKind::Balanced: return std::make_unique<Balanced>();
    case PolicyKind::StickyUntilSaturated: return std::make_unique<StickyUntilSaturated>();
    case PolicyKind::Blend: return std::make_unique<Composed>(kind, blend_settings());
    case PolicyKind::DynamoCost: return std::make_unique<DynamoCost>();
    case PolicyKind::SmgCacheAware: return std::make_unique<SmgCacheAware>();
    case PolicyKind::LeastLoad: return std::make_unique<LeastLoad>();
    case PolicyKind::CheapestWithinSlo: return std::make_unique<CheapestWithinSlo>();
    case PolicyKind::Composed: return std::make_unique<Composed>(kind, composition);
    case PolicyKind::DynamoLmetric: return std::make_unique<DynamoLmetric>();
    case PolicyKind::AibrixPrefixCache: return std::make_unique<AibrixPrefixCache>();
    case PolicyKind::Vtc: return std::make_unique<Vtc>();
    case PolicyKind::OrcaWeighted: return std::make_unique<OrcaWeighted>();
  }
  return std::make_unique<LeastRequest>();
}

}  // namespace evener::route
