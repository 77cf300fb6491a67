#pragma once
// Bank: several forecasters of one series, weighed by how well they did lately. No single model is best on every series, and which one is
// best changes; the weighted mean stays close to the best of them without knowing beforehand which that is.

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "evener/core/forecast/forecaster.h"
#include "evener/core/forecast/history.h"

namespace evener::forecast {

class Bank final : public Forecaster {
 public:
  static constexpr std::size_t MembersMax = 16;
  /// Weight of a member: e^(-Sharpness * (error / least error - 1)). At 8, one that errs 10 % more than the best has less than half its say.
  static constexpr double Sharpness = 8;
  /// Forecasts are cut at this multiple of the largest value of the latest season: outages make some models blow up.
  static constexpr double ClipAt = 3;

  struct Member {
    std::string_view name;
    double forecast = 0;
    double error = 0;   // mean absolute error, with a memory of one season
    double weight = 0;  // the weights of all add up to 1
  };

  /// 1 to MembersMax models made for `shape`.
  Bank(SeriesShape shape, std::vector<std::unique_ptr<Forecaster>> models);

  [[nodiscard]] std::string_view name() const override { return "bank"; }
  void observe(double value) override;
  [[nodiscard]] double forecast() const override { return forecast_; }
  /// The largest value that is believed possible.
  [[nodiscard]] double ceiling() const { return ceiling_; }
  [[nodiscard]] std::span<const Member> members() const { return members_; }

 private:
  struct Model {
    std::unique_ptr<Forecaster> forecaster;
    History pending;  // its latest forecasts, until the moments that they were made for
  };
  void judge(double value);
  void weigh();

  SeriesShape shape_;
  std::vector<Model> models_;
  std::vector<Member> members_;
  double judged_ = 0;
  double peak_ = 0, previous_peak_ = 0;  // of this season so far, and of the one before
  std::size_t since_peak_ = 0;
  double ceiling_ = 0;
  double forecast_ = 0;
};

/// The models that do well on request rates: last value, smoothing, moving mean, seasonal (plain and scaled), Holt-Winters,
/// autoregression (plain and with daily lags), and a robust local trend.
[[nodiscard]] std::vector<std::unique_ptr<Forecaster>> standard_models(SeriesShape shape);

}  // namespace evener::forecast
