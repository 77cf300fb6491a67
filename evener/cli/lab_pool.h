#pragma once
// The pool that `evener lab` simulates: what the scheduler is told of it, and the machines behind it. What it is told comes from a file of
// `evener serve`, the same that the gateway reads, or from a few options; the machines come from --engines.

#include "evener/cli/lab_experiment.h"
#include "evener/gateway/config.h"

namespace evener::cli {

/// Fills in the pool and the policies of the experiment. `file`: the pool of a file, or nullptr.
[[nodiscard]] Result<void> read_pool(const LabArguments& arguments, const gateway::PoolConfig* file, Experiment& experiment);

/// Whether one machine can simulate it: an endpoint takes memory in each gateway, and a KV block in its engine.
[[nodiscard]] Result<void> check_pool_size(const lab::Scenario& scenario);

/// A replica of a preset with properties such as "capacity=64" after colons: "h100-8b:capacity=64".
[[nodiscard]] Result<lab::SimulatedEndpoint> read_replica(const std::string& text);

}  // namespace evener::cli
