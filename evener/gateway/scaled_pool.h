#pragma once
// ScaledPool: what a scaler sees of its pool, and the little that it may do to it. The gateway's goes through the control thread; tests
// have one of their own.

#include <cstdint>
#include <string>
#include <vector>

#include "evener/route/view.h"

namespace evener::gateway {

class ScaledPool {
 public:
  /// A replica by its address: it is checked until it answers well, and an endpoint of the pool from then on.
  struct Member {
    enum class State : std::uint8_t { Checking, Serving, Draining };
    std::string url;
    std::string kind;
    State state = State::Checking;
    bool healthy = false;
    std::uint32_t in_flight = 0;
  };
  struct Sample {
    std::uint64_t arrivals = 0;                                       // since the pool began
    std::uint64_t answers = 0, prompt_tokens = 0, output_tokens = 0;  // the same, of answers that said what they took
    std::uint32_t in_flight = 0;
    std::uint32_t queued = 0;
    std::uint32_t healthy = 0;  // of the pool's own endpoints, whoever started them, those that may get requests
    route::SpeedView speed;     // of a typical one
    std::vector<Member> members;
  };

  ScaledPool() = default;
  ScaledPool(const ScaledPool&) = delete;
  ScaledPool& operator=(const ScaledPool&) = delete;
  virtual ~ScaledPool() = default;

  [[nodiscard]] virtual Sample sample() = 0;
  // For members that are not there these do nothing.
  virtual void join(const std::string& url, const std::string& kind) = 0;
  virtual void leave(const std::string& url) = 0;
  enum class Drain : std::uint8_t { No, Yes };
  virtual void drain(const std::string& url, Drain drain) = 0;
};

}  // namespace evener::gateway
