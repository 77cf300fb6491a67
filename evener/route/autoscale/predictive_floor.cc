#include "evener/route/autoscale/predictive_floor.h"

#include <algorithm>
#include <cmath>

namespace evener::route::autoscale {
namespace {

constexpr Duration OutageMemory = std::chrono::hours(1);
/// A horizon is kept until start-up needs a longer one or less than this share of it: learning another one costs some 30 ms for
/// two days of half minutes.
constexpr double HorizonKept = 0.7;

std::size_t steps(Duration duration, Duration step) { return static_cast<std::size_t>(std::max<std::int64_t>(duration / step, 0)); }

PredictiveFloorSettings checked(PredictiveFloorSettings settings) {
  settings.step = std::max(settings.step, PredictiveFloor::StepMin);
  return settings;
}

}  // namespace

PredictiveFloor::PredictiveFloor(const PredictiveFloorSettings& settings)
    : settings_(checked(settings)),
      startups_(settings_.startup),
      outage_(steps(settings_.outage, settings_.step), std::max<std::size_t>(steps(OutageMemory, settings_.step), 1)),
      shape_(shape()),
      loads_(2 * shape_.season),
      forecast_(std::make_unique<forecast::BoundedForecast>(shape_, settings_.quantile)) {}

// A replica that is started at the end of this step serves `startup` later, and the next decision is a step away.
forecast::SeriesShape PredictiveFloor::shape() const {
  const double ahead = std::ceil(seconds(startups_.expected()) / seconds(settings_.step)) + 1;
  return {.season = std::clamp<std::size_t>(steps(settings_.season, settings_.step), 1, forecast::SeasonMax),
          .horizon = static_cast<std::size_t>(std::clamp(ahead, 1.0, static_cast<double>(forecast::HorizonMax)))};
}

std::optional<Proposal> PredictiveFloor::propose(const Reading& reading) {
  if (!begun_) {
    begun_ = true;
    last_ = step_began_ = reading.now;
    return std::nullopt;
  }
  const double elapsed = seconds(reading.now - last_);
  last_ = reading.now;
  sum_ += measured(settings_.target.measure, reading) * elapsed;
  weight_ += elapsed;
  if (reading.now - step_began_ >= settings_.step) {
    const std::size_t ended = steps(reading.now - step_began_, settings_.step);
    for (std::size_t i = 0; i < std::min(ended, CatchUpMax); ++i) observe(sum_ / weight_);
    step_began_ += static_cast<std::int64_t>(ended) * settings_.step;
    sum_ = weight_ = 0;
  }
  if (!forecast_->judged()) return std::nullopt;
  // In an outage the load from before it is what must be ready, whatever the bound is.
  double load = outage_.holding() ? std::max(forecast_->upper(), believed_) : forecast_->upper();
  // Arrivals say nothing of what waits. It is to be served beside them in as long as a replica that is started for it takes to come: sooner
  // would need replicas for a moment only.
  if (settings_.target.measure == Measure::Arrivals) load += reading.queued / seconds(std::max(startups_.expected(), settings_.step));
  const double per_replica = settings_.share * settings_.target.per_replica;
  return Proposal{.replicas = count_.update(load, per_replica), .load = load, .per_replica = per_replica};
}

void PredictiveFloor::observe(double load) {
  believed_ = outage_.believe(load);
  loads_.push(believed_);
  const forecast::SeriesShape wanted = shape();
  if (wanted.horizon <= shape_.horizon && static_cast<double>(wanted.horizon) >= HorizonKept * static_cast<double>(shape_.horizon)) {
    forecast_->observe(believed_);
    return;
  }
  shape_ = wanted;
  forecast_ = std::make_unique<forecast::BoundedForecast>(shape_, settings_.quantile);
  for (std::size_t ago = loads_.size(); ago-- > 0;) forecast_->observe(loads_.ago(ago));
}

}  // namespace evener::route::autoscale
