// evener lab forecast: how well each forecaster and the bank of them do on a recorded series.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <memory>
#include <optional>

#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/cli/lab_rates.h"
#include "evener/cli/lab_subcommand.h"
#include "evener/cli/option_words.h"
#include "evener/lab/forecast_trial.h"

namespace evener::cli {
namespace {

struct ForecastArguments {
  RatesArguments rates;
  std::string horizons = "1,3,6";
  std::size_t season = 0;
  std::optional<std::size_t> training;
  double quantile = 0.95;
  bool json = false;
};

Result<std::vector<std::size_t>> read_horizons(const std::string& text) {
  std::vector<std::size_t> horizons;
  for (const std::string& one : split_list(text)) {
    std::size_t horizon = 0;
    const auto [end, error] = std::from_chars(one.data(), one.data() + one.size(), horizon);
    if (error != std::errc() || end != one.data() + one.size() || horizon < 1 || horizon > forecast::HorizonMax) {
      return fail(fmt::format("--horizons: {} is not a number of steps from 1 to {}", one, forecast::HorizonMax), Fault::Client);
    }
    horizons.push_back(horizon);
  }
  return horizons;
}

void print(const lab::ForecastReport& report, std::size_t horizon, double quantile) {
  fmt::print("{} steps ahead, {} values scored\n", horizon, report.scored);
  for (const lab::ForecastScore& model : report.models) {
    fmt::print("  {:<26}{:>8.2f} %   weight at the end {:.2f}\n", model.name, 100 * model.wape, model.weight);
  }
  fmt::print("  {:<26}{:>8.2f} %   {:g} % bound covers {:.1f} %, {:.2f} times the forecast on average\n\n", report.bank.name,
             100 * report.bank.wape, 100 * quantile, 100 * report.coverage, report.margin);
}

void write(JsonWriter& json, const lab::ForecastReport& report, std::size_t horizon) {
  json.begin_object().member("horizon_steps", horizon).member("scored", report.scored).member("bank_wape", report.bank.wape);
  json.member("coverage", report.coverage).member("margin", report.margin).key("models").begin_array();
  for (const lab::ForecastScore& model : report.models) {
    json.begin_object().member("model", model.name).member("wape", model.wape).member("weight", model.weight).end_object();
  }
  json.end_array().end_object();
}

int run_forecast(const ForecastArguments& arguments) {
  const auto horizons = read_horizons(arguments.horizons);
  if (!horizons) return report(horizons.error());
  const auto series = read_rates(arguments.rates);
  if (!series) return report(series.error());
  constexpr Duration Day = std::chrono::hours(24);
  const std::size_t season =
      arguments.season > 0 ? arguments.season : static_cast<std::size_t>(std::max<std::int64_t>(Day / series->step, 1));
  if (season > forecast::SeasonMax) {
    return report({.message = fmt::format("a season of {} steps is more than the {} that forecasters take; say a shorter one with --season",
                                          season, forecast::SeasonMax),
                   .fault = Fault::Client});
  }
  const std::size_t values = series->rates.size();
  const std::size_t training = arguments.training.value_or(values / 2);
  if (training >= values) {
    return report({.message = fmt::format("--training {}: {} has {} values, and none would be left to forecast; take at most {}", training,
                                          arguments.rates.file, values, values - 1),
                   .fault = Fault::Client});
  }
  for (const std::size_t horizon : *horizons) {
    if (horizon < values) continue;
    return report(
        {.message = fmt::format("--horizons {}: {} has {} values; take at most {}", horizon, arguments.rates.file, values, values - 1),
         .fault = Fault::Client});
  }
  std::string text;
  JsonWriter json(text);
  if (arguments.json)
    json.begin_object().member("schema", "evener.lab.forecast.v1").member("step_s", seconds(series->step)).key("horizons").begin_array();
  for (const std::size_t horizon : *horizons) {
    const lab::ForecastReport result = lab::try_forecasts(
        *series, {.shape = {.season = season, .horizon = horizon}, .quantile = arguments.quantile, .training = training});
    if (arguments.json) {
      write(json, result, horizon);
    } else {
      print(result, horizon, arguments.quantile);
    }
  }
  if (arguments.json) {
    json.end_array().end_object();
    fmt::print("{}\n", text);
  }
  return Ok;
}

}  // namespace

LabSubcommand declare_lab_forecast(CLI::App& lab) {
  CLI::App* app = lab.add_subcommand("forecast", "How well forecasters do on a rate series");
  const auto arguments = std::make_shared<ForecastArguments>();
  declare_rates(*app, arguments->rates);
  app->add_option("--horizons", arguments->horizons, "Steps of the series to look ahead")->type_name("LIST")->capture_default_str();
  app->add_option("--season", arguments->season, "Steps after which the series resembles itself (default: a day)")->type_name("STEPS");
  app->add_option("--training", arguments->training, "Values that are only learned from (default: half of them)")->type_name("STEPS");
  app->add_option("--quantile", arguments->quantile, "Share of values that the bound is to cover")
      ->check(number_of(0.5, 0.999))
      ->capture_default_str();
  app->add_flag("--json", arguments->json, "Print JSON");
  return {.app = app, .run = [arguments] { return run_forecast(*arguments); }};
}

}  // namespace evener::cli
