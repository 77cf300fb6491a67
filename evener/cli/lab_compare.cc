// evener lab compare: policies side by side under the same loads, and whether each is better than the baseline.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>

#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/cli/lab_subcommand.h"
#include "evener/cli/lab_tables.h"
#include "evener/cli/progress_bar.h"
#include "evener/cli/stop_on_signal.h"
#include "evener/lab/comparison.h"

namespace evener::cli {
namespace {

struct CompareArguments {
  LabArguments experiment;
  RunsArguments runs;
  std::string against;
  double matters_percent = 1, confidence_percent = 95;
};

// What a verdict is given on; the other figures follow from these, or say nothing of better and worse.
constexpr std::array Judged = {lab::Figure::GoodShare,  lab::Figure::Goodput,  lab::Figure::TtftMean,  lab::Figure::TtftP90,
                               lab::Figure::TtftP99,    lab::Figure::TpotMean, lab::Figure::TpotP90,   lab::Figure::LatencyMean,
                               lab::Figure::OutputRate, lab::Figure::HitShare, lab::Figure::ErrorShare};

/// The runs of all policies under one load: per policy one per seed.
using LoadRuns = std::vector<std::vector<RunFigures>>;

struct Compared {
  const Experiment& experiment;
  std::size_t baseline = 0;  // index of its policy
  lab::ComparisonRules rules;
};

/// The policy of --against, or the pool's own where it is among those compared, or the first. Adds the former when it is not among them.
Result<std::size_t> find_baseline(const std::string& against, Experiment& experiment) {
  const auto position = [&](route::PolicyKind kind) {
    const auto found = std::find(experiment.policies.begin(), experiment.policies.end(), kind);
    return static_cast<std::size_t>(found - experiment.policies.begin());
  };
  if (against.empty()) {
    const std::size_t own = position(experiment.scenario.pool.policy);
    return experiment.from_file && own < experiment.policies.size() ? own : 0;
  }
  const auto kind = route::policy_kind(against);
  if (!kind)
    return fail(fmt::format("--against: {} is not a policy; there are {}", against, fmt::join(route::policy_names(), ", ")), Fault::Client);
  const std::size_t index = position(*kind);
  if (index == experiment.policies.size()) experiment.policies.push_back(*kind);
  return index;
}

lab::Comparison judge(lab::Figure figure, const LoadRuns& runs, std::size_t policy, const Compared& compared) {
  const auto values = [&](std::size_t index) {
    std::vector<double> values;
    for (const RunFigures& run : runs[index]) values.push_back(run.all[figure]);
    return values;
  };
  return lab::compare_paired(figure, values(compared.baseline), values(policy), compared.rules);
}

/// As people read it: latencies in seconds, shares in percent.
std::string value_text(lab::Figure figure, double value) {
  const lab::FigureKind& kind = lab::kind_of(figure);
  if (kind.is_share()) return fmt::format("{:.2f} %", 100 * value);
  return kind.unit == "ms" ? fmt::format("{:.4g} s", value / 1000) : fmt::format("{:.4g}", value);
}

/// A difference in percent of the baseline, that of a share in points.
std::string change_text(lab::Figure figure, double difference, double baseline) {
  if (lab::kind_of(figure).is_share()) return fmt::format("{:+.2f} pt", 100 * difference);
  return baseline == 0 ? fmt::format("{:+.4g}", difference) : fmt::format("{:+.1f} %", 100 * difference / baseline);
}

void print_judgement(lab::Figure figure, const lab::Comparison& found) {
  const auto change = [&](double difference) { return change_text(figure, difference, found.baseline); };
  std::string interval, verdict(lab::verdict_name(found.verdict));
  if (found.interval) interval = fmt::format("{} .. {}", change(found.interval->low), change(found.interval->high));
  if (found.verdict == lab::Verdict::Unclear) {
    verdict += fmt::format(": {}{} seeds wanted", found.interval ? "about " : "", found.seeds_wanted);
  }
  fmt::print("  {:<12}{:>12}{:>12}{:>12}{:>24}  {}\n", lab::kind_of(figure).label, value_text(figure, found.baseline),
             value_text(figure, found.compared), change(found.difference), interval, verdict);
}

void print_load(double load, const LoadRuns& runs, const Compared& compared, const CompareArguments& arguments) {
  const Experiment& experiment = compared.experiment;
  const std::uint64_t seeds = arguments.runs.seeds;
  fmt::print("load {:g}, {} endpoints, {} seed{}; good: TTFT <= {}, TPOT <= {}{}\n", load, experiment.scenario.endpoints.size(), seeds,
             seeds == 1 ? "" : "s", arguments.experiment.ttft, arguments.experiment.tpot,
             experiment.classes ? ", or as the class has it" : "");
  print_figures_head();
  for (std::size_t i = 0; i < runs.size(); ++i) print_figures(route::policy_name(experiment.policies[i]), mean_of(runs[i]));
  const std::string_view baseline = route::policy_name(experiment.policies[compared.baseline]);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (i == compared.baseline) continue;
    const std::string_view policy = route::policy_name(experiment.policies[i]);
    fmt::print("\n{} against {}, {:g} % intervals; differences matter from {:g} % on, of shares {:g} points\n", policy, baseline,
               arguments.confidence_percent, arguments.matters_percent, arguments.matters_percent);
    fmt::print("  {:<12}{:>12}{:>12}{:>12}{:>24}\n", "", "baseline", "policy", "difference", "interval");
    for (const lab::Figure figure : Judged) print_judgement(figure, judge(figure, runs, i, compared));
  }
  fmt::print("\n");
  std::fflush(stdout);
}

void write_rows(JsonWriter& json, double load, const LoadRuns& runs, const Experiment& experiment) {
  for (std::size_t i = 0; i < runs.size(); ++i) {
    json.begin_object().member("policy", route::policy_name(experiment.policies[i])).member("load", load).member("seeds", runs[i].size());
    write_figures(json, mean_of(runs[i]));
    json.end_object();
  }
}

void write_judgements(JsonWriter& json, double load, const LoadRuns& runs, const Compared& compared) {
  for (std::size_t i = 0; i < runs.size(); ++i) {
    for (const lab::Figure figure : Judged) {
      if (i == compared.baseline) continue;
      const lab::Comparison found = judge(figure, runs, i, compared);
      const lab::FigureKind& kind = lab::kind_of(figure);
      json.begin_object().member("policy", route::policy_name(compared.experiment.policies[i]));
      json.member("against", route::policy_name(compared.experiment.policies[compared.baseline])).member("load", load);
      json.member("metric", kind.metric).member("statistic", kind.statistic).member("unit", kind.unit);
      json.member("baseline", found.baseline).member("value", found.compared).member("difference", found.difference);
      json.member("matters_from", found.matters).key("interval");
      if (found.interval) {
        json.begin_array().value(found.interval->low).value(found.interval->high).end_array();
      } else {
        json.null();
      }
      json.member("verdict", lab::verdict_name(found.verdict)).key("seeds_wanted");
      found.verdict == lab::Verdict::Unclear ? json.value(found.seeds_wanted) : json.null();
      json.end_object();
    }
  }
}

int compare(const CompareArguments& arguments) {
  auto experiment = open_experiment(arguments.experiment);
  if (!experiment) return experiment.error();
  const auto baseline = find_baseline(arguments.against, *experiment);
  if (!baseline) return report(baseline.error());
  const Compared compared{
      .experiment = *experiment,
      .baseline = *baseline,
      .rules = {
          .confidence = arguments.confidence_percent / 100, .matters = arguments.matters_percent / 100, .seed = arguments.experiment.seed}};

  std::vector<LabRun> runs;
  for (const double load : experiment->loads) {
    for (std::uint64_t seed = 0; seed < arguments.runs.seeds; ++seed) {
      for (const route::PolicyKind policy : experiment->policies) {
        runs.push_back({.experiment = &*experiment, .policy = policy, .load = load, .seed = arguments.experiment.seed + seed});
      }
    }
  }
  const std::size_t policies = experiment->policies.size(), per_load = arguments.runs.seeds * policies;
  std::string rows_text, judgements_text;
  JsonWriter rows(rows_text), judgements(judgements_text);
  rows.begin_array();
  judgements.begin_array();
  LoadRuns of_load(policies);
  ProgressBar progress;
  const StopOnSignal signals;
  const std::size_t done = do_runs(runs, workers_of(arguments.runs, signals.token()), [&](std::size_t index, RunFigures figures) {
    progress.show(index + 1, runs.size());
    of_load[index % policies].push_back(std::move(figures));
    if ((index + 1) % per_load != 0) return;
    const double load = runs[index].load;
    if (arguments.experiment.json) {
      write_rows(rows, load, of_load, *experiment);
      write_judgements(judgements, load, of_load, compared);
    } else {
      progress.hide();
      print_load(load, of_load, compared, arguments);
    }
    for (auto& each : of_load) each.clear();
  });
  progress.hide();
  if (done < runs.size()) return Interrupted;
  if (arguments.experiment.json) {
    std::string text;
    JsonWriter json(text);
    rows.end_array();
    judgements.end_array();
    json.begin_object().member("schema", "evener.lab.compare.v2").key("rows").raw(rows_text);
    json.member("confidence", compared.rules.confidence).key("comparisons").raw(judgements_text).end_object();
    fmt::print("{}\n", text);
  }
  return Ok;
}

}  // namespace

LabSubcommand declare_lab_compare(CLI::App& lab) {
  CLI::App* app = lab.add_subcommand("compare", "Policies side by side under the same loads: win, tie or loss against one of them");
  const auto arguments = std::make_shared<CompareArguments>();
  declare_experiment(*app, arguments->experiment);
  declare_runs(*app, arguments->runs);
  app->add_option("-p,--policies", arguments->experiment.policies, "Policies, with commas (default: the file's, or balanced)")
      ->type_name("LIST")
      ->group("Pool");
  app->add_option("--against", arguments->against, "The policy that the others are compared with (default: the file's, or the first)")
      ->type_name("NAME")
      ->group("Comparison");
  app->add_option("--matters", arguments->matters_percent, "Smallest difference that matters, in % of the baseline; of shares in points")
      ->check(CLI::Range(0.0, 100.0))
      ->type_name("PERCENT")
      ->capture_default_str()
      ->group("Comparison");
  app->add_option("--confidence", arguments->confidence_percent, "Of the intervals, in %")
      ->check(CLI::Range(50.0, 99.9))
      ->type_name("PERCENT")
      ->capture_default_str()
      ->group("Comparison");
  return {.app = app, .run = [arguments] { return compare(*arguments); }};
}

}  // namespace evener::cli
