#pragma once
// The part of a pool's configuration that says how endpoints are compared and where requests may go: composed policies, the prefix index, zones,
// data classes. Values and how they are written; what they mean is in docs/policies.md.

#include <cstdint>
#include <string>
#include <vector>

#include "evener/base/config/schema.h"
#include "evener/core/time.h"
#include "evener/gateway/config_external.h"
#include "evener/route/policy.h"
#include "evener/route/prefix_index.h"

namespace evener::gateway {

struct PrefixIndexConfig {
  std::uint32_t blocks_max = 1'000'000;  // about 100 bytes each, taken as they come
  std::uint32_t block_bytes = 1024;      // of prompt text, about 256 tokens of English

  bool operator==(const PrefixIndexConfig&) const = default;
};

struct ZoneConfig {
  Duration latency{};  // from here and back
  PriceConfig price;   // of its endpoints that have none of their own

  bool operator==(const ZoneConfig&) const = default;
};

struct DataClassConfig {
  std::vector<std::string> zones;  // where such requests may go

  bool operator==(const DataClassConfig&) const = default;
};

/// Request header that names the data class.
inline constexpr std::string_view DataClassHeader = "x-evener-data-class";

struct PoolConfig;

[[nodiscard]] route::PrefixSettings prefix_settings(const PoolConfig& pool);

[[nodiscard]] config::Of<route::PolicyKind> describe_policies();
[[nodiscard]] config::Of<route::CompositionSettings> describe_composition();
[[nodiscard]] config::Of<PrefixIndexConfig> describe_prefix_index();
[[nodiscard]] config::Of<ZoneConfig> describe_zone();
[[nodiscard]] config::Of<DataClassConfig> describe_data_class();
[[nodiscard]] config::Of<route::Modality> describe_modality();

}  // namespace evener::gateway
