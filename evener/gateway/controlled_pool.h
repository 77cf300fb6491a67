#pragma once
// ControlledPool: a pool of this gateway as its scaler sees it. Each call goes to the control thread and waits for it.

#include <string>

#include "evener/gateway/scaled_pool.h"

namespace evener::gateway {

class Control;

/// For one thread that is not the control thread, while that runs. A pool that the configuration no longer has is empty.
class ControlledPool final : public ScaledPool {
 public:
  ControlledPool(Control& control, std::string pool) : control_(control), pool_(std::move(pool)) {}

  [[nodiscard]] Sample sample() override;
  void join(const std::string& url, const std::string& kind) override;
  void leave(const std::string& url) override;
  void drain(const std::string& url, Drain drain) override;
  /// The gateway stops, or another process has taken its place: not the time to start or stop replicas.
  [[nodiscard]] bool draining() const;

 private:
  Control& control_;
  const std::string pool_;
};

}  // namespace evener::gateway
