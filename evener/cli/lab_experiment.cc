#include "evener/cli/lab_experiment.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "evener/base/config/scalars.h"
#include "evener/base/files.h"
#include "evener/lab/engine_presets.h"

namespace evener::cli {
namespace {

constexpr std::size_t TraceBytesMax = std::size_t{4} << 30;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::optional<double> read_number(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(number > 0) || number > 1e9) return std::nullopt;
  return number;
}

Result<Duration> read_duration_option(const char* name, const std::string& text) {
  const auto reading = config::read_duration(text);
  if (reading.value) return *reading.value;
  return fail(fmt::format("{} {} is not a duration such as 2s or 100ms", name, text), Fault::Client);
}

/// "h100-8b=2,l4-8b=1:slow=4:weight=0.5:capacity=64".
Result<std::vector<lab::SimulatedEndpoint>> read_engines(const std::string& text) {
  std::vector<lab::SimulatedEndpoint> endpoints;
  for (const std::string& group : split(text, ',')) {
    const std::vector<std::string> fields = split(group, ':');
    const std::size_t equals = fields.front().find('=');
    const std::string name = fields.front().substr(0, equals);
    const lab::EnginePreset* preset = lab::find_engine_preset(name);
    if (preset == nullptr) {
      std::string known;
      for (const lab::EnginePreset& each : lab::engine_presets()) known += fmt::format("{}{}", known.empty() ? "" : ", ", each.name);
      return fail(fmt::format("--engines: {} is not an engine; there are {}", name, known), Fault::Client);
    }
    const auto count = equals == std::string::npos ? std::optional(1.0) : read_number(fields.front().substr(equals + 1));
    if (!count || *count < 1 || *count > 100'000 || *count != static_cast<double>(static_cast<std::uint32_t>(*count))) {
      return fail(fmt::format("--engines: {} needs a count of 1 to 100000, such as {}=8", fields.front(), name), Fault::Client);
    }
    lab::SimulatedEndpoint endpoint{.name = name, .engine = preset->config, .settings = {}, .request_overhead = preset->request_overhead};
    for (std::size_t i = 1; i < fields.size(); ++i) {
      const std::size_t sign = fields[i].find('=');
      const std::string key = fields[i].substr(0, sign);
      const auto value = sign == std::string::npos ? std::nullopt : read_number(fields[i].substr(sign + 1));
      if (value && key == "slow") {
        endpoint.slowdown = *value;
      } else if (value && key == "weight") {
        endpoint.settings.weight = *value;
      } else if (value && key == "capacity") {
        endpoint.settings.capacity = static_cast<std::uint32_t>(*value);
      } else if (value && key == "network-ms") {
        endpoint.network = from_seconds(*value / 1000);
      } else {
        return fail(fmt::format("--engines: {} is none of slow=FACTOR, weight=W, capacity=N, network-ms=T", fields[i]), Fault::Client);
      }
    }
    for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(*count); ++i) endpoints.push_back(endpoint);
  }
  if (endpoints.empty()) return fail("--engines names no engine", Fault::Client);
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    endpoints[i].name = fmt::format("{}-{}", i + 1, endpoints[i].name);
    endpoints[i].settings.identity = splitmix64(i + 1);
  }
  return endpoints;
}

Result<void> set_policy(route::PoolSettings& pool, const std::string& name) {
  const auto kind = route::policy_kind(name);
  if (!kind) {
    std::string known;
    for (const std::string_view each : route::policy_names()) known += fmt::format("{}{}", known.empty() ? "" : ", ", each);
    return fail(fmt::format("--policies: {} is not a policy; there are {}", name, known), Fault::Client);
  }
  pool.policy = *kind;
  return {};
}

