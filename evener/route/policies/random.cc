#include "evener/route/policies/random.h"

namespace evener::route {

std::string_view Random::name() const { return policy_name(PolicyKind::Random); }

std::uint32_t Random::choose(const RequestView&, const PoolView& view, Rng& rng) {
  return view.candidates[picker_.of(view).pick(rng)];
}

}  // namespace evener::route
