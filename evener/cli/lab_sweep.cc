// evener lab sweep: how latency and goodput change with the load or with one parameter, and the greatest load that meets an objective.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/cli/lab_objective.h"
#include "evener/cli/lab_parameters.h"
#include "evener/cli/lab_pool.h"
#include "evener/cli/lab_report.h"
#include "evener/cli/lab_sections.h"
#include "evener/cli/lab_subcommand.h"
#include "evener/cli/lab_tables.h"
#include "evener/cli/option_words.h"
#include "evener/cli/progress_bar.h"
#include "evener/cli/stop_on_signal.h"
#include "evener/lab/capacity.h"

namespace evener::cli {
namespace {

constexpr std::string_view Load = "load";
constexpr std::size_t ValuesMax = 1000;

struct SweepArguments {
  LabArguments experiment;
  RunsArguments runs;
  ServiceLevel level;
  ReportArguments report;
  std::string over = std::string(Load), values;
  bool find_capacity = false;
  double precision_percent = 2;
};

/// One policy with one value of the parameter; over the load there is one value, that of nothing.
struct Cell {
  const Experiment* experiment = nullptr;
  route::PolicyKind policy{};
  double value = 0;
};

/// The means over the seeds of a cell under one load.
struct Point {
  std::size_t cell = 0;
  double load = 1;
  RunFigures figures;
};

struct Sweep {
  std::vector<std::unique_ptr<Experiment>> experiments;  // per value
  std::vector<Cell> cells;
  std::vector<Point> points;
  std::vector<lab::CapacitySearch> searches;  // per cell, when asked for
};

Result<std::vector<double>> read_values(const SweepArguments& arguments, const LabParameter& parameter) {
  std::vector<double> values;
  for (const std::string& text : split(arguments.values, ',')) {
    const double value = text == "0" ? 0 : read_number(text).value_or(-1);
    if (value < parameter.min || value > parameter.max ||
        (parameter.whole && value != static_cast<double>(static_cast<std::uint64_t>(value)))) {
      return fail(fmt::format("--values: {} is not a {}number of {:g} to {:g} ({}: {})", text, parameter.whole ? "whole " : "",
                              parameter.min, parameter.max, parameter.name, parameter.meaning),
                  Fault::Client);
    }
    values.push_back(value);
  }
  if (values.empty()) return fail(fmt::format("--over {} needs --values, such as --values 2,4,8", parameter.name), Fault::Client);
  if (values.size() > ValuesMax) return fail(fmt::format("--values: {} are more than {}", values.size(), ValuesMax), Fault::Client);
  return values;
}

Result<Sweep> make_sweep(const SweepArguments& arguments, const Experiment& experiment) {
  Sweep sweep;
  std::vector<double> values = {0};
  const LabParameter* parameter = nullptr;
  if (arguments.over != Load) {
    parameter = find_lab_parameter(arguments.over);
    if (parameter == nullptr) {
      std::string known = fmt::format("\n  {:<18}times the recorded rate; its values are those of --load", Load);
      for (const LabParameter& one : lab_parameters()) known += fmt::format("\n  {:<18}{}", one.name, one.meaning);
      return fail(fmt::format("--over: {} is no parameter; there are{}", arguments.over, known), Fault::Client);
    }
    auto read = read_values(arguments, *parameter);
    if (!read) return tl::unexpected(read.error());
    values = std::move(*read);
  } else if (!arguments.values.empty()) {
    return fail("--values goes with --over and a parameter; those of the load are said with --load", Fault::Client);
  }
  for (const double value : values) {
    sweep.experiments.push_back(std::make_unique<Experiment>(experiment));
    if (parameter == nullptr) continue;
    parameter->set(*sweep.experiments.back(), value);
    if (auto fits = check_pool_size(sweep.experiments.back()->scenario); !fits) {
      return fail(fmt::format("--values {} of {}: {}", value, parameter->name, fits.error().message), Fault::Client);
    }
  }
  for (const route::PolicyKind policy : experiment.policies) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      sweep.cells.push_back({.experiment = sweep.experiments[i].get(), .policy = policy, .value = values[i]});
    }
  }
  return sweep;
}

struct Step {
  std::size_t cell = 0;
  double load = 1;
};

/// The means of each step, in the order of the steps; fewer after a stop.
class Runner {
 public:
  Runner(const SweepArguments& arguments, LabReport& report, std::stop_token stop)
      : arguments_(arguments), report_(report), workers_(workers_of(arguments.runs, std::move(stop))) {}