/// "realtime=0.2:500ms:50ms,batch=0.8".
Result<lab::ClassMix> read_classes(const std::string& text) {
  lab::ClassMix mix{.shares = {}};
  for (const std::string& one : split(text, ',')) {
    const std::vector<std::string> fields = split(one, ':');
    const std::size_t equals = fields.front().find('=');
    const std::string name = fields.front().substr(0, equals);
    std::optional<std::size_t> chosen;
    for (std::size_t i = 0; i < route::Priorities; ++i) {
      if (route::priority_name(static_cast<route::Priority>(i)) == name) chosen = i;
    }
    const auto share = equals == std::string::npos ? std::nullopt : read_number(fields.front().substr(equals + 1));
    if (!chosen || !share || fields.size() > 3) {
      return fail(
          fmt::format("--classes: {} is not of the form realtime=SHARE[:TTFT[:TPOT]], with realtime, standard, batch or background", one),
          Fault::Client);
    }
    mix.shares[*chosen] = *share;
    for (std::size_t i = 1; i < fields.size(); ++i) {
      const auto objective = read_duration_option("--classes", fields[i]);
      if (!objective) return tl::unexpected(objective.error());
      (i == 1 ? mix.first_token_objectives : mix.token_objectives)[*chosen] = *objective;
    }
  }
  return mix;
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
  return line;
}

Result<void> read_load(const LabArguments& arguments, Experiment& experiment) {
  if (arguments.trace.empty() == arguments.workload.empty()) return fail("say either --trace FILE or --workload NAME", Fault::Client);
  if (!arguments.workload.empty()) {
    experiment.named = lab::find_named_load(arguments.workload);
    if (experiment.named != nullptr) return {};
    std::string known;
    for (const lab::NamedLoad& load : lab::named_loads()) known += fmt::format("\n  {:<20}{}", load.name, load.description);
    return fail(fmt::format("--workload: {} is not a load; there are{}", arguments.workload, known), Fault::Client);
  }
  const auto text = read_file(arguments.trace, TraceBytesMax);
  if (!text) return tl::unexpected(text.error());
  lab::TraceReading reading = lab::read_trace(*text, arguments.trace);
  for (const std::string& problem : reading.problems) std::cerr << problem << "\n";
  if (reading.malformed > 0) std::cerr << "evener lab: " << reading.malformed << " of " << reading.lines << " lines were left out\n";
  if (reading.trace.requests.empty()) return fail(arguments.trace + " holds no request", Fault::Client);
  experiment.trace = std::move(reading.trace);
  return {};
}

}  // namespace

