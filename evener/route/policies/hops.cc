#include "evener/route/policies/hops.h"

#include <algorithm>

#include "evener/core/hashing.h"
#include "evener/core/portable_math.h"

namespace evener::route {

std::uint64_t hop_hash(std::uint64_t key, std::uint32_t hop) { return hash_combine(key, hop); }

bool is_candidate(const PoolView& view, std::uint32_t index) {
  if (view.candidates.size() == view.endpoints.size()) return true;
  return std::binary_search(view.candidates.begin(), view.candidates.end(), index);
}

double rendezvous_rank(std::uint64_t key, const EndpointView& endpoint) {
  return -portable::log(hash_to_unit(hash_combine(key, endpoint.identity))) / endpoint.weight_configured;
}

}  // namespace evener::route