  /// False after a stop.
  bool take(std::span<const Step> steps, Sweep& sweep) {
    std::vector<LabRun> runs;
    for (const Step& step : steps) {
      const Cell& cell = sweep.cells[step.cell];
      for (std::uint64_t seed = 0; seed < arguments_.runs.seeds; ++seed) {
        runs.push_back({.experiment = cell.experiment,
                        .policy = cell.policy,
                        .load = step.load,
                        .seed = arguments_.experiment.seed + seed,
                        .variant = arguments_.over == Load ? "" : fmt::format("{}={:g}", arguments_.over, cell.value)});
      }
    }
    std::vector<RunFigures> of_step;
    const std::size_t done = do_runs(runs, workers_, [&](std::size_t index, RunFigures figures) {
      progress_.show(done_ + index + 1, arguments_.find_capacity ? 0 : runs.size());
      report_.add_run(runs[index], figures);
      of_step.push_back(std::move(figures));
      if (of_step.size() < arguments_.runs.seeds) return;
      const Step& step = steps[index / arguments_.runs.seeds];
      sweep.points.push_back({.cell = step.cell, .load = step.load, .figures = mean_of(of_step)});
      of_step.clear();
    });
    done_ += done;
    return done == runs.size();
  }

 private:
  const SweepArguments& arguments_;
  LabReport& report_;
  LabWorkers workers_;
  ProgressBar progress_;
  std::size_t done_ = 0;
};

/// All cells search at once, a try of each at a time. False after a stop.
bool find_capacities(const SweepArguments& arguments, const Experiment& experiment, Runner& runner, Sweep& sweep) {
  sweep.searches.assign(sweep.cells.size(), lab::CapacitySearch({.start = experiment.loads.front(),
                                                                 .precision = arguments.precision_percent / 100,
                                                                 .least = experiment.load_range.least,
                                                                 .most = experiment.load_range.most}));
  for (const Point& point : sweep.points) sweep.searches[point.cell].told(point.load, arguments.level.met_by(point.figures.all));
  while (true) {
    std::vector<Step> steps;
    for (std::size_t cell = 0; cell < sweep.cells.size(); ++cell) {
      if (const auto load = sweep.searches[cell].next()) steps.push_back({.cell = cell, .load = *load});
    }
    if (steps.empty()) return true;
    const std::size_t before = sweep.points.size();
    if (!runner.take(steps, sweep)) return false;
    for (std::size_t i = before; i < sweep.points.size(); ++i) {
      const Point& point = sweep.points[i];
      sweep.searches[point.cell].told(point.load, arguments.level.met_by(point.figures.all));
    }
  }
}

/// Curves are read along the load.
void order(std::vector<Point>& points) {
  std::sort(points.begin(), points.end(),
            [](const Point& a, const Point& b) { return std::pair(a.cell, a.load) < std::pair(b.cell, b.load); });
}

std::string cell_text(const SweepArguments& arguments, const Cell& cell) {
  const std::string_view policy = route::policy_name(cell.policy);
  return arguments.over == Load ? std::string(policy) : fmt::format("{}, {} {:g}", policy, arguments.over, cell.value);
}

std::optional<Point> capacity_point(const Sweep& sweep, std::size_t cell) {
  for (const Point& point : sweep.points) {
    if (point.cell == cell && sweep.searches[cell].met() == point.load) return point;
  }
  return std::nullopt;
}

void print(const SweepArguments& arguments, const Sweep& sweep) {
  print_figures_head();
  for (std::size_t i = 0; i < sweep.points.size(); ++i) {
    const Point& point = sweep.points[i];
    if (i == 0 || sweep.points[i - 1].cell != point.cell) fmt::print("{}\n", cell_text(arguments, sweep.cells[point.cell]));
    print_figures(fmt::format("  load {:.4g}", point.load), point.figures);
  }
  if (sweep.searches.empty()) return;
  fmt::print("\ngreatest load that meets {}\n{:<40}{:>10}{:>10}{:>12}{:>10}\n", service_level_text(arguments.level, arguments.experiment),
             "", "load", "good/s", "fails at", "tries");
  for (std::size_t cell = 0; cell < sweep.cells.size(); ++cell) {
    const lab::CapacitySearch& search = sweep.searches[cell];
    const auto point = capacity_point(sweep, cell);
    fmt::print("{:<40}{:>10}{:>10}{:>12}{:>10}{}\n", cell_text(arguments, sweep.cells[cell]),
               search.met() ? fmt::format("{:.4g}", *search.met()) : "none",
               point ? fmt::format("{:.4g}", point->figures.all[lab::Figure::Goodput]) : "",
               search.failed() ? fmt::format("{:.4g}", *search.failed()) : "never", search.tries(),
               search.settled() ? "" : "  not settled");
  }
}

