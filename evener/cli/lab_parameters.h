#pragma once
// The parameters of an experiment that a sweep can vary, each by a number.

#include <span>
#include <string_view>

#include "evener/cli/lab_experiment.h"

namespace evener::cli {

struct LabParameter {
  std::string_view name, meaning;
  double min = 0, max = 1;
  bool whole = false;
  void (*set)(Experiment& experiment, double value) = nullptr;
};

/// All but the load, which is no part of an experiment.
[[nodiscard]] std::span<const LabParameter> lab_parameters();
/// Null when there is none with this name.
[[nodiscard]] const LabParameter* find_lab_parameter(std::string_view name);

/// A pool of so many endpoints: the first ones of those that there are, or these again and again.
[[nodiscard]] std::vector<lab::SimulatedEndpoint> replicated(const std::vector<lab::SimulatedEndpoint>& endpoints, std::size_t count);

}  // namespace evener::cli
