#include <doctest/doctest.h>

#include "evener/route/autoscale/backlog.h"
#include "evener/route/autoscale/objective.h"
#include "evener/route/autoscale/panic_window.h"
#include "evener/route/autoscale/schedule.h"

namespace evener::route::autoscale {
namespace {

using std::chrono::seconds;

Reading in_flight(int at_s, double requests, std::uint32_t ready) {
  return {.now = Instant(seconds(at_s)), .in_flight = requests, .ready = ready};
}

constexpr SpeedView Speed{.base_s = 0.1, .prefill_s_per_token = 0.0005, .step_s = 0.02, .step_s_per_request = 0.001};

}  // namespace

TEST_CASE("a burst that asks for twice what is ready is a panic, in which nothing shrinks for a whole stable window") {
  PanicWindow controller({.target = {.measure = Measure::InFlight, .per_replica = 10}});
  int s = 0;
  for (; s < 60; s += 2) CHECK(controller.propose(in_flight(s, 20, 2))->replicas == 2);
  // 100 in flight: the mean of the 6 s soon asks for 4 and more, while that of the 60 s is still near 2.
  CHECK(controller.propose(in_flight(s, 100, 2)));
  CHECK(controller.panicking());
  s += 2;
  CHECK(controller.propose(in_flight(s, 100, 2))->replicas == 8);  // (20 + 100 + 100) / 3 at 10 each
  const int calm = s;
  for (s += 2; s <= calm + 58; s += 2) {
    CHECK(controller.propose(in_flight(s, 20, 8)));
    CHECK(controller.panicking());
  }
  while (controller.panicking()) CHECK(controller.propose(in_flight(s += 2, 20, 8)));
  CHECK(s <= calm + 70);
  CHECK(controller.propose(in_flight(s += 2, 20, 8))->replicas == 4);  // not below half of what is ready
}

TEST_CASE("backlog asks for what arrives and for what waits, within the time to drain it") {
  Backlog controller({.per_replica_per_s = 5, .drain = seconds(60)});
  CHECK(controller.propose({.now = Instant(seconds(15)), .arrivals_per_s = 20})->replicas == 4);
  CHECK(controller.propose({.now = Instant(seconds(30)), .arrivals_per_s = 20, .queued = 600})->replicas == 6);
}

TEST_CASE("the rate within objectives is that of the tighter one") {
  // First token: 1 s to spare beside base 0.1 and prefill 0.5, M/D/1: load 2 * 1 / (0.5 + 2) = 0.8, so 1.6 requests/s.
  CHECK(rate_within(Speed, 1000, 10, 1.6, 1) == doctest::Approx(1.6));
  // Tokens: (0.05 - 0.02) / 0.001 = 30 in flight, each 0.1 + 0.05 + 200 * 0.05 = 10.15 s.
  CHECK(rate_within(Speed, 100, 200, 10, 0.05) == doctest::Approx(30 / 10.15));
  CHECK(rate_within(Speed, 1000, 200, 0.5, 0.05) == 0);  // the prompt alone takes longer
  CHECK(rate_within(Speed, 1000, 200, 10, 0.015) == 0);  // a lone stream is slower
}

TEST_CASE("the objective controller plans with a share of that rate and says nothing before it has learned") {
  Objective controller({.first_token_s = 1.6, .token_s = 1, .share = 0.5});
  Reading reading{.now = Instant(seconds(15)), .arrivals_per_s = 8, .ready = 1};
  CHECK(!controller.propose(reading));
  reading.now += seconds(15);
  reading.speed = Speed;
  reading.prompt_tokens = 1000;
  reading.output_tokens = 10;
  CHECK(controller.propose(reading)->replicas == 10);  // 8 / (0.5 * 1.6)
}

TEST_CASE("a schedule gives the most of the rules that apply, over midnight too") {
  constexpr std::uint32_t Hour = 60, Monday = 0, Saturday = 5 * MinutesOfDay, Sunday = 6 * MinutesOfDay;
  ScheduleRule office{.from_minute = 8 * Hour, .until_minute = 18 * Hour, .replicas = 10};
  office.days = {true, true, true, true, true, false, false};
  ScheduleRule night{.from_minute = 22 * Hour, .until_minute = 2 * Hour, .replicas = 3};
  night.days = {false, false, false, false, false, false, true};  // begins on Sundays
  Schedule schedule({office, night, {.from_minute = 12 * Hour, .until_minute = 13 * Hour, .replicas = 4}});
  const auto at = [&schedule](std::uint32_t minute) {
    const auto proposal = schedule.propose({.minute_of_week = minute});
    return proposal ? static_cast<int>(proposal->replicas) : -1;
  };
  CHECK(at(Monday + 8 * Hour - 1) == -1);
  CHECK(at(Monday + 8 * Hour) == 10);
  CHECK(at(Monday + 12 * Hour) == 10);
  CHECK(at(Saturday + 12 * Hour) == 4);
  CHECK(at(Monday + 18 * Hour) == -1);
  CHECK(at(Sunday + 23 * Hour) == 3);
  CHECK(at(Monday + 1 * Hour) == 3);
  CHECK(at(Monday + 2 * Hour) == -1);
}

TEST_CASE("a rule whose end is its beginning lasts a day") {
  const ScheduleRule rule{.from_minute = 600, .until_minute = 600, .replicas = 1};
  CHECK(rule.applies(599));
  CHECK(rule.applies(600));
}

}  // namespace evener::route::autoscale
