#pragma once
// Panic windows, as in Knative's pod autoscaler (KPA): a stable window decides, and a short one beside it panics when it asks for a
// multiple of what is ready; in panic nothing shrinks until a whole stable window has passed without a new peak. Quick to answer bursts
// where replicas start within seconds; with start-up times of minutes it follows the noise. Source: knative.dev, autoscaler.go.

#include "evener/route/autoscale/controller.h"
#include "evener/route/autoscale/windows.h"

namespace evener::route::autoscale {

struct PanicWindowSettings {
  Target target;  // Knative: 70 requests in flight, 70 % of 100
  Duration stable = std::chrono::seconds(60);
  double panic_share = 0.1;            // of the stable window
  double panic_threshold = 2;          // what the panic window asks for, over what is ready
  double up_max = 1000, down_max = 2;  // factors from one reading to the next

  bool operator==(const PanicWindowSettings&) const = default;
};

class PanicWindow final : public Controller {
 public:
  explicit PanicWindow(const PanicWindowSettings& settings)
      : settings_(settings), stable_(settings.stable), panic_(from_seconds(seconds(settings.stable) * settings.panic_share)) {}

  [[nodiscard]] std::string_view name() const override { return panicking() ? "panic" : "panic-window"; }
  [[nodiscard]] std::optional<Proposal> propose(const Reading& reading) override;
  [[nodiscard]] bool panicking() const { return peak_ > 0; }

 private:
  PanicWindowSettings settings_;
  TrailingMean stable_, panic_;
  std::uint32_t peak_ = 0;  // most that was asked for in this panic; 0 = no panic
  Instant panicked_{};      // at the latest peak
};

}  // namespace evener::route::autoscale
