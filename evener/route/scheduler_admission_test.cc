// Admission as a whole: classes, reserves, bounds, deadlines, shedding, pre-emption and fairness, through the scheduler's own events.

#include <doctest/doctest.h>

#include <map>
#include <vector>

#include "evener/route/testing/scheduler_fixture.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

constexpr Priority Realtime = Priority::Realtime, Standard = Priority::Standard, Batch = Priority::Batch, Background = Priority::Background;

RequestView of(Priority priority, std::uint64_t tenant = 0) { return {.priority = priority, .tenant = tenant}; }

std::size_t at(Priority priority) { return static_cast<std::size_t>(priority); }

std::vector<std::uint64_t> cookies(const std::vector<Released>& released) {
  std::vector<std::uint64_t> all;
  for (const Released& one : released) all.push_back(one.cookie);
  return all;
}

/// One endpoint with room for `capacity` requests, all taken by requests of the standard class.
struct FullPool : SchedulerFixture {
  explicit FullPool(const PoolSettings& settings = {}, std::uint32_t capacity = 1) : SchedulerFixture(settings) {
    put(1, {.capacity = capacity});
    for (std::uint32_t i = 0; i < capacity; ++i) REQUIRE(send() == 1);
  }
  /// Ends one request every `gap`, with the queue never empty, until the pace is known. The last cookies are of this rehearsal.
  void rehearse(Duration gap, Priority priority) {
    for (int i = 0; i < 40; ++i) {
      REQUIRE(is_queued(arrive(of(priority))));
      REQUIRE(is_queued(arrive(of(priority))));
      for (int k = 0; k < 2; ++k) {
        pass(gap);
        finish(1);
        REQUIRE(release().size() == 1);
      }
    }
    // While these two wait the pace is measured; the queue is empty again now.
  }
};

}  // namespace

// Who goes first.

TEST_CASE("waiting requests go by class, and each class tells how many wait and how long") {
  FullPool pool;
  for (const Priority priority : {Background, Batch, Standard, Realtime}) {
    CHECK(pool.is_queued(pool.arrive(of(priority, 5))));
    pool.pass(1s);
  }
  const auto classes = pool.scheduler.classes(pool.now);
  CHECK(classes[at(Background)].waiting == 1);
  CHECK(classes[at(Background)].tenants_waiting == 1);
  CHECK(classes[at(Background)].oldest_wait == 4s);
  CHECK(classes[at(Realtime)].oldest_wait == 1s);
  std::vector<std::uint64_t> order;
  for (int i = 0; i < 4; ++i) {
    pool.finish(1);
    for (const std::uint64_t cookie : cookies(pool.release())) order.push_back(cookie);
  }
  CHECK(order == std::vector<std::uint64_t>{5, 4, 3, 2});
}

TEST_CASE("a reserve is left free by less urgent classes, the least urgent one stops first") {
  PoolSettings settings;
  settings.admission.classes[at(Realtime)].reserve = 0.1;
  settings.admission.classes[at(Standard)].reserve = 0.1;
  settings.admission.classes[at(Batch)].reserve = 0.1;
  SchedulerFixture pool(settings);
  pool.with(2, {.capacity = 5});
  const auto sent = [&](Priority priority) {
    int count = 0;
    while (pool.send(of(priority)) != 0) ++count;
    return count;
  };
  CHECK(sent(Background) == 7);
  CHECK(sent(Batch) == 1);
  CHECK(sent(Standard) == 1);
  CHECK(sent(Realtime) == 1);
  // What comes free goes to the most urgent first, and the reserve fills before the rest may go on.
  pool.finish(1);
  const std::vector<Released> first = pool.release();
  REQUIRE(first.size() == 1);
  CHECK(first[0].cookie == 14);  // the realtime request that found no slot
  pool.finish(1);
  CHECK(pool.release().empty());  // one slot is free, and only realtime ones may have it
  CHECK(pool.send(of(Realtime)) == 1);
}

TEST_CASE("a reserve never takes the last slot, and means nothing where capacity is not known") {
  PoolSettings settings;
  settings.admission.classes[at(Realtime)].reserve = 0.9;
  SchedulerFixture one(settings);
  one.put(1, {.capacity = 1});
  CHECK(one.send(of(Background)) == 1);
  SchedulerFixture open(settings);
  open.with(1);
  for (int i = 0; i < 100; ++i) CHECK(open.send(of(Background)) == 1);
}

// Bounds.

