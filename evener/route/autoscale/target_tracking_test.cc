#include "evener/route/autoscale/target_tracking.h"

#include <doctest/doctest.h>

namespace evener::route::autoscale {

using std::chrono::seconds;

TEST_CASE("twice the target doubles the replicas and half of it halves them") {
  // The example of the Kubernetes documentation: 200m where 100m are wanted, then 50m.
  CHECK(replicas_for_metrics(3, {.total = 600, .measured = 3}, 100, 0.1) == 6);
  CHECK(replicas_for_metrics(4, {.total = 200, .measured = 4}, 100, 0.1) == 2);
  CHECK(replicas_for_total(4, 50 * 4, 100, 0.1) == 2);
}

TEST_CASE("within the tolerance nothing changes, and just beyond it something does") {
  CHECK(replicas_for_metrics(10, {.total = 1100, .measured = 10}, 100, 0.1) == 10);
  CHECK(replicas_for_metrics(10, {.total = 1101, .measured = 10}, 100, 0.1) == 12);
  CHECK(replicas_for_metrics(10, {.total = 900, .measured = 10}, 100, 0.1) == 10);
  CHECK(replicas_for_metrics(10, {.total = 899, .measured = 10}, 100, 0.1) == 9);
  CHECK(replicas_for_total(10, 1101, 100, 0.1) == 12);
}

TEST_CASE("a replica that nothing is known of counts as at the target when the others would shrink, and as idle when they would grow") {
  // 3 measured at 50 of 100, 1 missing: (150 + 100) / 4 = 62.5 per replica, so 3 and not 2.
  CHECK(replicas_for_metrics(4, {.total = 150, .measured = 3, .missing = 1}, 100, 0.1) == 3);
  // 3 measured at 150, 1 missing: 450 / 4 = 112.5, so 5.
  CHECK(replicas_for_metrics(4, {.total = 450, .measured = 3, .missing = 1}, 100, 0.1) == 5);
  // 3 measured at 120, 1 missing: 90 per replica, which would turn the direction around.
  CHECK(replicas_for_metrics(4, {.total = 360, .measured = 3, .missing = 1}, 100, 0.1) == 4);
}

TEST_CASE("replicas that are not ready yet dampen growth and have no say in shrinking") {
  CHECK(replicas_for_metrics(4, {.total = 400, .measured = 2, .not_ready = 2}, 100, 0.1) == 4);
  CHECK(replicas_for_metrics(4, {.total = 1000, .measured = 2, .not_ready = 2}, 100, 0.1) == 10);
  CHECK(replicas_for_metrics(4, {.total = 60, .measured = 2, .not_ready = 2}, 100, 0.1) == 1);
}

TEST_CASE("nothing measured at all changes nothing") {
  CHECK(replicas_for_metrics(4, {.missing = 4}, 100, 0.1) == 4);
  CHECK(replicas_for_total(0, 0, 100, 0.1) == 0);
  CHECK(replicas_for_total(0, 1, 100, 0.1) == 1);
}

TEST_CASE("target tracking averages its measure over the window") {
  TargetTracking controller({.target = {.measure = Measure::Arrivals, .per_replica = 10}, .window = seconds(30)});
  CHECK(controller.propose({.now = Instant(seconds(15)), .arrivals_per_s = 20, .ready = 2})->replicas == 2);
  CHECK(controller.propose({.now = Instant(seconds(30)), .arrivals_per_s = 60, .ready = 2})->replicas == 4);
  CHECK(controller.propose({.now = Instant(seconds(45)), .arrivals_per_s = 60, .ready = 2})->replicas == 6);
}

TEST_CASE("requests in flight are the replicas' own measure, so those that start count as idle") {
  TargetTracking controller({.target = {.measure = Measure::InFlight, .per_replica = 10}});
  CHECK(controller.propose({.now = Instant(seconds(15)), .in_flight = 40, .ready = 2, .starting = 2})->replicas == 4);
  TargetTracking other({.target = {.measure = Measure::InFlight, .per_replica = 10}});
  CHECK(other.propose({.now = Instant(seconds(15)), .in_flight = 15, .ready = 4, .unmeasured = 1})->replicas == 3);
}

}  // namespace evener::route::autoscale
