#pragma once
// Calibration: finds the constants of the roofline step model, and the overhead of a request, with which the engine model does what a log says
// that an engine did. Half of the log is fitted, the other half says how far to trust the result. Leaves out what a log cannot tell: batch
// limits and the size of the KV cache are to be given.

#include <array>
#include <span>
#include <string_view>

#include "evener/lab/served_log.h"

namespace evener::lab {

/// An engine as far as calibration changes it: its step model is a RooflineStep.
struct Calibrated {
  EngineConfig engine;
  Duration overhead{};
};

/// The constants that are fitted, with the names that engine settings have, and where they may lie.
struct FreeConstant {
  std::string_view setting;
  double min, max;
  double (*get)(const Calibrated&);
  void (*set)(Calibrated&, double);
};
[[nodiscard]] std::span<const FreeConstant> free_constants();

/// Which requests are fitted: those of the earlier half of the time, or every other one. The earlier half is the harder test, because the load at
/// the end of a log is often another than at its beginning.
enum class Split : std::uint8_t { Earlier, EveryOther };

struct CalibrationSettings {
  Split split = Split::Earlier;
  std::uint32_t evaluations_max = 400;  // simulations of the log, over all searches
};

struct Calibration {
  Calibrated result;
  QuantileErrors start;             // of the given constants, all requests
  QuantileErrors fitted, held_out;  // of the result
  std::size_t fitted_requests = 0, held_out_requests = 0;
  std::uint32_t evaluations = 0;
};

/// `requests` in order of arrival, at least CalibratedMin, all of them servable: of others the model has no times that could be fitted. `start` has a
/// RooflineStep.
[[nodiscard]] Calibration calibrate(const Calibrated& start, std::span<const ServedRequest> requests,
                                    const CalibrationSettings& settings = {});
inline constexpr std::size_t CalibratedMin = 20;

}  // namespace evener::lab