void write_cell(JsonWriter& json, const SweepArguments& arguments, const Cell& cell) {
  json.member("policy", route::policy_name(cell.policy));
  if (arguments.over != Load) json.member("value", cell.value);
}

std::string json_text(const SweepArguments& arguments, const Sweep& sweep, const Experiment& experiment) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().member("schema", "evener.lab.sweep.v1").member("over", arguments.over).member("seeds", arguments.runs.seeds);
  write_service_level(json, arguments.level, experiment);
  json.key("points").begin_array();
  for (const Point& point : sweep.points) {
    json.begin_object();
    write_cell(json, arguments, sweep.cells[point.cell]);
    json.member("load", point.load).member("meets_slo", arguments.level.met_by(point.figures.all));
    write_figures(json, point.figures);
    json.end_object();
  }
  json.end_array().key("capacities").begin_array();
  for (std::size_t cell = 0; cell < sweep.searches.size(); ++cell) {
    const lab::CapacitySearch& search = sweep.searches[cell];
    const auto number = [&](std::string_view name, const std::optional<double>& value) {
      json.key(name);
      value ? json.value(*value) : json.null();
    };
    json.begin_object();
    write_cell(json, arguments, sweep.cells[cell]);
    number("load", search.met());
    number("fails_at", search.failed());
    const auto point = capacity_point(sweep, cell);
    number("goodput", point ? std::optional(point->figures.all[lab::Figure::Goodput]) : std::nullopt);
    json.member("settled", search.settled()).member("tries", search.tries()).end_object();
  }
  json.end_array().end_object();
  return text;
}

