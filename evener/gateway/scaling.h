#pragma once
// Scaling: the scalers of a gateway, one thread for each pool that is scaled, because what they ask of actuators blocks. They see their pools
// through the control thread, like any operator.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "evener/gateway/config.h"
#include "evener/gateway/pool_scaling.h"

namespace evener::gateway {

class Control;

/// Thread-safe.
class Scaling {
 public:
  explicit Scaling(Control& control);
  ~Scaling();
  Scaling(const Scaling&) = delete;
  Scaling& operator=(const Scaling&) = delete;

  /// Starts, changes and ends scalers; waits for none of them. The control thread has the configuration already.
  void apply(const Config& config);
  /// Ends all of them, with what cannot live without them. The control thread must run still.
  void stop();

  /// By name of the pool.
  [[nodiscard]] std::vector<ScalingStatus> status() const;
  /// So many replicas for so long. False: no such pool is scaled, or its limits do not allow it.
  enum class Held : std::uint8_t { Yes, NoSuchPool, OutOfLimits };
  Held hold(std::string_view pool, std::uint32_t replicas, Duration how_long);
  /// The scaler decides again.
  Held release(std::string_view pool);

 private:
  struct Runner;
  Control& control_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Runner>, std::less<>> runners_;
  bool stopped_ = false;
  std::vector<std::unique_ptr<Runner>> leaving_;  // of pools that are no longer scaled; until their threads have ended
};

}  // namespace evener::gateway