TEST_CASE("a tenant's jobs do not shut out its users: what is urgent takes the place of its last job") {
  PoolSettings settings{.queue = {.requests_max = 10}};
  settings.admission.tenant_share_max = 0.2;
  FullPool pool(settings);
  CHECK(pool.is_queued(pool.arrive(of(Batch, 7))));
  CHECK(pool.is_queued(pool.arrive(of(Background, 7))));
  CHECK(pool.refused_for(pool.arrive(of(Background, 7))) == "tenant_share");
  CHECK(pool.is_queued(pool.arrive(of(Realtime, 7))));
  CHECK(cookies(pool.release()).size() == 1);  // the background request
  CHECK(pool.is_queued(pool.arrive(of(Standard, 7))));
  CHECK(cookies(pool.release()).size() == 1);  // the batch request
  CHECK(pool.refused_for(pool.arrive(of(Realtime, 7))) == "tenant_share");  // standard ones do not yield
  CHECK(pool.is_queued(pool.arrive(of(Background, 8))));
}

TEST_CASE("one class may have a bound of its own, and one tenant no more than its share of the queue") {
  PoolSettings settings{.queue = {.requests_max = 10}};
  settings.admission.classes[at(Batch)].waiting_max = 2;
  settings.admission.tenant_share_max = 0.3;
  FullPool pool(settings);
  for (int i = 0; i < 2; ++i) CHECK(pool.is_queued(pool.arrive(of(Batch))));
  CHECK(pool.refused_for(pool.arrive(of(Batch))) == "queue_full");
  for (int i = 0; i < 3; ++i) CHECK(pool.is_queued(pool.arrive(of(Standard, 7))));
  CHECK(pool.refused_for(pool.arrive(of(Standard, 7))) == "tenant_share");
  CHECK(pool.refused_for(pool.arrive(of(Realtime, 7))) == "tenant_share");
  for (int i = 0; i < 5; ++i) CHECK(pool.is_queued(pool.arrive(of(Standard))));  // nobody in particular
  CHECK(pool.scheduler.queued() == 10);
}

TEST_CASE("a tenant may always have one request waiting, however small its share") {
  PoolSettings settings{.queue = {.requests_max = 4}};
  settings.admission.tenant_share_max = 0.01;
  FullPool pool(settings);
  CHECK(pool.is_queued(pool.arrive(of(Standard, 7))));
  CHECK(pool.refused_for(pool.arrive(of(Standard, 7))) == "tenant_share");
}

TEST_CASE("in a full queue the newest request of the least urgent sheddable class gives its place to a more urgent one") {
  FullPool pool({.queue = {.requests_max = 4}});
  for (const Priority priority : {Background, Background, Batch, Standard}) CHECK(pool.is_queued(pool.arrive(of(priority))));  // 2 3 4 5
  CHECK(pool.is_queued(pool.arrive(of(Standard))));
  std::vector<Released> out = pool.release();
  CHECK(cookies(out) == std::vector<std::uint64_t>{3});
  CHECK(pool.refused_for(out[0].decision) == "class_shed");
  for (int i = 0; i < 2; ++i) CHECK(pool.is_queued(pool.arrive(of(Realtime))));
  CHECK(cookies(pool.release()) == std::vector<std::uint64_t>{2, 4});
  CHECK(pool.refused_for(pool.arrive(of(Realtime))) == "queue_full");  // standard requests keep their places
  CHECK(pool.refused_for(pool.arrive(of(Background))) == "queue_full");
  CHECK(pool.scheduler.queued() == 4);
}

TEST_CASE("a full queue of urgent requests keeps a tenth of its places for others, once they come, and these live to be promoted") {
  PoolSettings settings{.queue = {.requests_max = 40, .wait_max = 10min}};
  settings.admission.classes[at(Batch)].promote_after = 1s;
  settings.admission.classes[at(Standard)].promote_after = 1s;
  FullPool pool(settings, 8);
  std::map<Priority, int> served;
  std::map<std::uint64_t, Priority> asked;
  std::uint64_t cookies = 100;
  const auto ask = [&](Priority priority) {
    const std::uint64_t cookie = ++cookies;
    if (!std::holds_alternative<Queued>(pool.scheduler.arrived({.request = of(priority), .cookie = cookie}, pool.now))) return;
    asked[cookie] = priority;
  };
  for (int i = 0; i < 60; ++i) ask(Realtime);
  CHECK(pool.scheduler.classes(pool.now)[at(Realtime)].waiting == 40);  // nobody else has asked: no place stays empty
  int shed = 0;
  for (int i = 0; i < 800; ++i) {  // 80 s in which everybody asks again and again, and ten requests end each second
    pool.pass(100ms);
    pool.finish(1);
    for (const Released& one : pool.release()) {
      if (std::holds_alternative<Dispatch>(one.decision)) {
        ++served[asked.at(one.cookie)];
      } else {
        ++shed;
      }
    }
    for (int k = 0; k < 3; ++k) ask(Realtime);
    for (int k = 0; k < 3; ++k) ask(Batch);
    CHECK(pool.scheduler.queued() <= 40);
  }
  CHECK(shed == 0);
  CHECK(served[Batch] >= 75);
  CHECK(served[Batch] <= 80);
  CHECK(served[Realtime] + served[Batch] == 800);
  CHECK(pool.scheduler.classes(pool.now)[at(Batch)].waiting == 4);
  CHECK(pool.scheduler.classes(pool.now)[at(Realtime)].waiting >= 35);
}