void sort_by_x(std::vector<pages::Series>& all) {
  for (pages::Series& one : all) std::sort(one.points.begin(), one.points.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
}

/// Along the load a line per policy; along a parameter a line per policy and load.
std::vector<pages::Series> curves(const SweepArguments& arguments, const Sweep& sweep, lab::Figure figure) {
  std::vector<pages::Series> series;
  for (const Point& point : sweep.points) {
    const Cell& cell = sweep.cells[point.cell];
    const std::string_view policy = route::policy_name(cell.policy);
    const bool over_load = arguments.over == Load;
    const std::string name = over_load ? std::string(policy) : fmt::format("{}, load {:.4g}", policy, point.load);
    auto found = std::find_if(series.begin(), series.end(), [&](const pages::Series& one) { return one.name == name; });
    if (found == series.end()) found = series.insert(found, {.name = name, .points = {}});
    found->points.push_back({.x = over_load ? point.load : cell.value, .y = point.figures.all[figure]});
  }
  sort_by_x(series);
  return series;
}

void put_capacities(pages::Page& page, const SweepArguments& arguments, const Sweep& sweep) {
  page.heading("Capacity");
  pages::Table table{.caption = "Greatest load that meets " + service_level_text(arguments.level, arguments.experiment),
                     .head = {"", "load", "goodput", "fails at"},
                     .rows = {}};
  std::vector<pages::Series> series;
  for (std::size_t i = 0; i < sweep.cells.size(); ++i) {
    const lab::CapacitySearch& search = sweep.searches[i];
    const auto point = capacity_point(sweep, i);
    table.rows.push_back({{.text = cell_text(arguments, sweep.cells[i])},
                          {.text = search.met() ? fmt::format("{:.4g}", *search.met()) : "none"},
                          {.text = point ? fmt::format("{:.4g}/s", point->figures.all[lab::Figure::Goodput]) : ""},
                          {.text = search.failed() ? fmt::format("{:.4g}", *search.failed()) : "never"}});
    const std::string policy(route::policy_name(sweep.cells[i].policy));
    if (series.empty() || series.back().name != policy) series.push_back({.name = policy, .points = {}});
    if (point) series.back().points.push_back({.x = sweep.cells[i].value, .y = point->figures.all[lab::Figure::Goodput]});
  }
  page.put(pages::html_of(table));
  if (arguments.over == Load) return;
  sort_by_x(series);
  page.put(draw(FigureChart{.title = "Goodput at the greatest load, over " + arguments.over,
                            .x_title = arguments.over,
                            .figure = lab::Figure::Goodput,
                            .series = std::move(series)}));
}

void put_page(pages::Page& page, const SweepArguments& arguments, const Sweep& sweep) {
  const std::string x_title = arguments.over == Load ? "load, times the recorded rate" : arguments.over;
  const auto chart = [&](std::string title, lab::Figure figure, pages::Scale scale, std::vector<double> levels = {}) {
    page.put(draw(FigureChart{.title = std::move(title),
                              .x_title = x_title,
                              .figure = figure,
                              .scale = scale,
                              .series = curves(arguments, sweep, figure),
                              .levels = std::move(levels)}));
  };
  // With a search the points of a parameter are at other loads for each value, and lines through them would mean nothing.
  if (arguments.over == Load || sweep.searches.empty()) {
    chart("Time to first token over " + arguments.over, lab::Figure::TtftP90, pages::Scale::Log);
    chart("Time per output token over " + arguments.over, lab::Figure::TpotP90, pages::Scale::Log);
    chart(fmt::format("Requests within their objectives over {}; dotted: {:g} %", arguments.over, arguments.level.good_percent),
          lab::Figure::GoodShare, pages::Scale::Linear, {arguments.level.good_percent / 100});
    chart("Goodput over " + arguments.over, lab::Figure::Goodput, pages::Scale::Linear);
    chart("Prompt tokens found in caches over " + arguments.over, lab::Figure::HitShare, pages::Scale::Linear);
  }
  if (!sweep.searches.empty()) put_capacities(page, arguments, sweep);
  page.heading("Figures");
  std::vector<NamedFigures> rows;
  for (const Point& point : sweep.points) {
    rows.push_back({fmt::format("{}, load {:.4g}", cell_text(arguments, sweep.cells[point.cell]), point.load), point.figures});
  }
  page.put(pages::html_of(figures_table("Means over " + counted(arguments.runs.seeds, "seed"), "", rows)));
}

int run_sweep(const SweepArguments& arguments) {
  const auto experiment = open_experiment(arguments.experiment);
  if (!experiment) return experiment.error();
  auto sweep = make_sweep(arguments, *experiment);
  if (!sweep) return report(sweep.error());
  auto files = LabReport::create(arguments.report, "A sweep over " + arguments.over);
  if (!files) return report(files.error());
  const StopOnSignal signals;
  {
    Runner runner(arguments, *files, signals.token());
    std::vector<Step> steps;
    for (std::size_t cell = 0; cell < sweep->cells.size(); ++cell) {
      for (const double load : experiment->loads) steps.push_back({.cell = cell, .load = load});
    }
    if (!runner.take(steps, *sweep)) return interrupted(*files);
    if (arguments.find_capacity && !find_capacities(arguments, *experiment, runner, *sweep)) return interrupted(*files);
  }
  order(sweep->points);
  const std::string json = json_text(arguments, *sweep, *experiment);
  if (arguments.experiment.json) {
    fmt::print("{}\n", json);
  } else {
    print(arguments, *sweep);
  }
  if (!files->wanted()) return Ok;
  files->page().paragraph(experiment_text(*experiment, arguments.experiment));
  put_page(files->page(), arguments, *sweep);
  const auto written = files->finish(json);
  return written ? Ok : report(written.error());
}

}  // namespace

LabSubcommand declare_lab_sweep(CLI::App& lab) {
  CLI::App* app =
      lab.add_subcommand("sweep", "Latency and goodput over the load or one parameter; the greatest load that meets an objective");
  const auto arguments = std::make_shared<SweepArguments>();
  declare_experiment(*app, arguments->experiment);
  declare_runs(*app, arguments->runs);
  declare_report(*app, arguments->report);
  declare_service_level(*app, arguments->level);
  declare_policies(*app, arguments->experiment);
  app->add_option("--over", arguments->over, "What is varied: load, replicas, capacity, kv, ...; an unknown one lists them")
      ->type_name("NAME")
      ->capture_default_str()
      ->group("Sweep");
  app->add_option("--values", arguments->values, "Its values, with commas; those of the load are said with --load")
      ->type_name("LIST")
      ->group("Sweep");
  app->add_flag("--find-capacity", arguments->find_capacity, "Find the greatest load that meets the objective, by bisection")
      ->group("Sweep");
  app->add_option("--precision", arguments->precision_percent, "Of that load, in %")
      ->check(number_of(0.1, 50.0))
      ->type_name("PERCENT")
      ->capture_default_str()
      ->group("Sweep");
  return {.app = app, .run = [arguments] { return run_sweep(*arguments); }};
}

}  // namespace evener::cli
