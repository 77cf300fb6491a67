#pragma once
// The load that `evener lab` simulates: a trace or a made-up one, and what is made of it.

#include "evener/cli/lab_experiment.h"

namespace evener::cli {

void declare_load(CLI::App& app, LabArguments& arguments);
/// Fills what the experiment knows of the load. `pool`: of a configuration file, when there is one.
[[nodiscard]] Result<void> read_load(const LabArguments& arguments, const gateway::PoolConfig* pool, Experiment& experiment);

}  // namespace evener::cli
