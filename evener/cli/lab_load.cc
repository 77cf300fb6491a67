#include "evener/cli/lab_load.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <set>

#include "evener/cli/option_words.h"
#include "evener/cli/load_spec.h"
#include "evener/cli/trace_file.h"
#include "evener/lab/load_size.h"

namespace evener::cli {
namespace {

constexpr std::uint32_t TenantsMax = 100'000;

/// "realtime=0.2:500ms:50ms,batch=0.8".
Result<lab::ClassMix> read_classes(const std::string& text) {
  lab::ClassMix mix{.shares = {}};
  for (const std::string& one : split(text, ',')) {
    std::vector<std::string> fields = split(one, ':');
    if (fields.empty()) fields.emplace_back();
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

Result<void> read_classes_and_tenants(const LabArguments& arguments, const gateway::PoolConfig* pool, Experiment& experiment) {
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
  return {};
}

Result<void> read_part(const LabArguments& arguments, Experiment& experiment) {
  if (auto done = read_duration_option("--from", arguments.from, experiment.from); !done) return done;
  if (auto done = read_duration_option("--for", arguments.length, experiment.length); !done) return done;
  experiment.requests = arguments.requests;
  experiment.sample = arguments.sample;
  return {};
}

Result<void> read_made_load(const LabArguments& arguments, Experiment& experiment) {
  const auto made = read_load_spec(arguments.workload);
  if (!made) return tl::unexpected(made.error());
  const auto factor_max = lab::load_factor_max(*made);
  if (!factor_max) return fail(fmt::format("--workload {}: {}", arguments.workload, factor_max.error().message), Fault::Client);
  experiment.made_load = *made;
  experiment.load_range.most = *factor_max;
  for (const double load : experiment.loads) {
    if (load <= *factor_max) continue;
    return fail(
        fmt::format("--workload {} at --load {:g} could come to more than {:.0f} requests or {:.0f} blocks of prompts, which is what a run "
                    "takes; take at most --load {:.3g}, or a shorter for",
                    arguments.workload, load, lab::MadeRequestsMax, lab::MadeBlocksMax, *factor_max),
        Fault::Client);
  }
  return {};
}

/// A trace that is played much slower would end after all times that there are.
Result<void> check_slowest(const LabArguments& arguments, Experiment& experiment) {
  constexpr double SpanSecondsMax = 100.0 * 366 * 86'400;
  const double span_s = experiment.trace->requests.empty() ? 0 : seconds(experiment.trace->requests.back().at);
  experiment.load_range = {.least = span_s / SpanSecondsMax, .most = std::numeric_limits<double>::infinity()};
  for (const double load : experiment.loads) {
    if (load >= experiment.load_range.least) continue;
    return fail(fmt::format("--load {:g}: {} would take more than 100 years; take at least {:.3g}", load, arguments.trace,
                            experiment.load_range.least),
                Fault::Client);
  }
  return {};
}

/// Those of a recording, which holds hashes: by their names where the pool's file has some, else by number.
std::vector<LabTenant> recorded_tenants(const lab::Trace& trace, const gateway::PoolConfig* pool) {
  std::set<std::uint64_t> hashes;
  for (const lab::TraceRequest& request : trace.requests) hashes.insert(request.tenant);
  std::vector<LabTenant> tenants;
  if (hashes.size() < 2 || hashes.size() > TenantsMax) return tenants;
  for (const std::uint64_t hash : hashes) {
    LabTenant tenant{.name = hash == 0 ? "none" : fmt::format("#{:016x}", hash), .hash = hash};
    if (pool != nullptr) {
      for (const auto& [name, weight] : pool->tenants.weights) {
        if (gateway::tenant_hash(name) == hash) tenant.name = name;
      }
    }
    tenants.push_back(std::move(tenant));
  }
  return tenants;
}

Result<void> read_trace(const LabArguments& arguments, const gateway::PoolConfig* pool, Experiment& experiment) {
  auto trace = read_trace_file({.path = arguments.trace, .pool = arguments.pool, .malformed_max = arguments.malformed_max}, "evener lab");
  if (!trace) return tl::unexpected(trace.error());
  const bool answers_known = std::any_of(trace->requests.begin(), trace->requests.end(), [](const lab::TraceRequest& request) {
    return request.session != 0 && request.took > Duration::zero();
  });
  if (arguments.closed_loop && !answers_known) {
    return fail("--closed-loop: " + arguments.trace + " does not say of sessions when their answers ended", Fault::Client);
  }
  if (experiment.tenants.empty()) {
    experiment.tenants = recorded_tenants(*trace, pool);
    experiment.tenants_recorded = true;
  }
  experiment.trace = std::move(*trace);
  experiment.as_recorded = arguments.as_recorded;
  experiment.closed_loop = arguments.closed_loop;
  return check_slowest(arguments, experiment);
}

lab::Workload replayed(const lab::Trace& trace, const Experiment& experiment, std::uint64_t seed) {
  const lab::Turns turns = experiment.closed_loop ? lab::Turns::AfterAnswers : lab::Turns::AsRecorded;
  if (experiment.as_recorded) return lab::workload_of(trace, turns);
  lab::Trace copy = trace;
  Rng rng(seed);
  lab::spread_equal_times(copy, rng);
  return lab::workload_of(copy, turns);
}

}  // namespace

void declare_load(CLI::App& app, LabArguments& arguments) {
  app.add_option("-t,--trace", arguments.trace, "Requests as recorded: by Mooncake, Bailian, Azure, BurstGPT, or by evener serve --record")
      ->type_name("FILE")
      ->group("Load");
  app.add_option("-w,--workload", arguments.workload,
                 "A made-up load by name, and what is to be other than usual: sessions:turns=5,think=20s; unknown ones list what there is")
      ->type_name("NAME[:KEY=VALUE,...]")
      ->group("Load");
  app.add_option("-l,--load,--rate", arguments.loads, "Its rate times these factors, with commas (default: 1)")
      ->type_name("LIST")
      ->group("Load");
  app.add_option("--from", arguments.from, "Only what comes after so long (default: 0s)")->type_name("DURATION")->group("Load");
  app.add_option("--for", arguments.length, "Only what comes within so long after that (default: all)")
      ->type_name("DURATION")
      ->group("Load");
  app.add_option("-n,--requests", arguments.requests, "Only the first so many of these requests and sessions (default: all)")
      ->type_name("N")
      ->group("Load");
  app.add_option("--sample", arguments.sample, "Only about this share of the sessions or requests (default: 1)")
      ->check(number_of(1e-6, 1.0))
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
  app.add_flag("--closed-loop", arguments.closed_loop,
               "A later turn of a recorded session comes so long after the answer to the turn before as it did then, not at its own time")
      ->group("Load");
  app.add_option("--malformed-max", arguments.malformed_max,
                 "Refuse a trace with a larger share of lines that cannot be read (default: 0.01)")
      ->check(number_of(0.0, 1.0))
      ->type_name("SHARE")
      ->group("Load");
}

Result<void> read_load(const LabArguments& arguments, const gateway::PoolConfig* pool, Experiment& experiment) {
  if (arguments.trace.empty() == arguments.workload.empty()) return fail("say either --trace FILE or --workload NAME", Fault::Client);
  for (const std::string& text : split(arguments.loads, ',')) {
    const auto load = read_number(text);
    if (!load) return fail(fmt::format("--load {} is not a factor such as 0.8 or 1,1.2,1.4", text), Fault::Client);
    experiment.loads.push_back(*load);
  }
  if (experiment.loads.empty()) return fail("--load names no factor", Fault::Client);
  if (auto done = read_part(arguments, experiment); !done) return done;
  if (auto done = read_classes_and_tenants(arguments, pool, experiment); !done) return done;
  return arguments.trace.empty() ? read_made_load(arguments, experiment) : read_trace(arguments, pool, experiment);
}

// In the order in which docs/lab.md has it.
lab::Workload Experiment::workload(double load, std::uint64_t seed) const {
  lab::Workload made = made_load ? lab::make_workload(*made_load, load, seed) : replayed(*trace, *this, seed);
  if (from || length) lab::keep_window(made, from.value_or(Duration::zero()), length.value_or(Duration::max()));
  if (requests > 0) lab::keep_first(made, requests);
  if (sample < 1) lab::subsample(made, sample, seed);
  if (trace) lab::speed_up(made, load);
  lab::set_objectives(made, objectives.first_token, objectives.token);
  if (classes) lab::mix_classes(made, *classes, seed);
  if (!tenants.empty() && !tenants_recorded) {
    std::vector<double> shares;
    for (const LabTenant& tenant : tenants) shares.push_back(tenant.share);
    lab::mix_tenants(made, shares, seed);
    for (lab::WorkloadRequest& request : made.requests) request.tenant = tenants[request.tenant - 1].hash;
  }
  return made;
}

}  // namespace evener::cli
