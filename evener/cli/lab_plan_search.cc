#include "evener/cli/lab_plan_search.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "evener/lab/work_bound.h"

namespace evener::cli {
namespace {

constexpr double LostMax = .01;

using Clock = std::chrono::steady_clock;

/// The ranges of the kinds, with what a replica of each could do at most of the work of this load.
std::vector<lab::FleetKind> bounded_ranges(const PlanQuestion& question) {
  std::vector<lab::FleetKind> ranges;
  // A load differs from seed to seed, so the bound is taken from the one with the least work and then holds for their mean.
  std::vector<lab::WorkNeeded> needed;
  for (std::uint64_t i = 0; i < question.seeds; ++i) {
    needed.push_back(lab::work_needed(question.experiment.workload(question.load, question.seed + i), question.level.good_percent / 100));
  }
  for (const LabKind& kind : question.kinds) {
    lab::FleetKind range = kind.range;
    range.part_max = {0, 0};
    for (const lab::WorkNeeded& one : needed) {
      const auto parts = lab::part_max(kind.replica, one);
      for (std::size_t i = 0; i < parts.size(); ++i) range.part_max[i] = std::max(range.part_max[i], parts[i]);
    }
    ranges.push_back(range);
  }
  return ranges;
}

class PlanSearch {
 public:
  PlanSearch(const PlanQuestion& question, const LabWorkers& workers, const RunHeard& heard)
      : question_(question), workers_(workers), heard_(heard), end_(Clock::now() + question.limits.time_max) {
    const std::vector<lab::FleetKind> ranges = bounded_ranges(question);
    for (const route::PolicyKind policy : question.experiment.policies) {
      plan_.policies.push_back({.policy = policy, .cheapest = {}});
      searches_.emplace_back(ranges);
    }
    plan_.fleets = searches_.front().fleets();
  }

  Plan run() {
    while (true) {
      std::vector<PlanTry> round;
      for (std::size_t policy = 0; policy < searches_.size(); ++policy) {
        if (auto fleet = searches_[policy].next()) round.push_back(try_of(policy, std::move(*fleet)));
      }
      if (round.empty() || !take(std::move(round))) break;
    }
    for (std::size_t policy = 0; policy < searches_.size(); ++policy) {
      plan_.policies[policy].cheapest = searches_[policy].cheapest();
      plan_.policies[policy].undecided = searches_[policy].undecided();
    }
    if (!over()) take(richer());
    return std::move(plan_);
  }

 private:
  [[nodiscard]] PlanTry try_of(std::size_t policy, lab::Fleet fleet) const {
    const double price = searches_[policy].cost(fleet);
    return {.policy = policy, .fleet = std::move(fleet), .price = price, .figures = {}};
  }

  [[nodiscard]] bool over() const { return plan_.interrupted || plan_.out_of_time || plan_.out_of_runs; }

  /// Simulates the fleets of a round, and tells the searches. False when a limit was reached, and then maybe not all of it was done.
  bool take(std::vector<PlanTry> round) {
    const std::uint64_t affordable = (question_.limits.runs_max - plan_.runs) / question_.seeds;
    if (round.size() > affordable) {
      plan_.out_of_runs = true;
      round.resize(affordable);
    }
    if (Clock::now() >= end_) {
      plan_.out_of_time = true;
      return false;
    }
    std::vector<std::unique_ptr<Experiment>> experiments;
    std::vector<LabRun> runs;
    for (const PlanTry& one : round) {
      experiments.push_back(std::make_unique<Experiment>(question_.experiment));
      experiments.back()->scenario.endpoints = endpoints_of(one.fleet, question_.kinds);
      for (std::uint64_t i = 0; i < question_.seeds; ++i) {
        runs.push_back({.experiment = experiments.back().get(),
                        .policy = plan_.policies[one.policy].policy,
                        .load = question_.load,
                        .seed = question_.seed + i,
                        .variant = fleet_text(one.fleet, question_.kinds)});
      }
    }
    std::vector<RunFigures> of_fleet;
    const std::size_t done = do_runs(runs, workers_, [&](std::size_t index, RunFigures figures) {
      ++plan_.runs;
      heard_(runs[index], figures);
      of_fleet.push_back(std::move(figures));
      if (of_fleet.size() < question_.seeds) return;
      note(std::move(round[index / question_.seeds]), mean_of(of_fleet));
      of_fleet.clear();
    });
    plan_.interrupted = done < runs.size();
    return !over();
  }

  void note(PlanTry one, RunFigures figures) {
    one.met = question_.level.met_by(figures.all);
    one.figures = std::move(figures);
    searches_[one.policy].told(one.fleet, one.met);
    plan_.tries.push_back(std::move(one));
  }

  /// The cheapest fleets with one replica more of each kind, and half as many more of all.
  [[nodiscard]] std::vector<PlanTry> richer() const {
    std::vector<PlanTry> more;
    const auto add = [&](std::size_t policy, const lab::Fleet& fleet) {
      const auto same = [&](const PlanTry& one) { return one.policy == policy && one.fleet == fleet; };
      if (std::any_of(plan_.tries.begin(), plan_.tries.end(), same) || std::any_of(more.begin(), more.end(), same)) return;
      more.push_back(try_of(policy, fleet));
    };
    for (std::size_t policy = 0; policy < plan_.policies.size(); ++policy) {
      const auto& cheapest = plan_.policies[policy].cheapest;
      if (!cheapest) continue;
      lab::Fleet half_more = *cheapest;
      for (std::size_t kind = 0; kind < cheapest->size(); ++kind) {
        const std::uint32_t max = question_.kinds[kind].range.max;
        half_more[kind] = std::min(max, half_more[kind] + (half_more[kind] + 1) / 2);
        lab::Fleet one_more = *cheapest;
        if (one_more[kind]++ < max) add(policy, one_more);
      }
      add(policy, half_more);
    }
    return more;
  }

  const PlanQuestion& question_;
  const LabWorkers& workers_;
  const RunHeard& heard_;
  Clock::time_point end_;
  std::vector<lab::FleetSearch> searches_;  // by policy
  Plan plan_;
};

}  // namespace

Plan search_plan(const PlanQuestion& question, const LabWorkers& workers, const RunHeard& heard) {
  return PlanSearch(question, workers, heard).run();
}

std::vector<std::size_t> frontier_of(const Plan& plan, std::size_t policy, lab::Figure figure) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < plan.tries.size(); ++i) {
    if (plan.tries[i].policy == policy && plan.tries[i].figures.all[lab::Figure::ErrorShare] <= LostMax) order.push_back(i);
  }
  const auto value = [&](std::size_t i) { return plan.tries[i].figures.all[figure]; };
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::tuple(plan.tries[a].price, value(a), a) < std::tuple(plan.tries[b].price, value(b), b);
  });
  std::vector<std::size_t> frontier;
  for (const std::size_t i : order) {
    if (frontier.empty() || value(i) < value(frontier.back())) frontier.push_back(i);
  }
  return frontier;
}

}  // namespace evener::cli