void declare_experiment(CLI::App& app, LabArguments& arguments) {
  app.add_option("-t,--trace", arguments.trace, "Mooncake JSON lines or Azure CSV")->type_name("FILE")->group("Load");
  app.add_option("-w,--workload", arguments.workload, "A made-up load by name; an unknown one lists them")
      ->type_name("NAME")
      ->group("Load");
  app.add_option("-l,--load,--rate", arguments.loads, "Its rate times these factors, with commas (default: 1)")
      ->type_name("LIST")
      ->group("Load");
  app.add_option("-n,--requests", arguments.requests, "Only the first so many of a trace (default: all)")->type_name("N")->group("Load");
  app.add_option("--sample", arguments.sample, "Only about this share of the sessions or requests (default: 1)")
      ->check(CLI::Range(1e-6, 1.0))
      ->type_name("SHARE")
      ->group("Load");
  app.add_option("--classes", arguments.classes,
                 "Classes at random: realtime=0.2:500ms:50ms,standard=0.8 (share, then its TTFT and TPOT objectives)")
      ->type_name("LIST")
      ->group("Load");
  app.add_option("--tenants", arguments.tenants, "So many equal tenants at random (default: none)")
      ->check(CLI::Range(0, 100'000))
      ->type_name("N")
      ->group("Load");
  app.add_flag("--as-recorded", arguments.as_recorded,
               "Keep the recorder's coarse times; else requests of one instant are spread up to the next")
      ->group("Load");

  app.add_option("-e,--engines", arguments.engines,
                 "Presets of evener engine with counts, such as h100-8b=2,l4-8b=4:slow=4:weight=0.5:capacity=64:network-ms=5 (default: "
                 "h100x2-32b-coarse=8)")
      ->type_name("LIST")
      ->group("Pool");
  app.add_option("--reports", arguments.reports,
                 "Load reports every PERIOD, or PERIOD+DELAY until they arrive; 0s = before each arrival (default: none)")
      ->type_name("PERIOD")
      ->group("Pool");
  app.add_option("--block-tokens", arguments.block_tokens, "Content block of the scheduler's prefix index (default: 512)")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("TOKENS")
      ->group("Pool");
  app.add_option("--prompt-error", arguments.prompt_error,
                 "Standard deviation of the log of estimated over true prompt length (default: 0)")
      ->check(CLI::Range(0.0, 2.0))
      ->type_name("SIGMA")
      ->group("Pool");
  app.add_option("--queue", arguments.queue, "Most requests that wait for capacity (default: 1024)")
      ->check(CLI::Range(0, 10'000'000))
      ->type_name("N")
      ->group("Pool");

  app.add_option("--seeds", arguments.seeds, "Runs to average over (default: 1)")
      ->check(CLI::Range(1, 10'000))
      ->type_name("N")
      ->group("Runs");
  app.add_option("--seed", arguments.seed, "The first of them (default: 1)")->type_name("N")->group("Runs");
  app.add_option("--slo-ttft", arguments.ttft, "Objective: time to first token (default: 2s)")->type_name("DURATION")->group("Runs");
  app.add_option("--slo-tpot", arguments.tpot, "Objective: time per output token (default: 100ms)")->type_name("DURATION")->group("Runs");
  app.add_flag("--json", arguments.json, "Figures as JSON")->group("Runs");
}

Result<Experiment> read_experiment(const LabArguments& arguments) {
  Experiment experiment{
      .tenants = arguments.tenants, .requests = arguments.requests, .sample = arguments.sample, .as_recorded = arguments.as_recorded};
  auto endpoints = read_engines(arguments.engines);
  if (!endpoints) return tl::unexpected(endpoints.error());
  experiment.scenario.endpoints = std::move(*endpoints);
  experiment.scenario.content_block_tokens = arguments.block_tokens;
  experiment.scenario.prompt_error = arguments.prompt_error;
  experiment.scenario.pool.queue.requests_max = arguments.queue;
  experiment.policies = split(arguments.policies, ',');
  if (experiment.policies.empty()) return fail("--policies names no policy", Fault::Client);
  for (const std::string& name : experiment.policies) {
    route::PoolSettings pool;
    if (auto done = set_policy(pool, name); !done) return tl::unexpected(done.error());
  }
  for (const std::string& text : split(arguments.loads, ',')) {
    const auto load = read_number(text);
    if (!load) return fail(fmt::format("--load {} is not a factor such as 0.8 or 1,1.2,1.4", text), Fault::Client);
    experiment.loads.push_back(*load);
  }
  if (experiment.loads.empty()) return fail("--load names no factor", Fault::Client);
  if (!arguments.reports.empty()) {
    const auto line = read_reports(arguments.reports);
    if (!line) return tl::unexpected(line.error());
    experiment.scenario.reports = *line;
  }
  if (!arguments.classes.empty()) {
    const auto mix = read_classes(arguments.classes);
    if (!mix) return tl::unexpected(mix.error());
    experiment.classes = *mix;
  }
  const auto ttft = read_duration_option("--slo-ttft", arguments.ttft);
  if (!ttft) return tl::unexpected(ttft.error());
  const auto tpot = read_duration_option("--slo-tpot", arguments.tpot);
  if (!tpot) return tl::unexpected(tpot.error());
  experiment.objectives = {.first_token = *ttft, .token = *tpot};
  if (auto done = read_load(arguments, experiment); !done) return tl::unexpected(done.error());
  return experiment;
}

lab::Workload Experiment::workload(double load, std::uint64_t seed) const {
  lab::Workload made;
  if (named != nullptr) {
    made = named->make(load, seed);
  } else {
    lab::Trace copy = *trace;
    if (requests > 0 && requests < copy.requests.size()) copy.requests.resize(requests);
    Rng rng(seed);
    if (!as_recorded) lab::spread_equal_times(copy, rng);
    made = lab::workload_of(copy);
    lab::speed_up(made, load);
  }
  if (sample < 1) lab::subsample(made, sample, seed);
  lab::set_objectives(made, objectives.first_token, objectives.token);
  if (classes) lab::mix_classes(made, *classes, seed);
  if (tenants > 0) lab::mix_tenants(made, std::vector<double>(tenants, 1.0), seed);
  return made;
}

lab::Scenario Experiment::scenario_for(const std::string& policy, std::uint64_t seed) const {
  lab::Scenario made = scenario;
  if (!set_policy(made.pool, policy)) std::abort();  // read_experiment() has looked at all of them
  made.seed = seed;
  return made;
}

}  // namespace evener::cli
