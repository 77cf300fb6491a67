#pragma once
// EndpointState: what the scheduler knows of one endpoint beside its load: settings, the four reasons to leave it alone (drain, checks,
// ejection, back-off), and its slow start. The reasons are independent of each other; health() shows the strongest.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "evener/route/active_checks.h"
#include "evener/route/backoff.h"
#include "evener/route/external.h"
#include "evener/route/learned_capacity.h"
#include "evener/route/outlier.h"
#include "evener/route/scheduler.h"
#include "evener/route/view.h"

namespace evener::route {

struct EndpointState {
  EndpointSettings settings;
  std::optional<double> weight_override;
  bool draining = false;
  ActiveChecks checks;
  OutlierRecord outlier;
  Backoff backoff;
  std::optional<Instant> slow_start_since;
  std::optional<LearnedCapacity> learned_capacity;  // when none is configured and it may be learned
  std::optional<PrefixSlot> prefix_slot;
  std::vector<std::uint64_t> adapters_reported;
  std::vector<std::uint64_t> adapters;        // these and those of the settings, sorted; its view borrows them
  std::unique_ptr<ExternalAccount> external;  // of an external one
  std::uint64_t requests_total = 0;
  std::uint64_t failures_total = 0;

  /// Whether it gets only what others cannot take.
  [[nodiscard]] bool spills_over() const { return settings.external.enabled && settings.external.spill_over; }
  [[nodiscard]] double weight() const { return weight_override.value_or(settings.weight); }

  [[nodiscard]] Health health() const {
    if (draining) return Health::Draining;
    if (checks.down()) return Health::Down;
    if (outlier.until()) return Health::Ejected;
    if (backoff.until()) return Health::Backoff;
    return Health::Healthy;
  }

  /// When it becomes usable by itself; nothing when that takes more than time.
  [[nodiscard]] std::optional<Instant> returns_at() const {
    if (draining || checks.down()) return std::nullopt;
    if (!outlier.until()) return backoff.until();
    if (!backoff.until()) return outlier.until();
    return std::max(*outlier.until(), *backoff.until());
  }
};

}  // namespace evener::route
