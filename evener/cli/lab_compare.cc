// evener lab compare: policies side by side under the same loads, and whether each is better than the baseline.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>

#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/cli/lab_report.h"
#include "evener/cli/lab_sections.h"
#include "evener/cli/lab_subcommand.h"
#include "evener/cli/lab_tables.h"
#include "evener/cli/option_words.h"
#include "evener/cli/progress_bar.h"
#include "evener/cli/stop_on_signal.h"
#include "evener/lab/comparison.h"

namespace evener::cli {
namespace {

struct CompareArguments {
  LabArguments experiment;
  RunsArguments runs;
  ReportArguments report;
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
  const auto figures = [&](std::size_t index) {
    std::vector<lab::Figures> all;
    for (const RunFigures& run : runs[index]) all.push_back(run.all);
    return all;
  };
  return lab::compare_runs(figure, figures(compared.baseline), figures(policy), compared.rules);
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
  if (found.without > 0) {
    verdict += fmt::format(": no request was done in {} of the pairs", found.without);
  } else if (found.verdict == lab::Verdict::Unclear) {
    verdict += fmt::format(": {}{} seeds wanted", found.interval ? "about " : "", found.seeds_wanted);
  }
  fmt::print("  {:<12}{:>12}{:>12}{:>12}{:>24}  {}\n", lab::kind_of(figure).label, value_text(figure, found.baseline),
             value_text(figure, found.compared), found.without > 0 ? "" : change(found.difference), interval, verdict);
}

void print_load(double load, const LoadRuns& runs, const Compared& compared, const CompareArguments& arguments) {
  const Experiment& experiment = compared.experiment;
  fmt::print("load {:g}, {}, {}; good: TTFT <= {}, TPOT <= {}{}\n", load, counted(experiment.scenario.endpoints.size(), "endpoint"),
             counted(arguments.runs.seeds, "seed"), arguments.experiment.ttft, arguments.experiment.tpot,
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
      found.seeds_wanted > 0 ? json.value(found.seeds_wanted) : json.null();
      json.member("pairs_without", found.without).end_object();
    }
  }
}

/// The words for one policy in a row of a page's table, the numbers beside them.
std::vector<pages::Cell> judgement_cells(const LoadRuns& runs, std::size_t policy, const Compared& compared) {
  std::vector<pages::Cell> cells = {{.text = std::string(route::policy_name(compared.experiment.policies[policy]))}};
  for (const lab::Figure figure : Judged) {
    const lab::Comparison found = judge(figure, runs, policy, compared);
    const std::string_view word = lab::verdict_name(found.verdict);
    const bool clear = found.verdict == lab::Verdict::Win || found.verdict == lab::Verdict::Loss;
    const std::string change = found.without > 0 ? "(nothing done)" : change_text(figure, found.difference, found.baseline);
    cells.push_back({.text = fmt::format("{} {}", word, change), .css_class = std::string(clear ? word : "quiet")});
  }
  return cells;
}

void put_load(pages::Page& page, double load, const LoadRuns& runs, const Compared& compared, const CompareArguments& arguments) {
  const Experiment& experiment = compared.experiment;
  page.heading(fmt::format("Load {:g}", load));
  std::vector<NamedFigures> rows;
  for (std::size_t i = 0; i < runs.size(); ++i) rows.push_back({std::string(route::policy_name(experiment.policies[i])), mean_of(runs[i])});
  page.put(pages::html_of(figures_table("Means over " + counted(arguments.runs.seeds, "seed"), "policy", rows)));
  if (runs.size() < 2) return;
  pages::Table table{.caption = fmt::format("Against {}, {:g} % intervals; differences matter from {:g} % on, of shares {:g} points",
                                            rows[compared.baseline].name, arguments.confidence_percent, arguments.matters_percent,
                                            arguments.matters_percent),
                     .head = {"policy"},
                     .rows = {}};
  for (const lab::Figure figure : Judged) table.head.emplace_back(lab::kind_of(figure).label);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (i != compared.baseline) table.rows.push_back(judgement_cells(runs, i, compared));
  }
  page.put(pages::html_of(table));
}