TEST_CASE("of the places kept for others the least urgent keep some, too, and an urgent request takes the rest of theirs") {
  FullPool pool({.queue = {.requests_max = 40}});
  for (int i = 0; i < 40; ++i) CHECK(pool.is_queued(pool.arrive(of(Background))));
  for (int i = 0; i < 36; ++i) CHECK(pool.is_queued(pool.arrive(of(Realtime))));
  CHECK(pool.refused_for(pool.arrive(of(Realtime))) == "queue_full");
  CHECK(pool.release().size() == 36);
  for (int i = 0; i < 3; ++i) CHECK(pool.is_queued(pool.arrive(of(Batch))));
  CHECK(pool.refused_for(pool.arrive(of(Batch))) == "queue_full");
  CHECK(pool.scheduler.classes(pool.now)[at(Background)].waiting == 1);
  CHECK(pool.release().size() == 3);
}

TEST_CASE("a refused request of a class that nobody waits in is told of what more urgent ones keep taking") {
  PoolSettings settings{.queue = {.requests_max = 10, .wait_max = 1h}};
  settings.admission.classes[at(Background)].waiting_max = 1;
  FullPool pool(settings);
  for (int i = 0; i < 4; ++i) CHECK(pool.is_queued(pool.arrive(of(Standard))));
  for (int i = 0; i < 200; ++i) {
    pool.pass(1s);
    pool.finish(1);
    CHECK(pool.release().size() == 1);
    CHECK(pool.is_queued(pool.arrive(of(Standard))));
  }
  CHECK(pool.is_queued(pool.arrive(of(Background))));
  const Refusal refusal = pool.refusal_of(pool.arrive(of(Background)));
  CHECK(seconds(refusal.retry_after) == doctest::Approx(50.0));  // five ahead, and nine of ten turns go to newcomers
}

// Deadlines.

TEST_CASE("a request that would wait beyond its objective is refused at once, and told when it would not") {
  PoolSettings settings;
  settings.admission.classes[at(Standard)].first_token_objective = 5s;
  settings.admission.classes[at(Standard)].wait_max = 1h;
  FullPool pool(settings);
  pool.rehearse(2s, Batch);                          // one goes every two seconds
  CHECK(pool.is_queued(pool.arrive(of(Batch))));     // least urgent, in nobody's way
  CHECK(pool.is_queued(pool.arrive(of(Standard))));  // 2 s
  CHECK(pool.is_queued(pool.arrive(of(Standard))));  // 4 s
  const Refusal late = pool.refusal_of(pool.arrive(of(Standard)));
  CHECK(late.reason == RefusalReason::DeadlineUnmeetable);
  CHECK(seconds(late.retry_after) == doctest::Approx(1.0));                                  // 6 s of waiting for an objective of 5
  CHECK(pool.is_queued(pool.arrive({.priority = Standard, .first_token_objective = 10s})));  // its own objective counts
  settings.admission.classes[at(Standard)].refuse_late = false;
  pool.scheduler.configure(settings, pool.now);
  CHECK(pool.is_queued(pool.arrive(of(Standard))));
}

TEST_CASE("a waiting request is refused when it is too late for its objective, prediction or not") {
  PoolSettings settings;
  settings.admission.classes[at(Realtime)].first_token_objective = 3s;
  FullPool pool(settings);
  CHECK(pool.is_queued(pool.arrive(of(Realtime))));
  pool.pass(2999ms);
  CHECK(pool.release().empty());
  pool.pass(1ms);
  pool.finish(1);
  const std::vector<Released> out = pool.release();
  REQUIRE(out.size() == 1);
  CHECK(pool.refused_for(out[0].decision) == "deadline_unmeetable");
  CHECK(pool.scheduler.in_flight() == 0);
}

TEST_CASE(
    "the time to a first token is part of the objective, and what no endpoint could do even at leisure is served late instead of never") {
  PoolSettings settings;
  settings.admission.classes[at(Realtime)].first_token_objective = 3s;
  FullPool pool(settings);
  pool.finish(1, {.ending = Ending::Ok, .first_token = 1s, .total = 1s});
  CHECK(pool.send() == 1);
  CHECK(pool.is_queued(pool.arrive(of(Realtime))));
  pool.pass(2s);  // with a second to its first token it would be on time no more
  CHECK(pool.refused_for(pool.release().at(0).decision) == "deadline_unmeetable");
  CHECK(pool.is_queued(pool.arrive({.priority = Realtime, .first_token_objective = 500ms})));
  pool.pass(5s);
  CHECK(pool.release().empty());
}

