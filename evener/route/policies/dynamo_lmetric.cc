#include "evener/route/policies/dynamo_lmetric.h"

#include "evener/route/policies/dynamo_blocks.h"

namespace evener::route {
namespace {

double product(const RequestView& request, const PoolView& view, std::uint32_t index) {
  const DynamoBlocks blocks = dynamo_blocks(request, view, index);
  return blocks.to_compute * (blocks.decoding + 1);
}

}  // namespace

std::string_view DynamoLmetric::name() const { return policy_name(PolicyKind::DynamoLmetric); }

std::uint32_t DynamoLmetric::choose(const RequestView& request, const PoolView& view, Rng& rng) {
  return sample_.lowest(sample_.of(view, rng), rng, [&](std::uint32_t index) { return product(request, view, index); });
}

std::optional<double> DynamoLmetric::cost(const RequestView& request, const PoolView& view, std::uint32_t index) const {
  return product(request, view, index);
}

}  // namespace evener::route
