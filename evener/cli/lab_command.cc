// evener lab: the gateway's own decisions on recorded or made-up load, in virtual time.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>

#include "evener/base/config/scalars.h"
#include "evener/base/files.h"
#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/lab/engine_presets.h"
#include "evener/lab/summary.h"
#include "evener/lab/trace.h"

namespace evener::cli {
namespace {

constexpr std::size_t TraceBytesMax = std::size_t{4} << 30;

struct LabArguments {
  std::string trace, engines = "h100x2-32b-coarse=8", policies = "round-robin,least-request", loads = "1", reports;
  std::string ttft = "2s", tpot = "100ms";
  std::uint64_t seeds = 1, requests = 0, seed = 1;
  std::uint32_t block_tokens = 512, queue = 1024;
  double prompt_error = 0;
  bool as_recorded = false, json = false;
};

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

struct Experiment {
  lab::Scenario scenario;
  std::vector<std::string> policies;
  std::vector<double> loads;
  lab::Objectives objectives;
  lab::Trace trace;
};

Result<Experiment> read_experiment(const LabArguments& arguments) {
  Experiment experiment;
  auto endpoints = read_engines(arguments.engines);
  if (!endpoints) return tl::unexpected(endpoints.error());
  experiment.scenario.endpoints = std::move(*endpoints);
  experiment.scenario.content_block_tokens = arguments.block_tokens;
  experiment.scenario.prompt_error = arguments.prompt_error;
  experiment.scenario.pool.queue.requests_max = arguments.queue;
  experiment.policies = split(arguments.policies, ',');
  for (const std::string& name : experiment.policies) {
    route::PoolSettings pool;
    if (auto done = set_policy(pool, name); !done) return tl::unexpected(done.error());
  }
  for (const std::string& text : split(arguments.loads, ',')) {
    const auto load = read_number(text);
    if (!load) return fail(fmt::format("--load {} is not a factor such as 0.8 or 1,1.2,1.4", text), Fault::Client);
    experiment.loads.push_back(*load);
  }
  if (!arguments.reports.empty()) {
    const std::vector<std::string> parts = split(arguments.reports, '+');
    const auto period = read_duration_option("--reports", parts.front());
    if (!period) return tl::unexpected(period.error());
    lab::ReportLine line{.period = *period};
    if (parts.size() > 1) {
      const auto delay = read_duration_option("--reports", parts[1]);
      if (!delay) return tl::unexpected(delay.error());
      line.delay = *delay;
    }
    experiment.scenario.reports = line;
  }
  const auto ttft = read_duration_option("--slo-ttft", arguments.ttft);
  if (!ttft) return tl::unexpected(ttft.error());
  const auto tpot = read_duration_option("--slo-tpot", arguments.tpot);
  if (!tpot) return tl::unexpected(tpot.error());
  experiment.objectives = {.first_token = *ttft, .token = *tpot};

  const auto text = read_file(arguments.trace, TraceBytesMax);
  if (!text) return tl::unexpected(text.error());
  lab::TraceReading reading = lab::read_trace(*text, arguments.trace);
  for (const std::string& problem : reading.problems) std::cerr << problem << "\n";
  if (reading.malformed > 0) std::cerr << "evener lab: " << reading.malformed << " of " << reading.lines << " lines were left out\n";
  if (reading.trace.requests.empty()) return fail(arguments.trace + " holds no request", Fault::Client);
  experiment.trace = std::move(reading.trace);
  if (arguments.requests > 0 && arguments.requests < experiment.trace.requests.size()) experiment.trace.requests.resize(arguments.requests);
  return experiment;
}

lab::Workload workload_for(const Experiment& experiment, const LabArguments& arguments, double load, std::uint64_t seed) {
  lab::Trace trace = experiment.trace;
  Rng rng(seed);
  if (!arguments.as_recorded) lab::spread_equal_times(trace, rng);
  lab::Workload workload = lab::workload_of(trace);
  lab::speed_up(workload, load);
  lab::set_objectives(workload, experiment.objectives.first_token, experiment.objectives.token);
  return workload;
}

/// Means over the seeds.
struct Row {
  double good_share = 0, good_per_s = 0, ttft_mean = 0, ttft_p50 = 0, ttft_p90 = 0, ttft_p99 = 0, tpot_mean = 0, tpot_p90 = 0, e2e_mean = 0;
  double output_tokens_per_s = 0, hit_share = 0, imbalance = 0, lost_share = 0;

