#pragma once
// PredictiveFloor: the replicas that the load will need when one that is started now serves. A bank of forecasters looks as far ahead as
// start-up takes, and the bound that a given share of the loads stays below is what counts (core/forecast). It proposes nothing while it
// has no forecast to go by, so it stands beside a reactive controller, never alone.

#include <memory>

#include "evener/core/forecast/bounded_forecast.h"
#include "evener/route/autoscale/controller.h"
#include "evener/route/autoscale/outage_hold.h"
#include "evener/route/autoscale/startup_times.h"

namespace evener::route::autoscale {

struct PredictiveFloorSettings {
  Target target;                                 // what one replica can carry
  double share = 0.9;                            // of it that is planned with
  double quantile = 0.95;                        // of the loads that are to stay below the forecast's bound: the one knob
  Duration step = std::chrono::seconds(30);      // of the series, StepMin or more
  Duration season = std::chrono::hours(24);      // at most forecast::SeasonMax steps are looked back
  Duration startup = std::chrono::seconds(180);  // until start-ups have been seen
  Duration outage = std::chrono::hours(1);       // how long a collapse of the load is taken for an outage; 0 = never

  bool operator==(const PredictiveFloorSettings&) const = default;
};

class PredictiveFloor final : public Controller {
 public:
  static constexpr Duration StepMin = std::chrono::seconds(5);
  static constexpr std::size_t CatchUpMax = 16;  // steps that one reading after a pause stands for

  explicit PredictiveFloor(const PredictiveFloorSettings& settings);

  [[nodiscard]] std::string_view name() const override { return outage_.holding() ? "outage" : "forecast"; }
  [[nodiscard]] std::optional<Proposal> propose(const Reading& reading) override;
  void started(Duration took) override { startups_.add(took); }
  [[nodiscard]] std::size_t horizon() const { return shape_.horizon; }

 private:
  [[nodiscard]] forecast::SeriesShape shape() const;
  void observe(double load);

  PredictiveFloorSettings settings_;
  StartupTimes startups_;
  OutageHold outage_;
  forecast::SeriesShape shape_;
  forecast::History loads_;  // from which another horizon is learned
  std::unique_ptr<forecast::BoundedForecast> forecast_;
  ReplicaCount count_;
  Instant last_{}, step_began_{};
  double sum_ = 0, weight_ = 0;  // of the current step
  double believed_ = 0;
  bool begun_ = false;
};

}  // namespace evener::route::autoscale
