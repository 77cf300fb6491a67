#pragma once
// Forecaster: what a series of numbers, one per step of equal length, will be some steps ahead. It knows neither what a step is nor what the
// numbers mean; both are for the caller. Every model keeps a bounded part of the past, which its header states, and costs well under a
// microsecond a step except where it says so.

#include <cstddef>
#include <string_view>

namespace evener::forecast {

inline constexpr std::size_t SeasonMax = 2880;  // a day in steps of 30 s
inline constexpr std::size_t HorizonMax = 360;

struct SeriesShape {
  /// Steps after which the series resembles itself, usually a day; 1..SeasonMax.
  std::size_t season = 144;
  /// Steps from the latest value to the one that is forecast; 1..HorizonMax. Fixed for a forecaster, as models that are fitted for their
  /// horizon do better than those that go on step by step.
  std::size_t horizon = 1;

  bool operator==(const SeriesShape&) const = default;
};

/// Not thread-safe.
class Forecaster {
 public:
  Forecaster() = default;
  Forecaster(const Forecaster&) = delete;
  Forecaster& operator=(const Forecaster&) = delete;
  virtual ~Forecaster() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;
  /// The next value of the series: finite and at least 0, as rates and counts are.
  virtual void observe(double value) = 0;
  /// The value `horizon` steps after the latest; 0 before the first. It may be below 0 or far above anything seen: the bank clips it.
  [[nodiscard]] virtual double forecast() const = 0;
};

}  // namespace evener::forecast
