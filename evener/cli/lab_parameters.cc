#include "evener/cli/lab_parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "evener/core/hashing.h"

namespace evener::cli {
namespace {

template <class Set>
void each_endpoint(Experiment& experiment, Set set) {
  for (lab::SimulatedEndpoint& endpoint : experiment.scenario.endpoints) set(endpoint);
}

void set_replicas(Experiment& experiment, double value) {
  experiment.scenario.endpoints = replicated(experiment.scenario.endpoints, static_cast<std::size_t>(value));
}

void set_capacity(Experiment& experiment, double value) {
  each_endpoint(experiment, [&](lab::SimulatedEndpoint& endpoint) { endpoint.settings.capacity = static_cast<std::uint32_t>(value); });
}

void set_network(Experiment& experiment, double value) {
  each_endpoint(experiment, [&](lab::SimulatedEndpoint& endpoint) {
    endpoint.network = from_seconds(value / 1000);
    endpoint.settings.network_s = value / 1000;
  });
}

void set_kv(Experiment& experiment, double value) {
  each_endpoint(experiment, [&](lab::SimulatedEndpoint& endpoint) {
    if (auto* engine = std::get_if<lab::EngineConfig>(&endpoint.engine)) {
      engine->kv_blocks = static_cast<std::uint32_t>(std::clamp(std::round(engine->kv_blocks * value), 1.0, 4e9));
    }
  });
}

constexpr std::array Parameters = {
    LabParameter{"replicas", "endpoints: the first so many, or the same again and again", 1, 100'000, true, &set_replicas},
    LabParameter{"capacity", "requests at once at each endpoint; 0 = as many as come", 0, 1e6, true, &set_capacity},
    LabParameter{
        "queue", "most requests that wait", 0, 1e7, true,
        [](Experiment& experiment, double value) { experiment.scenario.pool.queue.requests_max = static_cast<std::uint32_t>(value); }},
    LabParameter{"gateways", "gateways in front of the same endpoints", 1, 1000, true,
                 [](Experiment& experiment, double value) { experiment.scenario.gateways = static_cast<std::uint32_t>(value); }},
    LabParameter{"kv", "KV memory of each engine, times as much", 0.001, 1000, false, &set_kv},
    LabParameter{"network-ms", "milliseconds to each endpoint and back", 0, 1e6, false, &set_network},
    LabParameter{
        "block-tokens", "content block of the prefix index", 1, 1e6, true,
        [](Experiment& experiment, double value) { experiment.scenario.content_block_tokens = static_cast<std::uint32_t>(value); }},
    LabParameter{"prompt-error", "standard deviation of the log of estimated over true prompt length", 0, 2, false,
                 [](Experiment& experiment, double value) { experiment.scenario.prompt_error = value; }},
    LabParameter{
        "report-interval", "seconds between load reports of an endpoint", 0.001, 1e5, false,
        [](Experiment& experiment, double value) { experiment.scenario.reports = lab::ReportLine{.period = from_seconds(value)}; }},
    LabParameter{"sample", "share of the sessions or requests", 1e-6, 1, false,
                 [](Experiment& experiment, double value) { experiment.sample = value; }},
};

}  // namespace

std::span<const LabParameter> lab_parameters() { return Parameters; }

const LabParameter* find_lab_parameter(std::string_view name) {
  const auto found = std::find_if(Parameters.begin(), Parameters.end(), [&](const LabParameter& one) { return one.name == name; });
  return found == Parameters.end() ? nullptr : &*found;
}

std::vector<lab::SimulatedEndpoint> replicated(const std::vector<lab::SimulatedEndpoint>& endpoints, std::size_t count) {
  std::vector<lab::SimulatedEndpoint> made;
  made.reserve(count);
  for (std::size_t i = 0; i < count && !endpoints.empty(); ++i) {
    const std::size_t round = i / endpoints.size();
    lab::SimulatedEndpoint& endpoint = made.emplace_back(endpoints[i % endpoints.size()]);
    if (round == 0) continue;
    // Its identity decides what hashing policies send there, so that no two may have the same.
    endpoint.name += fmt::format("#{}", round + 1);
    endpoint.settings.identity = splitmix64(endpoint.settings.identity + round);
  }
  return made;
}

}  // namespace evener::cli
