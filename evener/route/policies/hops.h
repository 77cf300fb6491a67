#pragma once
// What the two hash policies share: the sequence of places a key tries. When the place a key hashes to cannot take it, the key is hashed
// anew and jumps to an unrelated place ("random jumps", arXiv 1908.08762), instead of walking to the neighbour: the neighbour of a full
// endpoint would get all of its overflow and fill up next. The sequence depends on the key alone, so it is the same in every gateway.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "evener/route/view.h"

namespace evener::route {

/// Jumps before giving up on the table and ranking the candidates instead. With half of the pool missing, 1 key in 2^64 gets that far.
inline constexpr std::uint32_t HopsMax = 64;

/// The hash of a key's hop; hop 0 is where the key belongs.
[[nodiscard]] std::uint64_t hop_hash(std::uint64_t key, std::uint32_t hop);

/// Whether endpoints[index] is among the candidates. O(1) when all endpoints are, else O(log n).
[[nodiscard]] bool is_candidate(const PoolView& view, std::uint32_t index);

/// The hop at which the key first arrives at each candidate, by position in view.candidates; HopsMax where it does not get.
/// `owner(hash)` says whose place a hash is.
template <class Owner>
void hops_to_candidates(std::uint64_t key, const PoolView& view, std::span<std::optional<double>> out, Owner owner) {
  std::size_t left = out.size();
  std::fill(out.begin(), out.end(), std::nullopt);
  for (std::uint32_t hop = 0; hop < HopsMax && left > 0; ++hop) {
    const std::uint32_t index = owner(hop_hash(key, hop));
    const auto at = std::lower_bound(view.candidates.begin(), view.candidates.end(), index);
    if (at == view.candidates.end() || *at != index) continue;
    std::optional<double>& cost = out[static_cast<std::size_t>(at - view.candidates.begin())];
    if (cost) continue;
    cost = static_cast<double>(hop);
    --left;
  }
  for (std::optional<double>& cost : out) cost = cost.value_or(static_cast<double>(HopsMax));
}

/// Weighted rendezvous hashing: how strongly the endpoint attracts the key; the lowest wins. Needs no table, so it also works on a
/// few candidates left of many endpoints.
[[nodiscard]] double rendezvous_rank(std::uint64_t key, const EndpointView& endpoint);

}  // namespace evener::route
