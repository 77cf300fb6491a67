#pragma once
// `evener lab scale` and `evener lab forecast`: scalers and forecasters held against each other on a recorded rate of requests.

#include <cstdint>
#include <string>

namespace CLI {
class App;
}

namespace evener::cli {

/// The series that both read.
struct RatesArguments {
  std::string file, column;
};

struct ScaleArguments {
  RatesArguments rates;
  std::string plans = "fixed,hpa,panic,backlog,predictive", startup = "180s", tick = "15s", wait = "5s";
  double replica_rate = 0, noise = 0.22, violating_max_percent = 0.1, training = 0.5;
  std::uint64_t seed = 1;
  bool json = false;
};

struct ForecastArguments {
  RatesArguments rates;
  std::string horizons = "1,3,6";
  std::size_t season = 0, training = 0;
  double quantile = 0.95;
  bool json = false;
};

CLI::App* declare_scale(CLI::App& lab, ScaleArguments& arguments);
CLI::App* declare_forecast(CLI::App& lab, ForecastArguments& arguments);

/// Exit codes.
int run_scale(const ScaleArguments& arguments);
int run_forecast(const ForecastArguments& arguments);

}  // namespace evener::cli
