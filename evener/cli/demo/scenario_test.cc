#include "evener/cli/demo/scenario.h"

#include <doctest/doctest.h>

#include <set>

#include "evener/core/rng.h"
#include "evener/lab/engine_model.h"

namespace evener::cli::demo {
namespace {

TEST_CASE("the engines are unequal, and the slow one has half the strength the gateway is told") {
  const Scenario scenario = make_scenario();
  const auto capacity = [&](std::size_t engine) { return capacity_per_s(scenario.engines[engine], scenario); };
  const double weakest = capacity(scenario.engines.size() - 1);
  CHECK(capacity(scenario.strong) > 3.5 * weakest);
  CHECK(capacity(scenario.strong) < 4.5 * weakest);
  CHECK(scenario.engines[scenario.slow].strength == scenario.engines[scenario.victim].strength);
  CHECK(capacity(scenario.slow) == doctest::Approx(capacity(scenario.victim) / 2));
  std::set<std::string> names;
  for (const DemoEngine& engine : scenario.engines) names.insert(engine.name);
  CHECK(names.size() == scenario.engines.size());
}

TEST_CASE("the load is three quarters of the capacity, and the fleet can still carry it without its victim") {
  const Scenario scenario = make_scenario();
  CHECK(rate_per_s(scenario) == doctest::Approx(0.75 * fleet_capacity_per_s(scenario)));
  CHECK(rate_per_s(scenario) > 50);
  CHECK(rate_per_s(scenario) < 150);
  CHECK(rate_per_s(scenario) < 0.95 * (fleet_capacity_per_s(scenario) - capacity_per_s(scenario.engines[scenario.victim], scenario)));
}

TEST_CASE("an engine that always has work answers as many requests per second as its capacity says") {
  const Scenario scenario = make_scenario();
  const auto options = engine_options(scenario);
  for (std::size_t e = 0; e < options.size(); ++e) {
    lab::EngineModel model(options[e].config);
    Rng rng(1);
    constexpr std::uint64_t Requests = 2000;
    std::uint64_t submitted = 0, finished = 0;
    double elapsed_s = 0;
    while (finished < Requests) {
      while (submitted < finished + 4 * scenario.engines[e].batch) {
        const auto draw = [&](load::TokenRange range) {
          return range.min + static_cast<std::uint32_t>(rng.below(range.max - range.min + 1));
        };
        const auto queued =
            model.submit({.id = ++submitted, .prompt_tokens = draw(scenario.input_tokens), .output_tokens = draw(scenario.output_tokens)});
        REQUIRE(queued == lab::Submitted::Queued);
      }
      const lab::StepOutcome& outcome = model.step();
      elapsed_s += seconds(outcome.duration) * options[e].faults.slow;
      for (const lab::Emission& emission : outcome.emissions) finished += emission.finished ? 1 : 0;
    }
    CAPTURE(scenario.engines[e].name);
    CHECK(static_cast<double>(finished) / elapsed_s == doctest::Approx(capacity_per_s(scenario.engines[e], scenario)).epsilon(0.05));
  }
}

TEST_CASE("however long a demo is, the accident lies within its live part, and time is left over") {
  for (unsigned seconds_whole = SecondsMin; seconds_whole <= SecondsMax; ++seconds_whole) {
    const Timetable times = timetable(seconds_whole);
    CHECK(times.hang_at > Duration{});
    CHECK(times.hang_at + std::chrono::seconds(1) < times.revive_at);
    CHECK(times.revive_at < times.live);
    CHECK(times.live + times.compare < std::chrono::seconds(seconds_whole));
  }
}

TEST_CASE("two loads of one seed ask for the same things at the same moments") {
  const Scenario scenario = make_scenario();
  const auto make = [&](std::uint64_t seed) {
    return load::Workload::make(load_options(scenario, "http://127.0.0.1:1", std::chrono::seconds(5), seed).workload);
  };
  auto one = make(7), same = make(7), other = make(8);
  REQUIRE((one && same && other));
  bool differs = false;
  for (int i = 0; i < 200; ++i) {
    const auto a = one->next(), b = same->next(), c = other->next();
    CHECK(a->at == b->at);
    CHECK(a->output_tokens == b->output_tokens);
    CHECK(one->prompt(*a) == same->prompt(*b));
    differs = differs || a->at != c->at;
  }
  CHECK(differs);
}

}  // namespace
}  // namespace evener::cli::demo
