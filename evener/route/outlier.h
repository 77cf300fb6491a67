#pragma once
// Passive outlier ejection: an endpoint that fails real requests is left out for a while, longer each time. Two rules, as in Envoy: too
// many failures in a row, and a success rate far below the pool's. Knows nothing of active checks, which run beside it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "evener/core/time.h"
#include "evener/route/scheduler.h"

namespace evener::route {

/// What is remembered of one endpoint.
class OutlierRecord {
 public:
  OutlierRecord() = default;

  void succeeded() {
    consecutive_ = 0;
    ++requests_;
    ++successes_;
  }
  /// True when the rule of consecutive failures wants it ejected.
  bool failed(const OutlierSettings& settings) {
    ++consecutive_;
    ++requests_;
    return settings.consecutive_failures > 0 && consecutive_ >= settings.consecutive_failures;
  }

  /// base_ejection times the number of ejections that are not yet forgiven, at most max_ejection.
  void eject(const OutlierSettings& settings, Instant now);
  /// True when an ejection ended. What failed before or during it counts no longer.
  bool expire(Instant now);
  /// Forgets everything but the total.
  void pardon() { *this = OutlierRecord(ejections_total_); }
  /// An interval passed: its counts are forgotten, and an endpoint that was in all the time gets one ejection forgiven.
  void interval_passed();

  [[nodiscard]] const std::optional<Instant>& until() const { return until_; }
  [[nodiscard]] std::uint32_t consecutive_failures() const { return consecutive_; }
  [[nodiscard]] std::uint64_t ejections_total() const { return ejections_total_; }
  [[nodiscard]] std::uint32_t requests() const { return requests_; }
  [[nodiscard]] double success_rate() const { return requests_ == 0 ? 1.0 : static_cast<double>(successes_) / requests_; }
  /// Ejected at some time of this interval: it was judged already, and its bad rate would hide the others'.
  [[nodiscard]] bool was_out() const { return was_out_; }
  /// Whether interval_passed() would change anything.
  [[nodiscard]] bool remembers() const { return requests_ > 0 || unforgiven_ > 0; }

 private:
  explicit OutlierRecord(std::uint64_t ejections_total) : ejections_total_(ejections_total) {}

  std::optional<Instant> until_;
  std::uint32_t consecutive_ = 0;
  std::uint32_t requests_ = 0;   // of this interval
  std::uint32_t successes_ = 0;
  std::uint32_t unforgiven_ = 0;
  bool was_out_ = false;
  std::uint64_t ejections_total_ = 0;
};

struct RateSample {
  std::uint32_t index = 0;
  std::uint32_t requests = 0;
  double success_rate = 1.0;
};

/// The endpoints whose success rate is below mean - factor * standard deviation, worst first. Empty when fewer than the demanded
/// endpoints had the demanded number of requests.
[[nodiscard]] std::vector<std::uint32_t> success_rate_outliers(std::span<const RateSample> samples, const OutlierSettings& settings);

/// How many endpoints of a pool may be ejected at one time.
[[nodiscard]] std::size_t ejected_max(const OutlierSettings& settings, std::size_t endpoints);

}  // namespace evener::route