  void add(const lab::Summary& summary, double weight) {
    good_share += weight * summary.good_share();
    good_per_s += weight * summary.good_per_s();
    ttft_mean += weight * summary.ttft.mean_s;
    ttft_p50 += weight * summary.ttft.p50_s;
    ttft_p90 += weight * summary.ttft.p90_s;
    ttft_p99 += weight * summary.ttft.p99_s;
    tpot_mean += weight * summary.tpot.mean_s;
    tpot_p90 += weight * summary.tpot.p90_s;
    e2e_mean += weight * summary.e2e.mean_s;
    output_tokens_per_s += weight * summary.output_tokens_per_s();
    hit_share += weight * summary.hit_share();
    imbalance += weight * summary.imbalance;
    lost_share += weight * static_cast<double>(summary.requests - summary.done) / static_cast<double>(summary.requests);
  }
};

void write_json(JsonWriter& json, const std::string& policy, double load, const Row& row) {
  json.begin_object();
  json.member("policy", policy).member("load", load);
  json.member("goodput_share", row.good_share).member("goodput_rps", row.good_per_s);
  json.member("ttft_mean_s", row.ttft_mean).member("ttft_p50_s", row.ttft_p50).member("ttft_p90_s", row.ttft_p90).member("ttft_p99_s", row.ttft_p99);
  json.member("tpot_mean_s", row.tpot_mean).member("tpot_p90_s", row.tpot_p90).member("e2e_mean_s", row.e2e_mean);
  json.member("output_token_throughput", row.output_tokens_per_s).member("prefix_hit_share", row.hit_share);
  json.member("imbalance", row.imbalance).member("lost_share", row.lost_share);
  json.end_object();
}

int compare(const LabArguments& arguments) {
  auto experiment = read_experiment(arguments);
  if (!experiment) {
    std::cerr << "evener lab: " << experiment.error().message << "\n";
    return experiment.error().fault == Fault::Client ? Usage : Failure;
  }
  std::string text;
  JsonWriter json(text);
  if (arguments.json) json.begin_object().member("schema", "evener.lab.compare.v1").key("rows").begin_array();
  for (const double load : experiment->loads) {
    if (!arguments.json) {
      fmt::print("load {:g}, {} endpoints, {} seed{}; goodput: TTFT <= {}, TPOT <= {}\n", load, experiment->scenario.endpoints.size(), arguments.seeds,
                 arguments.seeds == 1 ? "" : "s", arguments.ttft, arguments.tpot);
      fmt::print("{:<24}{:>9}{:>9}{:>10}{:>9}{:>9}{:>9}{:>10}{:>10}{:>9}{:>7}{:>8}{:>7}\n", "policy", "good %", "good/s", "TTFT mean", "p50", "p90",
                 "p99", "TPOT mean", "TPOT p90", "out tok/s", "hit %", "imbal.", "lost %");
    }
    std::vector<Row> rows(experiment->policies.size());
    for (std::uint64_t seed = 0; seed < arguments.seeds; ++seed) {
      const lab::Workload workload = workload_for(*experiment, arguments, load, arguments.seed + seed);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        lab::Scenario scenario = experiment->scenario;
        scenario.seed = arguments.seed + seed;
        if (auto done = set_policy(scenario.pool, experiment->policies[i]); !done) return Usage;
        rows[i].add(lab::summarise(workload, lab::simulate(scenario, workload), experiment->objectives), 1.0 / static_cast<double>(arguments.seeds));
      }
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Row& row = rows[i];
      if (arguments.json) {
        write_json(json, experiment->policies[i], load, row);
        continue;
      }
      fmt::print("{:<24}{:>9.2f}{:>9.3f}{:>10.3f}{:>9.3f}{:>9.3f}{:>9.3f}{:>10.4f}{:>10.4f}{:>9.0f}{:>7.1f}{:>8.3f}{:>7.2f}\n", experiment->policies[i],
                 row.good_share * 100, row.good_per_s, row.ttft_mean, row.ttft_p50, row.ttft_p90, row.ttft_p99, row.tpot_mean, row.tpot_p90,
                 row.output_tokens_per_s, row.hit_share * 100, row.imbalance, row.lost_share * 100);
    }
    if (!arguments.json) std::cout << "\n" << std::flush;
  }
  if (arguments.json) {
    json.end_array().end_object();
    std::cout << text << "\n";
  }
  return Ok;
}

}  // namespace

