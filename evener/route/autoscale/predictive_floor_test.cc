#include "evener/route/autoscale/predictive_floor.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

namespace evener::route::autoscale {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

PredictiveFloorSettings settings() {
  return {.target = {.measure = Measure::Arrivals, .per_replica = 10}, .share = 1, .step = minutes(10), .startup = minutes(20)};
}

/// Ten-minute readings; the last proposal.
std::optional<Proposal> feed(PredictiveFloor& floor, int& step, int steps, double (*load)(int)) {
  std::optional<Proposal> last;
  for (int end = step + steps; step < end; ++step) last = floor.propose({.now = Instant(step * minutes(10)), .arrivals_per_s = load(step)});
  return last;
}

double daily(int step) { return 100 - 60 * std::cos(2 * std::numbers::pi * step / 144); }

}  // namespace

TEST_CASE("start-up times: their upper end counts, and old ones are forgotten") {
  StartupTimes times(seconds(180));
  CHECK(times.expected() == seconds(180));
  for (int i = 1; i <= 10; ++i) times.add(seconds(i));
  CHECK(times.expected() == seconds(9));
  for (int i = 0; i < 40; ++i) times.add(seconds(100));
  CHECK(times.expected() == seconds(100));
}

TEST_CASE("a collapse of the load is an outage for a while, and then the new load") {
  OutageHold hold(3, 10);
  CHECK(hold.believe(100) == 100);
  CHECK(hold.believe(10) == 100);
  CHECK(hold.believe(0) == 100);
  CHECK(hold.holding());
  CHECK(hold.believe(90) == 90);
  CHECK(!hold.holding());
  for (int i = 0; i < 3; ++i) CHECK(hold.believe(5) == doctest::Approx(95));
  CHECK(hold.believe(5) == 5);
  CHECK(!hold.holding());
  CHECK(hold.believe(5) == 5);
}

TEST_CASE("a load that falls by half is no outage") {
  OutageHold hold(3, 10);
  hold.believe(100);
  CHECK(hold.believe(50) == 50);
  CHECK(!hold.holding());
}

TEST_CASE("the floor says nothing until a forecast has met its moment") {
  PredictiveFloor floor(settings());
  CHECK(floor.horizon() == 3);
  int step = 0;
  CHECK(!feed(floor, step, 4, daily));
  CHECK(feed(floor, step, 3, daily));
}

TEST_CASE("the floor rises before the load does, by what a start-up takes") {
  PredictiveFloor floor(settings());
  int step = 0;
  // Six days and the night of the seventh: the load rises by 2.6 a step.
  const auto proposal = feed(floor, step, 6 * 144 + 36, daily);
  REQUIRE(proposal);
  CHECK(proposal->load > daily(step + 2) - 2);
  CHECK(proposal->load < daily(step + 2) * 1.1);
  CHECK(floor.name() == "forecast");
}

TEST_CASE("what waits is served beside what arrives, within a start-up, unless the measure counts it itself") {
  for (const Measure measure : {Measure::Arrivals, Measure::Waiting}) {
    PredictiveFloorSettings set = settings();
    set.target.measure = measure;
    PredictiveFloor floor(set);
    Reading reading{.arrivals_per_s = 95};
    std::optional<Proposal> before;
    for (int step = 0; step < 50; ++step) {
      reading.now = Instant(step * minutes(10));
      reading.in_flight = measure == Measure::Waiting ? 95 : 0;
      before = floor.propose(reading);
    }
    REQUIRE(before);
    reading.now += seconds(15);
    reading.queued = 20 * 20 * 60;
    const auto after = floor.propose(reading);
    REQUIRE(after);
    CHECK(before->replicas == 10);
    CHECK(after->replicas == (measure == Measure::Arrivals ? 12 : 10));
  }
}

TEST_CASE("an outage does not empty the pool, and a longer one than is held does") {
  PredictiveFloor floor(settings());
  int step = 0;
  const std::uint32_t before = feed(floor, step, 200, [](int) { return 95.0; })->replicas;
  CHECK(before == 10);
  CHECK(feed(floor, step, 5, [](int) { return 0.0; })->replicas == 10);
  CHECK(floor.name() == "outage");
  CHECK(feed(floor, step, 200, [](int) { return 0.0; })->replicas <= 1);
}

TEST_CASE("measured start-ups move the horizon, and what was learned is kept") {
  PredictiveFloor floor(settings());
  int step = 0;
  feed(floor, step, 3 * 144, daily);
  for (int i = 0; i < 32; ++i) floor.started(minutes(60));
  const auto proposal = feed(floor, step, 1, daily);
  CHECK(floor.horizon() == 7);
  REQUIRE(proposal);
  CHECK(proposal->load > 0.8 * daily(step + 6));
  for (int i = 0; i < 32; ++i) floor.started(minutes(50));
  feed(floor, step, 1, daily);
  CHECK(floor.horizon() == 7);  // a little less is not worth learning anew
}

TEST_CASE("after a pause the floor catches up with a bounded number of steps") {
  PredictiveFloor floor(settings());
  int step = 0;
  feed(floor, step, 50, [](int) { return 95.0; });
  const auto proposal = floor.propose({.now = Instant(hours(24 * 365)), .arrivals_per_s = 95});
  REQUIRE(proposal);
  CHECK(proposal->replicas == 10);
}

}  // namespace evener::route::autoscale