TEST_CASE("another wait_max counts for those who wait already") {
  PoolSettings settings{.queue = {.wait_max = 30s}};
  FullPool pool(settings);
  CHECK(pool.is_queued(pool.arrive(of(Batch))));
  CHECK(pool.is_queued(pool.arrive(of(Standard))));
  pool.pass(10s);
  settings.admission.classes[at(Batch)].wait_max = 10s;
  pool.scheduler.configure(settings, pool.now);
  CHECK(cookies(pool.release()) == std::vector<std::uint64_t>{2});
}

// Pre-emption.

TEST_CASE("a realtime request that has to wait names the latest background request without a token, once") {
  PoolSettings settings;
  settings.admission.preempt = true;
  SchedulerFixture pool(settings);
  pool.put(1, {.capacity = 3});
  std::vector<Share> shares;
  for (int i = 0; i < 2; ++i) shares.push_back(std::get<Dispatch>(pool.arrive(of(Background))).share);  // cookies 1, 2
  Share answered = std::get<Dispatch>(pool.arrive(of(Background))).share;                               // 3
  pool.scheduler.first_token(EndpointId{1}, answered, 1s, pool.now);
  std::vector<Preempt> victims;
  CHECK(pool.is_queued(pool.arrive(of(Standard))));
  pool.scheduler.preempt(victims);
  CHECK(victims.empty());                            // only for realtime ones
  CHECK(pool.is_queued(pool.arrive(of(Realtime))));  // 5
  pool.scheduler.preempt(victims);
  REQUIRE(victims.size() == 1);
  CHECK(victims[0].cookie == 2);
  CHECK(victims[0].endpoint == EndpointId{1});
  pool.scheduler.preempt(victims);
  CHECK(victims.size() == 1);
  pool.finish(1, {.ending = Ending::Cancelled, .share = shares[1]});
  CHECK(cookies(pool.release()) == std::vector<std::uint64_t>{5});
  pool.finish(1, {.ending = Ending::Ok, .share = shares[0]});
  CHECK(cookies(pool.release()) == std::vector<std::uint64_t>{4});
  victims.clear();
  CHECK(pool.is_queued(pool.arrive(of(Realtime))));
  pool.scheduler.preempt(victims);
  CHECK(victims.empty());  // nobody is left who could yield
}

TEST_CASE("one that gave way is not named again, and what it waited and was promised goes on counting") {
  PoolSettings settings;
  settings.admission.preempt = true;
  settings.admission.classes[at(Background)].first_token_objective = 60s;
  settings.queue.wait_max = 30s;
  SchedulerFixture pool(settings);
  pool.put(1, {.capacity = 1});
  const Instant came = pool.now;
  CHECK(pool.send(of(Standard)) == 1);
  pool.pass(10s);
  CHECK(pool.is_queued(pool.scheduler.arrived({.request = of(Background), .cookie = 77, .came = came, .waited = 25s, .preemptible = false}, pool.now)));
  pool.pass(4s);
  CHECK(pool.release().empty());
  pool.pass(2s);
  CHECK(cookies(pool.release()) == std::vector<std::uint64_t>{77});  // 31 s in all
  pool.finish(1);
  const Decision again = pool.scheduler.arrived({.request = of(Background), .cookie = 78, .came = came, .preemptible = false}, pool.now);
  REQUIRE(std::holds_alternative<Dispatch>(again));
  CHECK(pool.is_queued(pool.arrive(of(Realtime))));
  std::vector<Preempt> victims;
  pool.scheduler.preempt(victims);
  CHECK(victims.empty());
}

TEST_CASE("without being asked for nobody is pre-empted, and never on an endpoint that the urgent request cannot use") {
  FullPool none;
  none.put(2, {.capacity = 1});
  CHECK(none.send(of(Background)) == 2);
  CHECK(none.is_queued(none.arrive(of(Realtime))));
  std::vector<Preempt> victims;
  none.scheduler.preempt(victims);
  CHECK(victims.empty());

  PoolSettings settings;
  settings.admission.preempt = true;
  SchedulerFixture other(settings);
  other.put(1, {.capacity = 1, .models = {10}});
  other.put(2, {.capacity = 1, .models = {20}});
  CHECK(other.send({.model = 10, .priority = Background}) == 1);
  CHECK(other.send({.model = 20}) == 2);
  CHECK(other.is_queued(other.arrive({.model = 20, .priority = Realtime})));
  other.scheduler.preempt(victims);
  CHECK(victims.empty());
}
