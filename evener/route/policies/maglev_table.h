#pragma once
// MaglevTable: a lookup table in which every endpoint owns a share of slots equal to its configured weight, and which changes little when
// an endpoint comes or goes. Eisenbud et al., "Maglev: a fast and reliable software network load balancer" (NSDI 2016), section 3.4.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "evener/route/view.h"

namespace evener::route {

/// The least prime that is at least `from`.
[[nodiscard]] std::uint32_t prime_from(std::uint32_t from);

class MaglevTable {
 public:
  /// Slots: a prime, at least SlotsMin and at least SlotsPerEndpoint times the endpoints (with fewer, many more keys move than must), but
  /// SlotsMax at most.
  static constexpr std::uint32_t SlotsMin = 65537;
  static constexpr std::uint32_t SlotsPerEndpoint = 100;
  static constexpr std::uint32_t SlotsMax = 5000011;

  [[nodiscard]] static std::uint32_t slots_for(std::size_t endpoints);

  /// Fills the table anew, O(slots * log(endpoints)) on average; does nothing when neither identities nor weights changed.
  void build(std::span<const EndpointView> endpoints);

  [[nodiscard]] std::uint32_t owner(std::uint64_t hash) const { return table_[hash % table_.size()]; }
  [[nodiscard]] std::size_t slots() const { return table_.size(); }

 private:
  struct Member {
    std::uint64_t identity = 0;
    double weight = 0;
    bool operator==(const Member&) const = default;
  };
  std::vector<Member> members_;
  std::vector<std::uint32_t> table_;
};

}  // namespace evener::route
