#include "evener/route/policies/power_of_two.h"

#include "evener/route/policies/load.h"

namespace evener::route {

std::string_view PowerOfTwo::name() const { return policy_name(PolicyKind::PowerOfTwo); }

std::uint32_t PowerOfTwo::choose(const RequestView&, const PoolView& view, Rng& rng) {
  if (view.candidates.size() == 1) return view.candidates.front();
  const WeightedPicker& picker = picker_.of(view);
  const std::uint32_t first = picker.pick(rng);
  const std::uint32_t one = view.candidates[first];
  const std::uint32_t other = view.candidates[picker.pick_other(rng, first)];
  return load_of(view.endpoints[other]) < load_of(view.endpoints[one]) ? other : one;  // equal: the first, itself drawn by weight
}

std::optional<double> PowerOfTwo::cost(const RequestView&, const PoolView& view, std::uint32_t index) const {
  return load_of(view.endpoints[index]);
}

}  // namespace evener::route
