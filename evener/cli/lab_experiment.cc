#include "evener/cli/lab_experiment.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "evener/base/files.h"
#include "evener/cli/lab_pool.h"
#include "evener/cli/lab_words.h"

namespace evener::cli {
namespace {

constexpr std::size_t TraceBytesMax = std::size_t{4} << 30;
constexpr std::uint32_t TenantsMax = 100'000;

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

/// "4", or "research=2,chat".
Result<std::vector<LabTenant>> read_tenants(const std::string& text) {
  std::vector<LabTenant> tenants;
  if (const auto count = read_count(text, TenantsMax)) {
    for (std::uint32_t i = 1; i <= *count; ++i) tenants.push_back({.name = fmt::format("{}", i)});
  } else {
    for (const std::string& one : split(text, ',')) {
      const std::size_t equals = one.find('=');
      const auto share = equals == std::string::npos ? std::optional(1.0) : read_number(one.substr(equals + 1));
      if (!share)
        return fail(fmt::format("--tenants: {} is not of the form NAME=SHARE, and {} not a number of tenants", one, text), Fault::Client);
      tenants.push_back({.name = one.substr(0, equals), .share = *share});
    }
  }
  if (tenants.size() > TenantsMax) return fail(fmt::format("--tenants: {} are more than {}", tenants.size(), TenantsMax), Fault::Client);
  for (LabTenant& tenant : tenants) tenant.hash = gateway::tenant_hash(tenant.name);
  return tenants;
}

/// What the file says of a class holds where --classes says nothing.
void take_objectives(lab::ClassMix& mix, const gateway::ClassesConfig& classes) {
  for (std::size_t i = 0; i < route::Priorities; ++i) {
    if (mix.first_token_objectives[i] > Duration::zero()) continue;
    mix.first_token_objectives[i] = classes.of(static_cast<route::Priority>(i)).rules.first_token_objective;
  }
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
  app.add_option("--tenants", arguments.tenants,
                 "Tenants at random: so many equal ones, or research=2,chat by names and shares of the requests")
      ->type_name("LIST")
      ->group("Load");
  app.add_flag("--as-recorded", arguments.as_recorded,
               "Keep the recorder's coarse times; else requests of one instant are spread up to the next")
      ->group("Load");

  app.add_option("-c,--config", arguments.config, "The pool as a file of evener serve has it; --engines says what stands behind it")
      ->type_name("FILE")
      ->group("Pool");
  app.add_option("--pool", arguments.pool, "Which pool of the file (default: the first)")->type_name("NAME")->group("Pool");
  app.add_option("-e,--engines", arguments.engines,
                 "Presets of evener engine with counts, such as h100-8b=2,l4-8b=4:slow=4:weight=0.5:capacity=64:network-ms=5 (default: "
                 "h100x2-32b-coarse=8; with a file one for each of its endpoints)")
      ->type_name("LIST")
      ->group("Pool");
  app.add_option(
         "--reports", arguments.reports,
         "Load reports every PERIOD, or PERIOD+DELAY until they arrive; 0s = before each arrival (default: the file's interval, or none)")
      ->type_name("PERIOD")
      ->group("Pool");
  app.add_option("--block-tokens", arguments.block_tokens, "Content block of the scheduler's prefix index (default: the file's, or 512)")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("TOKENS")
      ->group("Pool");
  app.add_option("--prompt-error", arguments.prompt_error,
                 "Standard deviation of the log of estimated over true prompt length (default: 0)")
      ->check(CLI::Range(0.0, 2.0))
      ->type_name("SIGMA")
      ->group("Pool");
  app.add_option("--queue", arguments.queue, "Most requests that wait for capacity (default: the file's, or 1024)")
      ->check(CLI::Range(0, 10'000'000))
      ->type_name("N")
      ->group("Pool");

  app.add_option("--seed", arguments.seed, "Of the load and of chance, the first of several (default: 1)")->type_name("N")->group("Runs");
  app.add_option("--slo-ttft", arguments.ttft, "Objective: time to first token (default: 2s)")->type_name("DURATION")->group("Runs");
  app.add_option("--slo-tpot", arguments.tpot, "Objective: time per output token (default: 100ms)")->type_name("DURATION")->group("Runs");
  app.add_flag("--json", arguments.json, "Figures as JSON")->group("Runs");
}

Result<Experiment> read_experiment(const LabArguments& arguments, const gateway::PoolConfig* pool) {
  Experiment experiment{.requests = arguments.requests, .sample = arguments.sample, .as_recorded = arguments.as_recorded};
  if (auto done = read_pool(arguments, pool, experiment); !done) return tl::unexpected(done.error());
  for (const std::string& text : split(arguments.loads, ',')) {
    const auto load = read_number(text);
    if (!load) return fail(fmt::format("--load {} is not a factor such as 0.8 or 1,1.2,1.4", text), Fault::Client);
    experiment.loads.push_back(*load);
  }
  if (experiment.loads.empty()) return fail("--load names no factor", Fault::Client);
  if (!arguments.classes.empty()) {
    const auto mix = read_classes(arguments.classes);
    if (!mix) return tl::unexpected(mix.error());
    experiment.classes = *mix;
    if (pool != nullptr) take_objectives(*experiment.classes, pool->classes);
  }
  if (!arguments.tenants.empty()) {
    auto tenants = read_tenants(arguments.tenants);
    if (!tenants) return tl::unexpected(tenants.error());
    experiment.tenants = std::move(*tenants);
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
  if (!tenants.empty()) {
    std::vector<double> shares;
    for (const LabTenant& tenant : tenants) shares.push_back(tenant.share);
    lab::mix_tenants(made, shares, seed);
    for (lab::WorkloadRequest& request : made.requests) request.tenant = tenants[request.tenant - 1].hash;
  }
  return made;
}

lab::Scenario Experiment::scenario_for(route::PolicyKind policy, std::uint64_t seed) const {
  lab::Scenario made = scenario;
  made.pool.policy = policy;
  made.seed = seed;
  return made;
}

}  // namespace evener::cli
