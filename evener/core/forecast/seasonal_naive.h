#pragma once
// SeasonalNaive: what the value was at the same time a season before; as it was, or scaled by how much higher the latest values are than
// those a season before them. For loads with a strong daily shape; poor elsewhere. The last value until a season has been seen.

#include <algorithm>
#include <cstdint>

#include "evener/core/forecast/forecaster.h"
#include "evener/core/forecast/history.h"

namespace evener::forecast {

/// Keeps a season and the few values that the level is taken from.
class SeasonalNaive final : public Forecaster {
 public:
  enum class Level : std::uint8_t { AsItWas, Scaled };
  static constexpr std::size_t LevelSteps = 6;  // values that the level is taken from
  static constexpr double ScaleMax = 3;         // an outage a season ago must not multiply today's load

  SeasonalNaive(SeriesShape shape, Level level) : shape_(shape), level_(level), values_(shape.season + LevelSteps) {}

  [[nodiscard]] std::string_view name() const override { return level_ == Level::Scaled ? "seasonal-scaled" : "seasonal-naive"; }
  void observe(double value) override { values_.push(value); }
  [[nodiscard]] double forecast() const override {
    if (values_.size() == 0) return 0;
    if (values_.size() < shape_.season) return values_.ago(0);
    // Beyond one season ahead, the latest season stands for the ones to come.
    const double then = values_.ago(shape_.season - 1 - (shape_.horizon - 1) % shape_.season);
    return level_ == Level::Scaled ? then * scale() : then;
  }

 private:
  [[nodiscard]] double scale() const {
    if (!values_.full()) return 1;
    double now = 0, then = 0;
    for (std::size_t i = 0; i < LevelSteps; ++i) {
      now += values_.ago(i);
      then += values_.ago(shape_.season + i);
    }
    return then > 0 ? std::clamp(now / then, 1 / ScaleMax, ScaleMax) : 1;
  }

  SeriesShape shape_;
  Level level_;
  History values_;
};

}  // namespace evener::forecast
