#include "evener/route/policies/dynamo_cost.h"

#include "evener/route/policies/dynamo_blocks.h"

namespace evener::route {
namespace {

double blocks_with(const RequestView& request, const PoolView& view, std::uint32_t index) {
  const DynamoBlocks blocks = dynamo_blocks(request, view, index);
  return blocks.to_compute + blocks.decoding;
}

}  // namespace

std::string_view DynamoCost::name() const { return policy_name(PolicyKind::DynamoCost); }

std::uint32_t DynamoCost::choose(const RequestView& request, const PoolView& view, Rng& rng) {
  return sample_.lowest(sample_.of(view, rng), rng, [&](std::uint32_t index) { return blocks_with(request, view, index); });
}

std::optional<double> DynamoCost::cost(const RequestView& request, const PoolView& view, std::uint32_t index) const {
  return blocks_with(request, view, index);
}

}  // namespace evener::route
