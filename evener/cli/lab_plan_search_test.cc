#include "evener/cli/lab_plan_search.h"

#include <doctest/doctest.h>

namespace evener::cli {
namespace {

constexpr lab::Figure Latency = lab::Figure::TtftP90;

PlanTry tried(double price, double latency, double lost = 0) {
  PlanTry one{.fleet = {1}, .price = price, .figures = {}};
  one.figures.all[Latency] = latency;
  one.figures.all[lab::Figure::ErrorShare] = lost;
  return one;
}

struct Question {
  Experiment experiment;
  std::vector<LabKind> kinds;
  [[nodiscard]] Plan answer(PlanLimits limits, std::uint64_t seeds = 1) const {
    return search_plan({.experiment = experiment, .kinds = kinds, .level = {.good_percent = 90}, .seeds = seeds, .limits = limits}, {},
                       [](const LabRun&, const RunFigures&) {});
  }
};

Question question(const std::string& kinds) {
  auto experiment = read_experiment({.workload = "bursts", .policies = "least-request,random", .sample = .1});
  auto read = read_kinds(kinds);
  REQUIRE(experiment);
  REQUIRE(read);
  return {.experiment = std::move(*experiment), .kinds = std::move(*read)};
}

}  // namespace

TEST_CASE("the frontier holds what nothing beats in price and latency") {
  Plan plan;
  plan.tries = {tried(3, 10), tried(1, 30), tried(2, 40), tried(2, 20), tried(4, 10), tried(5, 1), tried(.5, .1, .5)};
  CHECK(frontier_of(plan, 0, Latency) == std::vector<std::size_t>{1, 3, 0, 5});
  CHECK(frontier_of(plan, 1, Latency).empty());
}

TEST_CASE("the cheapest fleet of a plan meets the level, and one replica less does not") {
  const Question asked = question("l4-8b=0..12:price=1");
  const Plan plan = asked.answer({});
  CHECK(plan.fleets == 12);
  for (std::size_t policy = 0; policy < plan.policies.size(); ++policy) {
    REQUIRE(plan.policies[policy].cheapest);
    const std::uint32_t count = plan.policies[policy].cheapest->front();
    CHECK(plan.policies[policy].undecided == 0);
    for (const PlanTry& one : plan.tries) {
      if (one.policy == policy) CHECK(one.met == (one.fleet.front() >= count));
    }
  }
}

TEST_CASE("a plan makes no more runs than it may, and says what it does not know") {
  const Question asked = question("h100-8b=0..3:price=4,l4-8b=0..12:price=1");
  const Plan plan = asked.answer({.runs_max = 3});
  CHECK(plan.runs <= 3);
  CHECK(plan.out_of_runs);
  CHECK(plan.policies.front().undecided > 0);
  CHECK(asked.answer({.runs_max = 1}, 2).runs == 0);
  CHECK(asked.answer({.time_max = std::chrono::seconds(0)}).out_of_time);
}

TEST_CASE("a plan does not depend on how many threads work on it") {
  const Question asked = question("h100-8b=0..2:price=4,l4-8b=0..8:price=1");
  const auto plan = [&](unsigned threads) {
    return search_plan({.experiment = asked.experiment, .kinds = asked.kinds, .seeds = 2}, {.threads = threads},
                       [](const LabRun&, const RunFigures&) {});
  };
  const Plan one = plan(1), four = plan(4);
  REQUIRE(one.tries.size() == four.tries.size());
  for (std::size_t i = 0; i < one.tries.size(); ++i) {
    CHECK(one.tries[i].fleet == four.tries[i].fleet);
    CHECK(one.tries[i].figures.all.values == four.tries[i].figures.all.values);
  }
}

}  // namespace evener::cli
