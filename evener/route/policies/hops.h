#pragma once
// What the two hash policies share: the sequence of places a key tries. When the place a key hashes to cannot take it, the key is hashed
// anew and jumps to an unrelated place ("random jumps", arXiv 1908.08762), instead of walking to the neighbour: the neighbour of a full
// endpoint would get all of its overflow and fill up next. The sequence depends on the key alone, so it is the same in every gateway.

#include <cstdint>

#include "evener/route/view.h"

namespace evener::route {

/// Jumps before giving up on the table and ranking the candidates instead. With half of the pool missing, 1 key in 2^64 gets that far.
inline constexpr std::uint32_t HopsMax = 64;

/// The hash of a key's hop; hop 0 is where the key belongs.
[[nodiscard]] std::uint64_t hop_hash(std::uint64_t key, std::uint32_t hop);

/// Whether endpoints[index] is among the candidates. O(1) when all endpoints are, else O(log n).
[[nodiscard]] bool is_candidate(const PoolView& view, std::uint32_t index);

/// Weighted rendezvous hashing: how strongly the endpoint attracts the key; the lowest wins. Needs no table, so it also works on a
/// few candidates left of many endpoints.
[[nodiscard]] double rendezvous_rank(std::uint64_t key, const EndpointView& endpoint);

}  // namespace evener::route
