#include "evener/gateway/pool_scaling.h"

#include <doctest/doctest.h>

#include "evener/gateway/testing/fake_scaling.h"

using namespace std::chrono_literals;

namespace evener::gateway {
namespace {

ScaleConfig target_of(double per_replica) {
  ScaleConfig config{.every = 10s};
  config.actuator.kind = ActuatorKind::Process;  // looked at in every turn
  config.target.target.per_replica = per_replica;
  config.target.window = 10s;
  config.limits = {.least = 1, .most = 5, .idle_before_zero = 60s};
  config.behaviour.down.rules.stabilisation = 0s;
  return config;
}

struct ScalingStory {
  explicit ScalingStory(const ScaleConfig& config)
      : scaling("chat", config, pool,
                [this](const KindConfig& kind) { return std::make_unique<FakeActuator>(kind.name == "big" ? big : cloud); }) {
    big.prefix = "http://big";
  }

  /// Turns of a fifth of a second; checks pass at once.
  void pass(Duration time) {
    for (const Instant until = now + time; now < until;) {
      now += 200ms;
      pool.now.arrivals += per_turn;
      scaling.turn({.now = now, .minute_of_week = minute_of_week, .decide = decide});
      if (checks_pass) pool.checks_pass();
    }
  }
  [[nodiscard]] std::uint32_t wanted() const { return scaling.status().wanted; }
  [[nodiscard]] std::string why() const { return scaling.status().changes.empty() ? "" : scaling.status().changes.back().why; }

