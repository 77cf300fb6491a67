#pragma once
// The part of a configuration that is about money and about external endpoints: prices, limits of what may be spent, rate limits, spill-over. Values
// and how they are written; what they mean is in docs/external.md.

#include <chrono>
#include <cstdint>

#include "evener/base/config/schema.h"
#include "evener/core/time.h"
#include "evener/route/external.h"

namespace evener::gateway {

/// In the currency the operator thinks in.
struct PriceConfig {
  double input_per_million_tokens = 0;
  double output_per_million_tokens = 0;
  double per_request = 0;

  bool operator==(const PriceConfig&) const = default;
};

/// Any stretch of time of this length, or whole periods since 1970 (UTC), so that a day begins at midnight.
enum class SpendWindow : std::uint8_t { Sliding, Calendar };

struct SpendConfig {
  double limit = 0;  // 0 = none
  Duration per = std::chrono::hours(24);
  SpendWindow window = SpendWindow::Sliding;

  bool operator==(const SpendConfig&) const = default;
};

struct ExternalConfig {
  bool enabled = false;
  bool spill_over = true;
  bool spill_over_when_late = false;
  std::uint32_t requests_per_minute = 0;
  std::uint32_t tokens_per_minute = 0;
  SpendConfig spend;

  bool operator==(const ExternalConfig&) const = default;
};

[[nodiscard]] route::SpendSettings spend_settings(const SpendConfig& config);
[[nodiscard]] route::ExternalSettings external_settings(const ExternalConfig& config);

[[nodiscard]] config::Of<PriceConfig> describe_price();
[[nodiscard]] config::Of<SpendConfig> describe_spend();
[[nodiscard]] config::Of<ExternalConfig> describe_external();

}  // namespace evener::gateway
