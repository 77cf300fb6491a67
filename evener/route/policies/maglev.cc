#include "evener/route/policies/maglev.h"

#include <limits>

#include "evener/route/policies/hops.h"

namespace evener::route {

std::string_view Maglev::name() const { return policy_name(PolicyKind::Maglev); }

std::uint32_t Maglev::choose(const RequestView& request, const PoolView& view, Rng& rng) {
  if (request.affinity_key == 0) return without_key_.choose(request, view, rng);
  for (std::uint32_t hop = 0; hop < HopsMax; ++hop) {
    const std::uint32_t index = table_.owner(hop_hash(request.affinity_key, hop));
    if (is_candidate(view, index)) return index;
  }
  std::uint32_t chosen = view.candidates.front();
  double least = std::numeric_limits<double>::infinity();
  for (std::uint32_t index : view.candidates) {
    const double rank = rendezvous_rank(request.affinity_key, view.endpoints[index]);
    if (rank < least) {
      least = rank;
      chosen = index;
    }
  }
  return chosen;
}

std::optional<double> Maglev::cost(const RequestView& request, const PoolView& view, std::uint32_t index) const {
  if (request.affinity_key == 0) return without_key_.cost(request, view, index);
  for (std::uint32_t hop = 0; hop < HopsMax; ++hop) {
    if (table_.owner(hop_hash(request.affinity_key, hop)) == index) return static_cast<double>(hop);
  }
  return static_cast<double>(HopsMax);
}

void Maglev::costs(const RequestView& request, const PoolView& view, std::span<std::optional<double>> out) const {
  if (request.affinity_key == 0) return without_key_.costs(request, view, out);
  hops_to_candidates(request.affinity_key, view, out, [&](std::uint64_t hash) { return table_.owner(hash); });
}

void Maglev::on_membership(const PoolView& view) {
  table_.build(view.endpoints);
  without_key_.on_membership(view);
}

}  // namespace evener::route