  FakeCloud cloud, big;
  FakePool pool;
  PoolScaling scaling;
  Instant now = Instant{} + 1000s;
  std::uint64_t per_turn = 0;  // arrivals
  std::uint32_t minute_of_week = 0;
  bool checks_pass = true, decide = true;
};

}  // namespace

TEST_CASE("a pool begins with its least number at once") {
  ScalingStory story(target_of(2));
  story.pass(200ms);
  CHECK(story.wanted() == 1);
  CHECK(story.why() == "0 -> 1: target asks for 0 (0 at 2 per replica), the least number allowed");
}

TEST_CASE("the load is what is in flight and waits, over its target") {
  ScalingStory story(target_of(2));
  story.pass(1s);
  story.pool.now.members[0].in_flight = 3;
  story.pool.now.queued = 4;
  story.pass(30s);
  CHECK(story.wanted() == 4);
  story.pool.now.members[0].in_flight = 0;
  story.pool.now.queued = 0;
  story.pass(30s);
  CHECK(story.wanted() == 1);
  CHECK(story.scaling.status().grown_total == 4);
  CHECK(story.scaling.status().shrunk_total == 3);
}

TEST_CASE("arrivals are counted from one reading to the next") {
  ScaleConfig config = target_of(10);
  config.target.target.measure = route::autoscale::Measure::Arrivals;
  ScalingStory story(config);
  story.pass(1s);
  story.per_turn = 7;  // 35 a second
  story.pass(40s);
  REQUIRE(story.scaling.status().reading);
  CHECK(story.scaling.status().reading->arrivals_per_s == doctest::Approx(35));
  CHECK(story.wanted() == 4);
}

TEST_CASE("a pool that may be empty becomes so when nothing came, and a waiting request starts a first replica at once") {
  ScaleConfig config = target_of(2);
  config.limits.least = 0;
  config.every = 60s;
  ScalingStory story(config);
  story.pass(2s);
  CHECK(story.wanted() == 0);
  story.pool.now.queued = 1;
  story.pass(200ms);
  CHECK(story.wanted() == 1);
  CHECK(story.why() == "0 -> 1: target asks for 1 (0.5 at 2 per replica), requests wait for a first replica");
  story.pool.now.queued = 0;
  story.pass(50s);
  CHECK(story.wanted() == 1);
  story.pass(30s);
  CHECK(story.wanted() == 0);
}

TEST_CASE("measured start-ups are what a forecast looks ahead by") {
  ScalingStory story(target_of(2));
  story.checks_pass = false;
  story.pass(30s);
  CHECK(story.scaling.status().startup == target_of(2).predictive.startup);
  story.pool.checks_pass();
  story.pass(200ms);
  CHECK(seconds(story.scaling.status().startup) == doctest::Approx(30).epsilon(0.02));
}

TEST_CASE("an operator's number holds for its time") {
  ScalingStory story(target_of(2));
  story.pass(1s);
  story.scaling.hold(4, story.now + 60s);
  story.pass(200ms);
  CHECK(story.wanted() == 4);
  CHECK(story.why() == "1 -> 4: held by an operator");
  story.pass(50s);
  CHECK(story.wanted() == 4);
  story.pass(30s);
  CHECK(story.wanted() == 1);
  story.scaling.hold(3, story.now + 1h);
  story.pass(1s);
  story.scaling.release();
  story.pass(30s);
  CHECK(story.wanted() == 1);
}

TEST_CASE("a gateway that stops changes nothing more") {
  ScalingStory story(target_of(2));
  story.pass(1s);
  story.decide = false;
  story.pool.now.queued = 100;
  story.pass(60s);
  CHECK(story.wanted() == 1);
}

TEST_CASE("new limits hold from the next reading on, and other settings make other controllers") {
  ScaleConfig config = target_of(2);
  ScalingStory story(config);
  story.pass(1s);
  config.limits.least = 3;
  story.scaling.configure(config);
  story.pass(10s);
  CHECK(story.wanted() == 3);
  config.limits.least = 1;
  config.controllers = {ControllerKind::Schedule};
  config.schedule = {{.days = {Day::Tuesday}, .from = "08:00", .until = "09:00", .replicas = 5}};
  story.scaling.configure(config);
  story.minute_of_week = (24 + 8) * 60;
  story.pass(10s);
  CHECK(story.wanted() == 5);
  CHECK(story.why() == "3 -> 5: schedule asks for 5, as proposed");
}

TEST_CASE("a pool of two kinds grows by the cheaper and shrinks by the dearer") {
  ScaleConfig config = target_of(1);
  config.actuator = {};
  config.limits.most = 8;
  config.behaviour.down.rules.stabilisation = 200s;
  config.kinds = {{.name = "small", .capacity = 1, .price_per_hour = 1, .least = 1, .most = 2, .actuator = {.kind = ActuatorKind::Exec}},
                  {.name = "big", .capacity = 2, .price_per_hour = 3, .most = 3, .actuator = {.kind = ActuatorKind::Exec}}};
  ScalingStory story(config);
  story.pass(10s);
  CHECK(story.cloud.there.desired == 1);
  story.pool.now.queued = 2;
  story.pass(30s);
  CHECK(story.cloud.there.desired == 2);
  CHECK(story.big.there.desired == 0);
  story.checks_pass = false;
  story.pool.now.queued = 5;
  story.pass(30s);
  CHECK(story.cloud.there.desired == 2);  // no small one goes while the big ones start
  CHECK(story.big.there.desired == 2);    // as three are needed beyond the small ones
  CHECK(story.wanted() == 6);
  story.checks_pass = true;
  story.pass(30s);
  CHECK(story.cloud.there.desired == 1);
  CHECK(story.wanted() == 5);
  CHECK(story.scaling.status().ready == 5);
  for (const auto& member : story.pool.now.members) CHECK(member.kind == (member.url.starts_with("http://big") ? "big" : "small"));
  story.pool.now.queued = 1;
  story.pass(600s);
  CHECK(story.cloud.there.desired == 1);
  CHECK(story.big.there.desired == 0);
}

TEST_CASE("a kind that is no more leaves with its replicas") {
  ScaleConfig config = target_of(1);
  config.actuator = {};
  config.kinds = {{.name = "small", .least = 1, .actuator = {.kind = ActuatorKind::Exec}},
                  {.name = "big", .least = 1, .actuator = {.kind = ActuatorKind::Exec}}};
  ScalingStory story(config);
  story.pool.now.queued = 2;
  story.pass(30s);
  CHECK(story.pool.now.members.size() == 2);
  config.kinds.pop_back();
  story.scaling.configure(config);
  story.pass(10s);
  REQUIRE(story.pool.now.members.size() >= 1);
  for (const auto& member : story.pool.now.members) CHECK(member.kind == "small");
}

TEST_CASE("other settings of an actuator leave its replicas where they are") {
  ScaleConfig config = target_of(1);
  config.actuator.kind = ActuatorKind::Exec;
  ScalingStory story(config);
  story.pool.now.queued = 3;
  story.pass(30s);
  REQUIRE(story.pool.now.members.size() == 3);
  const std::size_t wishes = story.cloud.wishes.size();
  config.actuator.exec.timeout = 7s;
  story.scaling.configure(config);
  CHECK(story.pool.now.members.size() == 3);
  story.pass(5s);
  CHECK(story.wanted() == 3);
  CHECK(story.cloud.wishes.size() == wishes);
}

TEST_CASE("a pool that was removed a moment ago asks for nothing") {
  ScaleConfig config = target_of(5);
  config.target.target.measure = route::autoscale::Measure::Arrivals;
  ScalingStory story(config);
  story.per_turn = 1;
  story.pass(30s);
  story.per_turn = 0;
  story.pool.now.arrivals = 0;
  REQUIRE(story.wanted() == 1);
  story.pass(10s);
  CHECK(story.wanted() == 1);
}

TEST_CASE("only the latest changes are kept") {
  ScalingStory story(target_of(2));
  for (int i = 0; i < 50; ++i) {
    story.scaling.hold(1 + static_cast<std::uint32_t>(i) % 2, story.now + 1h);
    story.pass(400ms);
  }
  CHECK(story.scaling.status().changes.size() == PoolScaling::ChangesKept);
}

}  // namespace evener::gateway
