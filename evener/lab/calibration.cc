#include "evener/lab/calibration.h"

#include <algorithm>

#include "evener/core/portable_math.h"
#include "evener/lab/simplex_search.h"

namespace evener::lab {
namespace {

RooflineStep& step_of(Calibrated& calibrated) { return std::get<RooflineStep>(calibrated.engine.step); }
const RooflineStep& step_of(const Calibrated& calibrated) { return std::get<RooflineStep>(calibrated.engine.step); }

constexpr std::array Constants = {
    FreeConstant{"matmul", 0.02, 1, [](const Calibrated& c) { return step_of(c).matmul_efficiency; },
                 [](Calibrated& c, double v) { step_of(c).matmul_efficiency = v; }},
    FreeConstant{"weight_read", 0.02, 1, [](const Calibrated& c) { return step_of(c).weight_read_efficiency; },
                 [](Calibrated& c, double v) { step_of(c).weight_read_efficiency = v; }},
    FreeConstant{"kv_read", 0.02, 1, [](const Calibrated& c) { return step_of(c).kv_read_efficiency; },
                 [](Calibrated& c, double v) { step_of(c).kv_read_efficiency = v; }},
    FreeConstant{"attention", 0.02, 1, [](const Calibrated& c) { return step_of(c).attention_efficiency; },
                 [](Calibrated& c, double v) { step_of(c).attention_efficiency = v; }},
    FreeConstant{"layer_us", 1, 5000, [](const Calibrated& c) { return step_of(c).layer_overhead_s * 1e6; },
                 [](Calibrated& c, double v) { step_of(c).layer_overhead_s = v / 1e6; }},
    FreeConstant{"overhead_ms", 0.1, 1000, [](const Calibrated& c) { return seconds(c.overhead) * 1e3; },
                 [](Calibrated& c, double v) { c.overhead = from_seconds(v / 1e3); }},
};

// All constants are positive and matter by their ratio, so the search goes over their logarithms.
std::vector<double> coordinates(const Calibrated& calibrated) {
  std::vector<double> at;
  for (const FreeConstant& constant : Constants)
    at.push_back(portable::log(std::clamp(constant.get(calibrated), constant.min, constant.max)));
  return at;
}

Calibrated placed(Calibrated calibrated, std::span<const double> at) {
  for (std::size_t i = 0; i < Constants.size(); ++i) {
    Constants[i].set(calibrated, std::clamp(portable::exp(at[i]), Constants[i].min, Constants[i].max));
  }
  return calibrated;
}

/// How far outside of their limits the coordinates are: the search is turned back there.
double excess(std::span<const double> at) {
  double sum = 0;
  for (std::size_t i = 0; i < Constants.size(); ++i) {
    sum += std::max({0.0, portable::log(Constants[i].min) - at[i], at[i] - portable::log(Constants[i].max)});
  }
  return sum;
}

using Requests = std::vector<ServedRequest>;

/// The part of a log that is fitted, or the one that is held out.
Requests part(std::span<const ServedRequest> requests, Split split, bool fitted) {
  Requests chosen;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const bool first = split == Split::Earlier ? i < requests.size() / 2 : i % 2 == 0;
    if (first == fitted) chosen.push_back(requests[i]);
  }
  return chosen;
}

}  // namespace

std::span<const FreeConstant> free_constants() { return Constants; }

Calibration calibrate(const Calibrated& start, std::span<const ServedRequest> requests, const CalibrationSettings& settings) {
  const Requests fitted = part(requests, settings.split, true), held_out = part(requests, settings.split, false);
  // When all that is fitted came before all that is held out, what comes later cannot have mattered to most of it, and leaving it out would make
  // the end of the fitted part too quiet. So every simulation has all requests; only what became of the fitted ones is looked at.
  const auto replay = [&](const Calibrated& calibrated) { return replay_on_model(calibrated.engine, calibrated.overhead, requests); };
  const auto value = [&](std::span<const double> at) {
    const Requests simulated = replay(placed(start, at));
    return quantile_errors(part(simulated, settings.split, true), fitted).mean() + excess(at);
  };
  Calibration calibration{.fitted_requests = fitted.size(), .held_out_requests = held_out.size()};
  calibration.start = quantile_errors(replay(start), requests);

  // The surface is rough: a second search from where the first one ended, with a small simplex, leaves its dents.
  LowPoint found = search_simplex(value, coordinates(start), {.evaluations_max = settings.evaluations_max * 2 / 3, .step = 0.3});
  calibration.evaluations = found.evaluations;
  found = search_simplex(value, found.at, {.evaluations_max = settings.evaluations_max - found.evaluations, .step = 0.1});
  calibration.evaluations += found.evaluations;

  calibration.result = placed(start, found.at);
  const Requests simulated = replay(calibration.result);
  calibration.fitted = quantile_errors(part(simulated, settings.split, true), fitted);
  calibration.held_out = quantile_errors(part(simulated, settings.split, false), held_out);
  return calibration;
}

}  // namespace evener::lab
