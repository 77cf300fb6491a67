#pragma once
// RequestRules: what a pool's requests are looked at for, as its configuration and endpoints mean it. Made when a routing is published, so that
// a request asks only a few flags; and the numbers that the zones' names stand for.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evener/gateway/config.h"

namespace evener::gateway {

/// Numbers of a pool's zones. A name keeps its number as long as the pool lives, so that what waits or runs never means another zone after a
/// change. Not thread-safe.
class ZoneNumbers {
 public:
  /// From 1. Beyond route::ZonesMax names there are no numbers: 0, where no request goes that is bound to zones.
  std::uint16_t number(std::string_view zone);

 private:
  std::vector<std::string> names_;
};

struct RequestRules {
  bool tokens = false;  // prompts are read: policy, admission or endpoints ask for their tokens or kinds of input
  bool blocks = false;  // the policy asks who holds their beginnings
  std::size_t block_bytes = 0;

  struct DataClass {
    std::string name;
    std::uint64_t zones = 0;  // as in RequestView
  };
  std::vector<DataClass> data_classes;
  std::uint64_t default_zones = 0;

  /// Where a request may go that names this class; empty = it names none. Nothing when the pool does not know it: then nobody knows where
  /// the data may go.
  [[nodiscard]] std::optional<std::uint64_t> zones_of(std::string_view data_class) const;
};

/// Of a pool with these endpoints now.
[[nodiscard]] RequestRules request_rules(const PoolConfig& config, std::span<const EndpointConfig* const> endpoints, ZoneNumbers& zones);

/// The policy that is really used. Where bodies are not read nothing is known of a request's work, and the default falls back to counting.
[[nodiscard]] route::PolicyKind policy_of(const PoolConfig& config);

}  // namespace evener::gateway
