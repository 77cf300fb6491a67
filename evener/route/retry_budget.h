#pragma once
// RetryBudget: how many retries may be in flight at one time, as a share of all requests in flight. A budget, unlike a count per request,
// keeps an outage from multiplying the load (Envoy's retry_budget; Finagle's RetryBudget).

#include <cstdint>

#include "evener/route/scheduler.h"

namespace evener::route {

class RetryBudget {
 public:
  [[nodiscard]] bool allows(const RetrySettings& settings, std::uint32_t requests_in_flight) const {
    if (in_flight_ < settings.budget_min) return true;
    return static_cast<double>(in_flight_) + 1.0 <= settings.budget_share * static_cast<double>(requests_in_flight);
  }
  void began() { ++in_flight_; }
  void ended() {
    if (in_flight_ > 0) --in_flight_;
  }
  [[nodiscard]] std::uint32_t in_flight() const { return in_flight_; }

 private:
  std::uint32_t in_flight_ = 0;
};

}  // namespace evener::route
