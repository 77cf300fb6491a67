#include "evener/route/autoscale/behaviour.h"

#include <doctest/doctest.h>

#include <vector>

namespace evener::route::autoscale {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Unit = StepPolicy::Unit;

/// What a recommendation of `wanted`, repeated every `gap`, makes of `replicas`.
std::vector<std::uint32_t> follow(Pace& pace, std::uint32_t replicas, std::uint32_t wanted, Duration gap, int times) {
  std::vector<std::uint32_t> counts;
  for (int i = 1; i <= times; ++i) {
    const Pace::Step step = pace.step(Instant(i * gap), replicas, wanted);
    if (step.replicas != replicas) pace.changed(Instant(i * gap), replicas, step.replicas);
    counts.push_back(replicas = step.replicas);
  }
  return counts;
}

}  // namespace

TEST_CASE("shrinking by 10 % or 4 replicas a minute goes as in the Kubernetes documentation") {
  // "If there are 80 replicas ... in the first minute 8 are removed. In the next the number is 72; 10 % of it is 7.2, rounded up to 8.
  // ... When the number of replicas falls below 40, the second policy applies and 4 are removed at a time."
  Pace pace({.down = {.policies = {{.unit = Unit::Replicas, .most = 4, .period = minutes(1)},
                                   {.unit = Unit::Percent, .most = 10, .period = minutes(1)}}}});
  CHECK(follow(pace, 80, 10, minutes(1), 14) == std::vector<std::uint32_t>{72, 64, 57, 51, 45, 40, 36, 32, 28, 24, 20, 16, 12, 10});
}

TEST_CASE("within a period the policies count from its start") {
  Pace pace({.down = {.policies = {{.unit = Unit::Percent, .most = 10, .period = minutes(1)}}}});
  CHECK(follow(pace, 80, 10, seconds(15), 5) == std::vector<std::uint32_t>{72, 72, 72, 72, 64});
}

TEST_CASE("the smallest change of several policies can be chosen, or none at all") {
  const std::vector<StepPolicy> policies = {{.unit = Unit::Replicas, .most = 5, .period = minutes(1)},
                                            {.unit = Unit::Percent, .most = 10, .period = minutes(1)}};
  Pace smallest({.down = {.policies = policies, .select = Select::Smallest}});
  CHECK(follow(smallest, 80, 10, minutes(1), 2) == std::vector<std::uint32_t>{75, 70});
  Pace disabled({.down = {.policies = policies, .select = Select::Disabled}});
  CHECK(follow(disabled, 80, 10, minutes(1), 2) == std::vector<std::uint32_t>{80, 80});
}

TEST_CASE("by default Kubernetes grows by 100 % or 4 replicas in 15 s, whichever is more") {
  Pace pace(Behaviour::kubernetes());
  CHECK(follow(pace, 1, 50, seconds(15), 5) == std::vector<std::uint32_t>{5, 10, 20, 40, 50});
}

TEST_CASE("by default Kubernetes shrinks to the largest recommendation of five minutes, then at once") {
  Pace pace(Behaviour::kubernetes());
  CHECK(pace.step(Instant(seconds(0)), 10, 10).replicas == 10);
  for (int s = 15; s < 300; s += 15) {
    const Pace::Step step = pace.step(Instant(seconds(s)), 10, 3);
    CHECK(step.replicas == 10);
    CHECK(step.brake == Brake::Stabilised);
  }
  CHECK(pace.step(Instant(seconds(300)), 10, 3).replicas == 3);
}

TEST_CASE("the number found at the start counts as recommended then") {
  Pace down(Behaviour::kubernetes());
  CHECK(down.step(Instant(seconds(0)), 10, 1).replicas == 10);
  CHECK(down.step(Instant(seconds(299)), 10, 1).replicas == 10);
  CHECK(down.step(Instant(seconds(300)), 10, 1).replicas == 1);
  Pace up({.up = {.stabilisation = seconds(60)}});
  CHECK(up.step(Instant(seconds(0)), 2, 5).replicas == 2);
  CHECK(up.step(Instant(seconds(60)), 2, 5).replicas == 5);
}

TEST_CASE("a stabilisation window for growing waits for the least recommendation in it") {
  Pace pace({.up = {.stabilisation = seconds(60)}});
  CHECK(pace.step(Instant(seconds(0)), 4, 4).replicas == 4);
  CHECK(pace.step(Instant(seconds(30)), 4, 9).replicas == 4);
  CHECK(pace.step(Instant(seconds(59)), 4, 8).replicas == 4);
  CHECK(pace.step(Instant(seconds(61)), 4, 9).replicas == 8);
}

TEST_CASE("growing by per cent rounds up and says that the steps held it") {
  Pace pace({.up = {.policies = {{.unit = Unit::Percent, .most = 10, .period = minutes(1)}}}});
  const Pace::Step step = pace.step(Instant(minutes(1)), 72, 200);
  CHECK(step.replicas == 80);
  CHECK(step.brake == Brake::Stepped);
}

}  // namespace evener::route::autoscale
