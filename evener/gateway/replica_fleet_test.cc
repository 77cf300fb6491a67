#include "evener/gateway/replica_fleet.h"

#include <doctest/doctest.h>

#include "evener/gateway/testing/fake_scaling.h"

using namespace std::chrono_literals;

namespace evener::gateway {
namespace {

using State = ScaledPool::Member::State;

/// A fleet whose turns are a second apart.
struct FleetStory {
  explicit FleetStory(FleetSettings settings = {.pool = "chat", .observe = 1s, .drain_max = 60s})
      : fleet(std::move(settings), std::make_unique<FakeActuator>(cloud), pool) {}

  void turn(int turns = 1) {
    for (int i = 0; i < turns; ++i) {
      now += 1s;
      fleet.turn(now, pool.sample());
    }
  }
  void aim(std::uint32_t replicas) { fleet.aim(now, replicas, "because"); }
  /// Grown to so many that all serve.
  void serve(std::uint32_t replicas) {
    turn();
    aim(replicas);
    turn();
    pool.checks_pass();
    turn();
    CHECK(fleet.ready() == replicas);
  }

  FakeCloud cloud;
  FakePool pool;
  ReplicaFleet fleet;
  Instant now = Instant{} + 1000s;
};

}  // namespace

TEST_CASE("a replica joins the pool when it has an address, and is ready when its check passes") {
  FleetStory story;
  story.turn();
  story.aim(2);
  CHECK(story.fleet.wanted() == 2);
  CHECK(story.fleet.ready() == 0);
  REQUIRE(story.cloud.wishes.size() == 1);
  CHECK(story.cloud.wishes[0].replicas == 2);
  CHECK(story.cloud.wishes[0].reason == "because");
  story.turn();
  CHECK(story.pool.now.members.size() == 2);
  story.turn();
  CHECK(story.fleet.ready() == 0);
  story.pool.now.members[0].state = State::Serving;
  story.pool.now.members[0].healthy = true;
  story.turn();
  CHECK(story.fleet.ready() == 1);
  CHECK(story.fleet.take_startups() == std::vector<Duration>{3s});
  CHECK(story.cloud.wishes.size() == 1);  // nothing more is asked for
}

TEST_CASE("what is there when it begins is taken over") {
  FleetStory story;
  story.cloud.there = {.desired = 3, .endpoints = {"http://a", "http://b", "http://c"}};
  story.turn();
  CHECK(story.fleet.wanted() == 3);
  CHECK(story.pool.now.members.size() == 3);
  CHECK(story.cloud.wishes.empty());
}

TEST_CASE("a replica is stopped when its requests have ended, and leaves the pool before that") {
  FleetStory story;
  story.serve(2);
  story.pool.find("http://r1")->in_flight = 1;
  story.pool.find("http://r2")->in_flight = 3;
  story.turn();
  story.aim(1);
  CHECK(story.pool.find("http://r1")->state == State::Draining);  // it has least to do
  CHECK(story.pool.find("http://r2")->state == State::Serving);
  story.turn(5);
  CHECK(story.cloud.wishes.size() == 1);
  CHECK(story.fleet.wanted() == 1);
  story.pool.find("http://r1")->in_flight = 0;
  story.turn();
  REQUIRE(story.cloud.wishes.size() == 2);
  CHECK(story.cloud.wishes[1].replicas == 1);
  CHECK(story.cloud.wishes[1].stop_first == std::vector<std::string>{"http://r1"});
  CHECK(story.pool.find("http://r1") == nullptr);
  story.turn(3);
  CHECK(story.pool.now.members.size() == 1);  // it does not join again
}

TEST_CASE("a replica whose requests do not end is stopped after drain_max") {
  FleetStory story;
  story.serve(1);
  story.pool.now.members[0].in_flight = 1;
  story.turn();
  story.aim(0);
  story.turn(59);
  CHECK(story.cloud.wishes.size() == 1);
  story.turn(2);
  REQUIRE(story.cloud.wishes.size() == 2);
  CHECK(story.cloud.wishes[1].replicas == 0);
}

TEST_CASE("growing takes a draining replica back before it starts another") {
  FleetStory story;
  story.serve(2);
  for (auto& member : story.pool.now.members) member.in_flight = 1;
  story.turn();
  story.aim(1);
  story.turn();
  story.aim(2);
  story.turn();
  CHECK(story.cloud.wishes.size() == 1);
  CHECK(story.pool.now.members.size() == 2);
  for (const auto& member : story.pool.now.members) CHECK(member.state == State::Serving);
}

TEST_CASE("shrinking gives up those that do not serve yet") {
  FleetStory story;
  story.serve(1);
  story.aim(3);
  story.turn();
  CHECK(story.pool.now.members.size() == 3);
  story.aim(1);
  story.turn(2);
  CHECK(story.pool.now.members.size() == 1);
  CHECK(story.pool.now.members[0].url == "http://r1");
  // And those that have no address yet cost nobody a drain.
  story.cloud.starts_at_once = false;
  story.aim(4);
  story.turn();
  story.aim(1);
  CHECK(story.cloud.wishes.back().replicas == 1);
  CHECK(story.pool.find("http://r1")->state == State::Serving);
}

TEST_CASE("a refused wish is made again, later each time, and with the number that is wanted then") {
  FleetStory story;
  story.turn();
  story.cloud.refuses = actuators::ActuatorError{.message = "no quota"};
  story.aim(1);
  CHECK(story.fleet.status().trouble == "no quota");
  std::vector<int> turns_between;
  for (int wishes = 1; wishes < 8; ++wishes) {
    int turns = 0;
    while (story.fleet.status().failures == static_cast<std::uint32_t>(wishes)) {
      story.turn();
      ++turns;
    }
    turns_between.push_back(turns);
  }
  CHECK(turns_between == std::vector<int>{1, 2, 4, 8, 16, 32, 60});
  story.aim(3);
  story.cloud.refuses.reset();
  story.turn(60);
  CHECK(story.cloud.wishes.back().replicas == 3);
  CHECK(story.fleet.status().failures == 0);
  CHECK(story.fleet.status().trouble.empty());
}

TEST_CASE("whom it asks says when to ask again") {
  FleetStory story;
  story.turn();
  story.cloud.refuses = actuators::ActuatorError{.message = "slow down", .retry_after = 90s};
  story.aim(1);
  story.turn(89);
  CHECK(story.fleet.status().failures == 1);
  story.cloud.refuses.reset();
  story.turn();
  CHECK(story.fleet.status().failures == 0);
}

TEST_CASE("what cannot be right by itself is tried again only now and then") {
  FleetStory story;
  story.turn();
  story.cloud.refuses = actuators::ActuatorError{.message = "no such group", .may_retry = MayRetry::No};
  story.aim(1);
  story.turn(59);
  CHECK(story.fleet.status().failures == 1);
}

TEST_CASE("a wish that is answered without a word of addresses takes no replica out of the pool") {
  FleetStory story({.pool = "chat", .observe = 30s, .drain_max = 60s});
  story.serve(2);
  story.cloud.says_addresses = false;
  story.aim(3);
  story.turn();
  CHECK(story.pool.now.members.size() == 3);  // it was looked at, and knows the new one as well
  CHECK(story.fleet.ready() == 2);
  CHECK(story.cloud.wishes.size() == 2);
}

TEST_CASE("a drained replica that was not stopped serves again when it is wanted, or when another one went") {
  FleetStory story;
  story.serve(2);
  story.cloud.refuses = {.message = "no", .may_retry = MayRetry::Yes};
  story.aim(1);
  story.turn(2);
  REQUIRE(story.pool.now.members.size() == 1);  // the other one has left, and is still there
  story.cloud.refuses.reset();
  story.aim(2);
  story.turn();
  CHECK(story.pool.now.members.size() == 2);
  story.pool.checks_pass();
  story.turn();
  CHECK(story.fleet.ready() == 2);

  story.cloud.starts_at_once = false;
  story.aim(1);
  story.turn(2);
  REQUIRE(story.cloud.wishes.back().stop_first.size() == 1);
  const std::string drained = story.cloud.wishes.back().stop_first.front();
  std::erase_if(story.cloud.there.endpoints, [&](const std::string& url) { return url != drained; });
  story.turn(2);
  REQUIRE(story.pool.now.members.size() == 1);
  CHECK(story.pool.now.members[0].url == drained);
}

TEST_CASE("a replica that is gone leaves the pool") {
  FleetStory story;
  story.serve(2);
  std::erase(story.cloud.there.endpoints, "http://r1");
  story.turn();
  CHECK(story.pool.now.members.size() == 1);
  CHECK(story.fleet.wanted() == 2);  // another one is expected in its place
  story.turn();
  CHECK(story.fleet.ready() == 1);
}

TEST_CASE("a number that somebody else has set is taken over") {
  FleetStory story;
  story.serve(2);
  story.cloud.there.desired = 5;
  story.turn();
  CHECK(story.fleet.wanted() == 5);
  CHECK(story.cloud.wishes.size() == 1);
}

TEST_CASE("without addresses the pool's healthy endpoints are the replicas that are ready") {
  FleetStory story;
  story.cloud.starts_at_once = false;
  story.turn();
  story.aim(3);
  story.pool.now.healthy = 2;
  story.pool.now.in_flight = 7;
  story.turn();
  CHECK(story.fleet.ready() == 2);
  CHECK(story.fleet.in_flight(story.pool.sample()) == 7);
  CHECK(story.fleet.take_startups().size() == 2);
  story.aim(1);
  CHECK(story.cloud.wishes.back().replicas == 1);  // nobody can be drained
}

TEST_CASE("where nothing can be looked at, what serves is taken for what is there, and then the latest wish") {
  FleetStory story;
  story.cloud.observes = story.cloud.starts_at_once = false;
  story.pool.now.healthy = 3;
  story.turn();
  CHECK(story.fleet.wanted() == 3);
  CHECK(story.cloud.wishes.empty());
  story.pool.now.healthy = 2;
  story.turn(10);
  CHECK(story.fleet.wanted() == 3);
  story.aim(4);
  story.turn(10);
  CHECK(story.fleet.wanted() == 4);
  CHECK(story.cloud.wishes.size() == 1);
}

}  // namespace evener::gateway
