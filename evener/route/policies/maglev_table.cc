#include "evener/route/policies/maglev_table.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <queue>
#include <utility>

#include "evener/core/hashing.h"

namespace evener::route {
namespace {

constexpr std::uint32_t Free = std::numeric_limits<std::uint32_t>::max();

/// One endpoint's order of preference over all slots: offset, offset + skip, ... modulo the prime table size visits each slot once.
struct Preference {
  std::uint32_t next = 0;
  std::uint32_t skip = 0;
};

/// Takes the endpoint's most preferred slot that is still free.
void claim(std::vector<std::uint32_t>& table, Preference& preference, std::uint32_t index) {
  const auto slots = static_cast<std::uint32_t>(table.size());
  while (table[preference.next] != Free) {
    preference.next += preference.skip;
    if (preference.next >= slots) preference.next -= slots;
  }
  table[preference.next] = index;
}

}  // namespace

std::uint32_t prime_from(std::uint32_t from) {
  for (std::uint32_t candidate = std::max(2u, from);; ++candidate) {
    bool prime = true;
    for (std::uint32_t divisor = 2; prime && divisor <= candidate / divisor; ++divisor) prime = candidate % divisor != 0;
    if (prime) return candidate;
  }
}

std::uint32_t MaglevTable::slots_for(std::size_t endpoints) {
  return prime_from(static_cast<std::uint32_t>(std::clamp<std::size_t>(endpoints * SlotsPerEndpoint, SlotsMin, SlotsMax)));
}

void MaglevTable::build(std::span<const EndpointView> endpoints) {
  std::vector<Member> members;
  members.reserve(endpoints.size());
  for (const EndpointView& endpoint : endpoints) members.push_back({.identity = endpoint.identity, .weight = endpoint.weight_configured});
  if (members == members_) return;
  members_ = std::move(members);
  if (members_.empty()) {
    table_.clear();
    return;
  }

  const std::uint32_t slots = slots_for(members_.size());
  table_.assign(slots, Free);

  // Offset and skip come from two hashes, so that endpoints with one offset in common do not fight for the same slots all the way.
  std::vector<Preference> preferences;
  preferences.reserve(members_.size());
  for (const Member& member : members_) {
    preferences.push_back({.next = static_cast<std::uint32_t>(hash_combine(member.identity, 1) % slots),
                           .skip = static_cast<std::uint32_t>(hash_combine(member.identity, 2) % (slots - 1) + 1)});
  }

  const bool equal = std::all_of(members_.begin(), members_.end(), [&](const Member& m) { return m.weight == members_.front().weight; });
  std::uint32_t left = slots;
  if (equal) {
    while (left > 0) {
      for (std::uint32_t index = 0; index < members_.size() && left > 0; ++index, --left) claim(table_, preferences[index], index);
    }
    return;
  }

  // Weighted: the n-th turn of an endpoint is at time n / weight, and turns are taken in the order of time. Rounds in which most endpoints
  // sit out (Katran, Envoy) give the same shares but take slots * endpoints steps when one weight dwarfs the others.
  using Turn = std::pair<double, std::uint32_t>;
  std::priority_queue<Turn, std::vector<Turn>, std::greater<>> turns;
  for (std::uint32_t index = 0; index < members_.size(); ++index) turns.push({1.0 / members_[index].weight, index});
  std::vector<std::uint64_t> taken(members_.size(), 1);
  for (; left > 0; --left) {
    const std::uint32_t index = turns.top().second;
    turns.pop();
    claim(table_, preferences[index], index);
    turns.push({static_cast<double>(++taken[index]) / members_[index].weight, index});
  }
}

}  // namespace evener::route