/// Along the loads, one line per policy.
void put_curves(pages::Page& page, const std::vector<std::vector<lab::Figures>>& means, const Experiment& experiment) {
  if (experiment.loads.size() < 2) return;
  page.heading("Over the load");
  const auto chart = [&](std::string title, lab::Figure figure, pages::Scale scale) {
    FigureChart made{.title = std::move(title), .x_title = "load, times the recorded rate", .figure = figure, .scale = scale, .series = {}};
    for (std::size_t policy = 0; policy < experiment.policies.size(); ++policy) {
      pages::Series series{.name = std::string(route::policy_name(experiment.policies[policy])), .points = {}};
      for (std::size_t i = 0; i < means.size(); ++i) series.points.push_back({.x = experiment.loads[i], .y = means[i][policy][figure]});
      std::sort(series.points.begin(), series.points.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
      made.series.push_back(std::move(series));
    }
    page.put(draw(made));
  };
  chart("Latency against load", lab::Figure::TtftP90, pages::Scale::Log);
  chart("Requests within their objectives against load", lab::Figure::GoodShare, pages::Scale::Linear);
  chart("Goodput against load", lab::Figure::Goodput, pages::Scale::Linear);
}

std::vector<LabRun> runs_of(const CompareArguments& arguments, const Experiment& experiment, bool details) {
  std::vector<LabRun> runs;
  for (const double load : experiment.loads) {
    for (std::uint64_t seed = 0; seed < arguments.runs.seeds; ++seed) {
      for (const route::PolicyKind policy : experiment.policies) {
        runs.push_back({.experiment = &experiment,
                        .policy = policy,
                        .load = load,
                        .seed = arguments.experiment.seed + seed,
                        .details = details && seed == 0});
      }
    }
  }
  return runs;
}

/// What the runs of a comparison become, load by load: text for people, JSON, and a report.
class Output {
 public:
  Output(const CompareArguments& arguments, const Compared& compared, LabReport& report)
      : arguments_(arguments), compared_(compared), report_(report), rows_(rows_text_), judgements_(judgements_text_) {
    rows_.begin_array();
    judgements_.begin_array();
  }

  void add(double load, const LoadRuns& runs) {
    write_rows(rows_, load, runs, compared_.experiment);
    write_judgements(judgements_, load, runs, compared_);
    if (!arguments_.experiment.json) print_load(load, runs, compared_, arguments_);
    if (!report_.wanted()) return;
    put_load(report_.page(), load, runs, compared_, arguments_);
    std::vector<NamedDetails> details;
    auto& means = means_.emplace_back();
    for (std::size_t i = 0; i < runs.size(); ++i) {
      details.push_back({std::string(route::policy_name(compared_.experiment.policies[i])), runs[i].front().details});
      means.push_back(mean_of(runs[i]).all);
    }
    if (means_.size() == 1) first_ = std::move(details);
  }

  /// An exit code.
  int finish() {
    rows_.end_array();
    judgements_.end_array();
    std::string text;
    JsonWriter json(text);
    json.begin_object().member("schema", "evener.lab.compare.v2").key("rows").raw(rows_text_);
    json.member("confidence", compared_.rules.confidence).key("comparisons").raw(judgements_text_).end_object();
    if (arguments_.experiment.json) fmt::print("{}\n", text);
    if (!report_.wanted()) return Ok;
    const Experiment& experiment = compared_.experiment;
    put_curves(report_.page(), means_, experiment);
    report_.page().heading("Within a run");
    put_run_charts(report_.page(), fmt::format("load {:g}, seed {}", experiment.loads.front(), arguments_.experiment.seed), first_);
    const auto written = report_.finish(text);
    return written ? Ok : report(written.error());
  }

 private:
  const CompareArguments& arguments_;
  const Compared& compared_;
  LabReport& report_;
  std::string rows_text_, judgements_text_;
  JsonWriter rows_, judgements_;
  std::vector<NamedDetails> first_;               // of the first load
  std::vector<std::vector<lab::Figures>> means_;  // per load, per policy
};

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
  auto files = LabReport::create(arguments.report, "Policies compared");
  if (!files) return report(files.error());
  files->page().paragraph(experiment_text(*experiment, arguments.experiment));

  const std::vector<LabRun> runs = runs_of(arguments, *experiment, files->wanted());
  const std::size_t policies = experiment->policies.size(), per_load = arguments.runs.seeds * policies;
  Output output(arguments, compared, *files);
  LoadRuns of_load(policies);
  ProgressBar progress;
  const StopOnSignal signals;
  const std::size_t done = do_runs(runs, workers_of(arguments.runs, signals.token()), [&](std::size_t index, RunFigures figures) {
    progress.show(index + 1, runs.size());
    files->add_run(runs[index], figures);
    of_load[index % policies].push_back(std::move(figures));
    if ((index + 1) % per_load != 0) return;
    progress.hide();
    output.add(runs[index].load, of_load);
    for (auto& each : of_load) each.clear();
  });
  progress.hide();
  return done < runs.size() ? interrupted(*files) : output.finish();
}

}  // namespace

LabSubcommand declare_lab_compare(CLI::App& lab) {
  CLI::App* app = lab.add_subcommand("compare", "Policies side by side under the same loads: win, tie or loss against one of them");
  const auto arguments = std::make_shared<CompareArguments>();
  declare_experiment(*app, arguments->experiment);
  declare_runs(*app, arguments->runs);
  declare_report(*app, arguments->report);
  declare_policies(*app, arguments->experiment);
  app->add_option("--against", arguments->against, "The policy that the others are compared with (default: the file's, or the first)")
      ->type_name("NAME")
      ->group("Comparison");
  app->add_option("--matters", arguments->matters_percent, "Smallest difference that matters, in % of the baseline; of shares in points")
      ->check(number_of(0.0, 100.0))
      ->type_name("PERCENT")
      ->capture_default_str()
      ->group("Comparison");
  app->add_option("--confidence", arguments->confidence_percent, "Of the intervals, in %")
      ->check(number_of(50.0, 99.9))
      ->type_name("PERCENT")
      ->capture_default_str()
      ->group("Comparison");
  return {.app = app, .run = [arguments] { return compare(*arguments); }};
}

}  // namespace evener::cli