int lab_command(int argc, char** argv) {
  CLI::App app("Runs the gateway's own decisions on traces and engine models, in virtual time.", "evener lab");
  LabArguments arguments;
  CLI::App* comparison = app.add_subcommand("compare", "Policies side by side on the same load");
  app.require_subcommand(1);
  comparison->add_option("-t,--trace", arguments.trace, "Mooncake JSON lines or Azure CSV")->type_name("FILE")->required();
  comparison->add_option("-e,--engines", arguments.engines, "Presets with counts, such as h100-8b=2,l4-8b=4:slow=4:weight=0.5:capacity=64:network-ms=5 (default: h100x2-32b-coarse=8)")->type_name("LIST");
  comparison->add_option("-p,--policies", arguments.policies, "Policies, with commas (default: round-robin,least-request)")->type_name("LIST");
  comparison->add_option("-l,--load,--rate", arguments.loads, "The trace's rate times these factors, with commas (default: 1)")->type_name("LIST");
  comparison->add_option("--seeds", arguments.seeds, "Runs to average over (default: 1)")->check(CLI::Range(1, 10'000))->type_name("N");
  comparison->add_option("--seed", arguments.seed, "The first of them (default: 1)")->type_name("N");
  comparison->add_option("-n,--requests", arguments.requests, "Only the first so many (default: all)")->type_name("N");
  comparison->add_option("--reports", arguments.reports, "Load reports every PERIOD, or PERIOD+DELAY until they arrive; 0s = before each arrival (default: none)")->type_name("PERIOD");
  comparison->add_option("--block-tokens", arguments.block_tokens, "Content block of the scheduler's prefix index (default: 512)")->check(CLI::Range(1, 1'000'000))->type_name("TOKENS");
  comparison->add_option("--prompt-error", arguments.prompt_error, "Standard deviation of the log of estimated over true prompt length (default: 0)")->check(CLI::Range(0.0, 2.0))->type_name("SIGMA");
  comparison->add_option("--queue", arguments.queue, "Most requests that wait for capacity (default: 1024)")->check(CLI::Range(0, 10'000'000))->type_name("N");
  comparison->add_option("--slo-ttft", arguments.ttft, "Objective: time to first token (default: 2s)")->type_name("DURATION");
  comparison->add_option("--slo-tpot", arguments.tpot, "Objective: time per output token (default: 100ms)")->type_name("DURATION");
  comparison->add_flag("--as-recorded", arguments.as_recorded, "Keep the recorder's coarse times; else requests of one instant are spread up to the next");
  comparison->add_flag("--json", arguments.json, "Rows as JSON");
  app.footer("Example:\n  evener lab compare --trace conversation_trace.jsonl --engines h100x2-32b-coarse=8 --policies random,least-request --load 1,1.2 --seeds 3");
  if (const auto code = parse_arguments(app, argc, argv)) return *code;
  return compare(arguments);
}

}  // namespace evener::cli
