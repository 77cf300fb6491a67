#pragma once
// BodyPace: how long a client may still take for the next bytes of its request. It may be behind the least rate by `idle` and never silent for
// longer; a single byte buys only the time that a byte is worth, so that dripping holds nothing for long. What a client sends ahead of the rate
// is not saved up. Only the time that was spent waiting for the client counts, not the time an endpoint took to accept what came.

#include <algorithm>
#include <cstdint>

#include "evener/core/time.h"

namespace evener::gateway {

class BodyPace {
 public:
  /// `bytes_per_s_min` 0: silence alone is limited.
  BodyPace(Duration idle, std::uint64_t bytes_per_s_min) : idle_(idle), bytes_per_s_min_(bytes_per_s_min), patience_(idle) {}

  /// For the next bytes; zero once the client is too slow.
  [[nodiscard]] Duration patience() const { return patience_; }
  [[nodiscard]] bool late() const { return patience_ <= Duration::zero(); }

  void received(std::uint64_t bytes, Duration waited) {
    const auto seconds_bought = bytes_per_s_min_ == 0 ? seconds(idle_) : static_cast<double>(bytes) / static_cast<double>(bytes_per_s_min_);
    const Duration bought = seconds_bought >= seconds(idle_) ? idle_ : from_seconds(seconds_bought);
    patience_ = std::clamp(patience_ - waited + bought, Duration::zero(), idle_);
  }

 private:
  Duration idle_;
  std::uint64_t bytes_per_s_min_;
  Duration patience_;
};

}  // namespace evener::gateway
