#pragma once
// Backoff: how long one endpoint is left alone because it refused requests (429 or 503). It says so itself (Retry-After), or it refuses
// again and again without saying for how long. Refusals are not failures: an overloaded endpoint is alive, and ejecting it for minutes
// would shrink the pool just when it is short of capacity.

#include <algorithm>
#include <cstdint>
#include <optional>

#include "evener/core/time.h"

namespace evener::route {

class Backoff {
 public:
  static constexpr Duration LongestWait = std::chrono::seconds(60);
  /// After `refusals_max` refusals in a row without a time: this long, doubled each time until it takes a request again.
  static constexpr Duration FirstWait = std::chrono::seconds(1);

  /// True when the endpoint is to be left alone (longer than so far). retry_after 0 = it did not say; refusals_max 0 = never then.
  bool refused(Duration retry_after, std::uint32_t refusals_max, Instant now) {
    if (retry_after > Duration::zero()) {
      const Instant end = now + std::min(retry_after, LongestWait);
      if (until_ && *until_ >= end) return false;
      until_ = end;
      return true;
    }
    if (until_ || refusals_max == 0) return false;  // answers to what was sent before the back-off began
    if (++refusals_ < refusals_max) return false;
    until_ = now + std::min(LongestWait, FirstWait * (std::int64_t{1} << waits_));
    waits_ = std::min(waits_ + 1, DoublingsMax);
    refusals_ = refusals_max - 1;  // one more refusal after the wait is enough
    return true;
  }

  void took_request() {
    refusals_ = 0;
    waits_ = 0;
  }

  /// True when a back-off ended.
  bool expire(Instant now) {
    if (!until_ || *until_ > now) return false;
    until_.reset();
    return true;
  }

  [[nodiscard]] const std::optional<Instant>& until() const { return until_; }

 private:
  static constexpr std::uint32_t DoublingsMax = 6;  // 64 s, which is past LongestWait

  std::optional<Instant> until_;
  std::uint32_t refusals_ = 0;
  std::uint32_t waits_ = 0;
};

}  // namespace evener::route
