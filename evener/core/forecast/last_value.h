#pragma once
// LastValue: tomorrow is like today. Hard to beat a few minutes ahead on loads without a strong daily shape, and the measure of all others.

#include "evener/core/forecast/forecaster.h"

namespace evener::forecast {

class LastValue final : public Forecaster {
 public:
  [[nodiscard]] std::string_view name() const override { return "last-value"; }
  void observe(double value) override { last_ = value; }
  [[nodiscard]] double forecast() const override { return last_; }

 private:
  double last_ = 0;
};

}  // namespace evener::forecast
