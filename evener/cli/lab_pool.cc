#include "evener/cli/lab_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "evener/cli/option_words.h"
#include "evener/core/hashing.h"
#include "evener/gateway/pool.h"
#include "evener/gateway/request_rules.h"
#include "evener/lab/server_settings.h"

namespace evener::cli {
namespace {

constexpr const char* EnginesUsual = "h100x2-32b-coarse=8";
constexpr const char* EngineUsual = "h100x2-32b-coarse";  // behind each endpoint of a file
constexpr std::uint32_t EndpointsMax = 100'000;
constexpr std::uint64_t GatewayEndpointsMax = 1'000'000;  // endpoints that all gateways together know
constexpr std::uint64_t KvBlocksMax = 100'000'000;        // of all engines; some 50 bytes each
constexpr Duration ReportPeriodMin = std::chrono::milliseconds(1);
constexpr std::int64_t ReportsOnTheWayMax = 1'000;  // of an endpoint
// A file gives the blocks of prompts in bytes of text; a trace knows tokens alone, and the simulation takes so many bytes for each.
constexpr std::uint32_t BytesPerToken = 4;

/// One machine as --engines has it, and what was said there of its endpoint.
struct Machine {
  std::string preset;
  lab::SimulatedEndpoint endpoint;
  std::optional<double> weight;
  std::optional<std::uint32_t> capacity;
  std::optional<Duration> network;
};

template <class Names>
std::string joined(const Names& names) {
  std::string text;
  for (const auto& name : names) text += fmt::format("{}{}", text.empty() ? "" : ", ", name);
  return text;
}

Result<Machine> read_machine(const std::string& name, const std::vector<std::string>& properties) {
  auto endpoint = lab::endpoint_named(name);
  if (!endpoint) return fail("--engines: " + endpoint.error().message, Fault::Client);
  Machine machine{.preset = name, .endpoint = std::move(*endpoint)};
  for (const std::string& property : properties) {
    const std::size_t sign = property.find('=');
    const std::string key = property.substr(0, sign), value = sign == std::string::npos ? "" : property.substr(sign + 1);
    const auto number = read_number(value);
    if (number && key == "weight") {
      machine.weight = *number;
    } else if (number && key == "capacity") {
      machine.capacity = static_cast<std::uint32_t>(*number);
    } else if (number && key == "network-ms") {
      machine.network = from_seconds(*number / 1000);
    } else if (const auto set = lab::set_endpoint(machine.endpoint, key, value); !set) {
      return fail(fmt::format("--engines: {}; and weight, capacity, network-ms", set.error().message), Fault::Client);
    }
  }
  return machine;
}

/// "h100-8b=2,l4-8b=1:slow=4:weight=0.5:capacity=64".
Result<std::vector<Machine>> read_machines(const std::vector<std::string>& groups) {
  std::vector<Machine> machines;
  for (const std::string& group : groups) {
    std::vector<std::string> fields = split(group, ':');
    if (fields.empty()) return fail(fmt::format("--engines: {} names no engine", group), Fault::Client);
    const std::string head = fields.front();
    fields.erase(fields.begin());
    const std::size_t equals = head.find('=');
    const auto count = equals == std::string::npos ? std::optional(1U) : read_count(head.substr(equals + 1), EndpointsMax);
    const auto machine = read_machine(head.substr(0, equals), fields);
    if (!machine) return tl::unexpected(machine.error());
    if (!count) {
      return fail(fmt::format("--engines: {} needs a count of 1 to {}, such as {}=8", head, EndpointsMax, machine->preset), Fault::Client);
    }
    if (machines.size() + *count > EndpointsMax) {
      return fail(fmt::format("--engines: {} machines and more are above {}; take fewer", machines.size() + *count, EndpointsMax),
                  Fault::Client);
    }
    machines.insert(machines.end(), *count, *machine);
  }
  if (machines.empty()) return fail("--engines names no engine", Fault::Client);
  return machines;
}

/// What the gateway would tell its scheduler of the endpoint.
void describe(lab::SimulatedEndpoint& endpoint, const gateway::PoolConfig& pool, const gateway::EndpointConfig& config,
              gateway::ZoneNumbers& zones) {
  const auto zone = pool.zones.find(config.zone);
  if (zone != pool.zones.end()) endpoint.network = zone->second.latency;
  endpoint.settings = gateway::endpoint_settings(config, {.zone = zones.number(config.zone), .latency = endpoint.network});
  endpoint.name = config.name;
}

/// What was said of it in --engines comes before what is known otherwise.
void take_properties(const Machine& machine, lab::SimulatedEndpoint& endpoint) {
  endpoint.settings.weight = machine.weight.value_or(endpoint.settings.weight);
  endpoint.settings.capacity = machine.capacity.value_or(endpoint.settings.capacity);
  endpoint.network = machine.network.value_or(endpoint.network);
  endpoint.settings.network_s = seconds(endpoint.network);
}

Result<std::vector<lab::SimulatedEndpoint>> read_endpoints(const LabArguments& arguments, const gateway::PoolConfig* file) {
  const std::string usual = file == nullptr ? EnginesUsual : EngineUsual;
  std::vector<std::string> groups = split(arguments.engines.empty() ? usual : arguments.engines, ',');
  // In which order machines or endpoints are named says nothing of the pool, so it must not show in a result.
  if (file == nullptr) std::sort(groups.begin(), groups.end());
  auto machines = read_machines(groups);
  if (!machines) return tl::unexpected(machines.error());
  if (file != nullptr && machines->size() == 1) machines->resize(file->endpoints.size(), machines->front());
  if (file != nullptr && machines->size() != file->endpoints.size()) {
    return fail(fmt::format("--engines: {} machines for the {} endpoints of pool {}; say one for each, in its order, or one for all",
                            machines->size(), file->endpoints.size(), file->name),
                Fault::Client);
  }
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < machines->size(); ++i) order.push_back(i);
  if (file != nullptr) std::ranges::sort(order, {}, [&](std::size_t i) { return std::string_view(file->endpoints[i].name); });
  std::vector<lab::SimulatedEndpoint> endpoints;
  gateway::ZoneNumbers zones;
  for (const std::size_t index : order) {
    const Machine& machine = (*machines)[index];
    lab::SimulatedEndpoint endpoint = machine.endpoint;
    if (file != nullptr) {
      describe(endpoint, *file, file->endpoints[index], zones);
    } else {
      endpoint.name = fmt::format("{}-{}", index + 1, machine.preset);
      endpoint.settings.identity = splitmix64(index + 1);
    }
    take_properties(machine, endpoint);
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

Result<lab::ReportLine> read_reports(const std::string& text) {
  const std::vector<std::string> parts = split(text, '+');
  if (parts.empty() || parts.size() > 2) return fail("--reports " + text + " is not of the form PERIOD or PERIOD+DELAY", Fault::Client);
  const auto period = read_duration_option("--reports", parts.front());
  if (!period) return tl::unexpected(period.error());
  lab::ReportLine line{.period = *period};
  if (parts.size() == 2) {
    const auto delay = read_duration_option("--reports", parts.back());
    if (!delay) return tl::unexpected(delay.error());
    line.delay = *delay;
  }
  if (line.period > Duration::zero() && line.period < ReportPeriodMin) {
    return fail(fmt::format("--reports {}: the period is below 1ms; take 0s for a reading before each arrival", text), Fault::Client);
  }
  if (line.period > Duration::zero() && line.delay / line.period >= ReportsOnTheWayMax) {
    return fail(
        fmt::format("--reports {}: the delay is {} periods and more; at most {}", text, line.delay / line.period, ReportsOnTheWayMax - 1),
        Fault::Client);
  }
  return line;
}

}  // namespace

Result<lab::SimulatedEndpoint> read_replica(const std::string& text) {
  std::vector<std::string> fields = split(text, ':');
  if (fields.empty()) return fail("an engine has no name", Fault::Client);
  const std::string preset = fields.front();
  fields.erase(fields.begin());
  auto machine = read_machine(preset, fields);
  if (!machine) return tl::unexpected(machine.error());
  take_properties(*machine, machine->endpoint);
  return std::move(machine->endpoint);
}

Result<void> check_pool_size(const lab::Scenario& scenario) {
  const std::uint64_t known = std::uint64_t{scenario.gateways} * scenario.endpoints.size();
  if (known > GatewayEndpointsMax) {
    return fail(fmt::format("{} endpoints behind {} gateways are {} to look after; at most {}", scenario.endpoints.size(),
                            scenario.gateways, known, GatewayEndpointsMax),
                Fault::Client);
  }
  std::uint64_t blocks = 0;
  for (const lab::SimulatedEndpoint& endpoint : scenario.endpoints) {
    if (const auto* engine = std::get_if<lab::EngineConfig>(&endpoint.engine)) blocks += engine->kv_blocks;
  }
  if (blocks > KvBlocksMax) {
    return fail(fmt::format("the engines have {} KV blocks; a simulation holds at most {}: take fewer engines, or smaller kv_blocks",
                            blocks, KvBlocksMax),
                Fault::Client);
  }
  return {};
}

Result<void> read_pool(const LabArguments& arguments, const gateway::PoolConfig* file, Experiment& experiment) {
  lab::Scenario& scenario = experiment.scenario;
  auto endpoints = read_endpoints(arguments, file);
  if (!endpoints) return tl::unexpected(endpoints.error());
  scenario.endpoints = std::move(*endpoints);
  if (auto fits = check_pool_size(scenario); !fits) return fail("--engines: " + fits.error().message, Fault::Client);
  if (file != nullptr) {
    experiment.from_file = true;
    scenario.pool = gateway::pool_settings(*file);
    scenario.content_block_tokens = std::max(1U, file->prefix_index.block_bytes / BytesPerToken);
    if (file->load_reports.enabled) scenario.reports = lab::ReportLine{.period = file->load_reports.interval};
  }
  if (arguments.block_tokens) scenario.content_block_tokens = *arguments.block_tokens;
  if (arguments.queue) scenario.pool.queue.requests_max = *arguments.queue;
  if (!arguments.reports.empty()) {
    const auto line = read_reports(arguments.reports);
    if (!line) return tl::unexpected(line.error());
    scenario.reports = *line;
  }
  scenario.prompt_error = arguments.prompt_error;

  const route::PolicyKind usual = file == nullptr ? route::PolicyKind::Balanced : scenario.pool.policy;
  const std::string named = arguments.policies.empty() ? std::string(route::policy_name(usual)) : arguments.policies;
  for (const std::string& name : split(named, ',')) {
    const auto kind = route::policy_kind(name);
    if (!kind) return fail(fmt::format("--policies: {} is not a policy; there are {}", name, joined(route::policy_names())), Fault::Client);
    experiment.policies.push_back(*kind);
  }
  if (experiment.policies.empty()) return fail("--policies names no policy", Fault::Client);
  return {};
}

}  // namespace evener::cli
