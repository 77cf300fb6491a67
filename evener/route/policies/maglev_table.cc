#include "evener/route/policies/maglev_table.h"

#include <algorithm>
#include <limits>
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

/// Who takes a slot, `slots` times: the n-th turn of an endpoint is at time n / weight, and turns are taken in the order of time, equal
/// weights in rounds. Sorting times into as many buckets as there are slots is O(slots); rounds in which most endpoints sit out (Katran,
/// Envoy) give the same shares but take slots * endpoints steps when one weight dwarfs the others, and a heap took three times as long.
template <class Members>
std::vector<std::uint32_t> turns(const Members& members, std::uint32_t slots) {
  double weights = 0;
  for (const auto& member : members) weights += member.weight;
  // Everybody's last turn before the end is rounded down, hence a little more time than the slots need.
  const double end = (static_cast<double>(slots) + 2.0 * static_cast<double>(members.size())) / weights;
  const auto each_turn = [&](auto use) {
    for (std::uint32_t index = 0; index < members.size(); ++index) {
      const double scale = static_cast<double>(slots) / (members[index].weight * end);
      const auto count = static_cast<std::uint64_t>(members[index].weight * end);
      for (std::uint64_t n = 1; n <= count; ++n) {
        use(index, std::min(slots - 1, static_cast<std::uint32_t>(static_cast<double>(n) * scale)));
      }
    }
  };

  std::vector<std::uint32_t> place(slots + 1, 0);
  each_turn([&](std::uint32_t, std::uint32_t bucket) { ++place[bucket + 1]; });
  for (std::uint32_t bucket = 0; bucket < slots; ++bucket) place[bucket + 1] += place[bucket];
  std::vector<std::uint32_t> order(place[slots]);
  each_turn([&](std::uint32_t index, std::uint32_t bucket) { order[place[bucket]++] = index; });
  order.resize(slots);
  return order;
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

  for (const std::uint32_t index : turns(members_, slots)) claim(table_, preferences[index], index);
}

}  // namespace evener::route
