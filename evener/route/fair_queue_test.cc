#include "evener/route/fair_queue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "tests/for_each_seed.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

constexpr Instant Start = Instant{} + 1000s;

struct Queue {
  FairQueue queue;
  ClassesSettings classes = default_classes();
  Instant now = Start;
  std::uint64_t cookies = 0;

  struct Request {
    Priority priority = Priority::Standard;
    std::uint64_t tenant = 0;
    std::uint64_t lane = 0;
    Duration objective = 1h;
    Duration patience = 1h;
  };
  std::uint64_t push(const Request& request) {
    return queue.push({.arrival = {.request = {.priority = request.priority, .tenant = request.tenant}, .cookie = ++cookies},
                       .tried = {},
                       .lane = request.lane,
                       .since = now,
                       .deadline = now + request.objective,
                       .useful_until = Instant::max(),
                       .expires = now + request.patience});
  }
  /// The cookie of the next one, who goes; 0 = nobody can.
  std::uint64_t take(double cost = 1, const std::vector<FairQueue::Blocked>& blocked = {}) {
    const auto pick = queue.next(now, classes, blocked);
    if (!pick) return 0;
    const std::uint64_t cookie = pick->waiting->arrival.cookie;
    queue.take(*pick, cost);
    return cookie;
  }
  std::vector<std::uint64_t> take_all() {
    std::vector<std::uint64_t> order;
    while (const std::uint64_t cookie = take()) order.push_back(cookie);
    return order;
  }
};

using Order = std::vector<std::uint64_t>;

}  // namespace

// Order.

TEST_CASE("requests of one tenant and class go in the order of their arrival") {
  Queue queue;
  for (int i = 0; i < 4; ++i) queue.push({.tenant = 7});
  CHECK(queue.take_all() == Order{1, 2, 3, 4});
}

TEST_CASE("a more urgent class goes first, however late it came") {
  Queue queue;
  for (const Priority priority : {Priority::Background, Priority::Batch, Priority::Standard, Priority::Realtime})
    queue.push({.priority = priority});
  CHECK(queue.take_all() == Order{4, 3, 2, 1});
}

TEST_CASE("inside a tenant the earliest deadline goes first, equal ones by arrival") {
  Queue queue;
  queue.push({.objective = 30s});
  queue.push({.objective = 5s});
  queue.push({.objective = 5s});
  queue.push({.objective = 10s});
  CHECK(queue.take_all() == Order{2, 3, 4, 1});
}

TEST_CASE("a tenant with one request does not wait behind the hundred of another") {
  Queue queue;
  for (int i = 0; i < 100; ++i) queue.push({.tenant = 1});
  CHECK(queue.take() == 1);
  queue.push({.tenant = 2});
  CHECK(queue.take() == 101);
}

TEST_CASE("an hour of silence is not saved up: a tenant that comes back shares from now on") {
  Queue queue;
  for (int i = 0; i < 60; ++i) queue.push({.tenant = 1});
  for (int i = 0; i < 20; ++i) queue.take(100);
  for (int i = 0; i < 20; ++i) queue.push({.tenant = 2});
  int of_second = 0;
  for (int i = 0; i < 20; ++i) of_second += queue.take(100) > 60 ? 1 : 0;
  CHECK(of_second == 10);
}

TEST_CASE("what went without waiting counts, too") {
  Queue queue;
  queue.push({.tenant = 1});
  queue.push({.tenant = 2});
  queue.queue.charge(Priority::Standard, 1, 50);
  CHECK(queue.take_all() == Order{2, 1});
}

TEST_CASE("a request that took more than expected costs its tenant the difference, one that took less gives it back") {
  Queue queue;
  for (int i = 0; i < 2; ++i) queue.push({.tenant = 1});  // cookies 1, 2
  for (int i = 0; i < 2; ++i) queue.push({.tenant = 2});  // cookies 3, 4
  CHECK(queue.take(100) == 1);
  CHECK(queue.take(100) == 3);
  queue.queue.correct(Priority::Standard, 1, 500);
  CHECK(queue.take(100) == 4);
  queue.push({.tenant = 2});
  queue.queue.correct(Priority::Standard, 1, -590);
  CHECK(queue.take(100) == 2);
}

// Starvation.

namespace {

/// How many of the next ten places the queue's oldest request does not get, while requests of a class keep coming; 10 = it gets none.
int places_passed(Queue& queue, Priority coming) {
  for (int i = 0; i < 10; ++i) {
    queue.push({.priority = coming});
    if (queue.take() == 1) return i;
  }
  return 10;
}

}  // namespace

TEST_CASE("the head of a class counts as one class more urgent after each wait") {
  Queue queue;
  queue.classes[2].promote_after = 20s;
  queue.classes[1].promote_after = 10s;
  queue.push({.priority = Priority::Batch});
  queue.now += 19s;
  CHECK(places_passed(queue, Priority::Standard) == 10);
  queue.now += 1s;
  SUBCASE("as urgent as the next class") { CHECK(places_passed(queue, Priority::Standard) == 9); }
  SUBCASE("not yet as the one above") { CHECK(places_passed(queue, Priority::Realtime) == 10); }
  SUBCASE("but that comes, too") {
    queue.now += 10s;
    CHECK(places_passed(queue, Priority::Realtime) == 9);
  }
}

TEST_CASE("promote_after 0 means never") {
  Queue queue;
  queue.classes[3].promote_after = 0s;
  queue.push({.priority = Priority::Background});
  queue.now += 24h;
  CHECK(places_passed(queue, Priority::Batch) == 10);
}

TEST_CASE("a backlog that has become as urgent as the most urgent class holds up no class in between") {
  Queue queue;
  for (int i = 0; i < 200; ++i) queue.push({.priority = Priority::Batch});
  queue.now += 100s;
  int promoted = 0;
  for (int i = 0; i < 100; ++i) {
    queue.push({.priority = Priority::Standard});
    promoted += queue.take() <= 200 ? 1 : 0;
  }
  CHECK(promoted == 10);
}

TEST_CASE("promoted requests get one of ten places while fresh ones wait, and all of them when none does") {
  Queue queue;
  for (int i = 0; i < 30; ++i) queue.push({.priority = Priority::Background});
  queue.now += 100s;
  for (int i = 0; i < 90; ++i) queue.push({.priority = Priority::Realtime});
  int promoted = 0;
  for (int i = 0; i < 90; ++i) {
    const bool old = queue.take() <= 30;
    promoted += old ? 1 : 0;
    if (i < 9) CHECK_FALSE(old);
  }
  CHECK(promoted == 9);
  for (int i = 0; i < 9; ++i) CHECK(queue.take() > 30);
  CHECK(queue.take() <= 30);
}

TEST_CASE("a tenant that floods a class does not overtake others by the age of its backlog") {
  Queue queue;
  for (int i = 0; i < 100; ++i) queue.push({.priority = Priority::Batch, .tenant = 1});
  queue.now += 60s;
  int of_second = 0;
  for (int i = 0; i < 40; ++i) {
    queue.push({.priority = Priority::Batch, .tenant = 2});
    of_second += queue.take(100) > 100 ? 1 : 0;
  }
  CHECK(of_second >= 19);
}

// Lanes.

TEST_CASE("a blocked lane holds up nobody else, and keeps its turn") {
  Queue queue;
  queue.push({.tenant = 1, .lane = 10});
  queue.push({.tenant = 1, .lane = 20});
  queue.push({.tenant = 2, .lane = 10});
  queue.push({.tenant = 2, .lane = 20});
  CHECK(queue.take(1, {{.lane = 10}}) == 2);
  CHECK(queue.take(1, {{.lane = 10}, {.lane = 20}}) == 0);
  CHECK(queue.take(1, {{.lane = 20}}) == 3);
  CHECK(queue.take() == 1);
}

TEST_CASE("a lane that is blocked from a class on lets the more urgent through") {
  Queue queue;
  queue.push({.priority = Priority::Background, .lane = 10});
  queue.push({.priority = Priority::Standard, .lane = 10});
  queue.push({.priority = Priority::Batch, .lane = 10});
  CHECK(queue.take(1, {{.lane = 10, .from = Priority::Batch}}) == 2);
  CHECK(queue.take(1, {{.lane = 10, .from = Priority::Batch}}) == 0);
}

// Leaving.

TEST_CASE("a request leaves once, by its ticket") {
  Queue queue;
  queue.push({});
  const std::uint64_t ticket = queue.push({});
  queue.push({});
  CHECK(queue.queue.remove(ticket));
  CHECK_FALSE(queue.queue.remove(ticket));
  CHECK_FALSE(queue.queue.remove(999));
  CHECK(queue.queue.size() == 2);
  CHECK(queue.take_all() == Order{1, 3});
}

TEST_CASE("those whose time is over are shown by when it was over, and a new patience moves that") {
  Queue queue;
  queue.push({.patience = 20s});
  queue.push({.patience = 10s});
  CHECK(queue.queue.expired(Start + 9s) == nullptr);
  CHECK(queue.queue.expired(Start + 10s)->arrival.cookie == 2);
  queue.queue.reschedule([](const FairQueue::Waiting& one) { return one.since + (one.arrival.cookie == 1 ? 3s : 5s); });
  CHECK(queue.queue.expired(Start + 2s) == nullptr);
  CHECK(queue.queue.expired(Start + 5s)->arrival.cookie == 1);
  queue.queue.remove(queue.queue.expired(Start + 5s)->ticket);
  CHECK(queue.queue.expired(Start + 5s)->arrival.cookie == 2);
}

TEST_CASE("the queue knows how many wait, of a class and of a tenant, and who came first and last") {
  Queue queue;
  CHECK(queue.queue.newest(Priority::Batch) == nullptr);
  queue.push({.priority = Priority::Batch, .tenant = 1});
  queue.push({.priority = Priority::Batch, .tenant = 2});
  queue.push({.priority = Priority::Batch, .tenant = 1});
  queue.push({.priority = Priority::Standard, .tenant = 1});
  CHECK(queue.queue.waiting(Priority::Batch) == 3);
  CHECK(queue.queue.waiting(Priority::Batch, 1) == 2);
  CHECK(queue.queue.tenants_waiting(Priority::Batch) == 2);
  CHECK(queue.queue.waiting_of(1) == 3);
  CHECK(queue.queue.waiting_of(3) == 0);
  CHECK(queue.queue.oldest(Priority::Batch)->arrival.cookie == 1);
  CHECK(queue.queue.newest(Priority::Batch)->arrival.cookie == 3);
}

TEST_CASE("accounts of tenants that wait no more are forgotten, also when each of them is in debt") {
  Queue queue;
  queue.push({.tenant = 1});
  for (std::uint64_t tenant = 2; tenant < 20'000; ++tenant) {
    queue.queue.charge(Priority::Standard, tenant, 100);
    REQUIRE(queue.queue.accounts() <= 2 + FairQueue::RememberedMax);
  }
  CHECK(queue.take() == 1);
}

// What must hold whatever happens.

TEST_CASE("tenants that always have something waiting get tokens by weight, whatever the sizes of their requests") {
  // The bound of start-time fair queueing: normalised service of two backlogged tenants differs by at most one request of each.
  for_each_seed(40, [](Rng& rng) {
    Queue queue;
    const std::uint64_t tenants = 2 + rng.below(6);
    std::vector<TenantWeight> weights;
    std::vector<double> served(tenants), largest(tenants), mean(tenants);
    for (std::uint64_t t = 0; t < tenants; ++t) {
      weights.push_back({.tenant = t, .weight = rng.below(2) == 0 ? 1.0 : 0.25 + 4 * rng.uniform()});
      mean[t] = 10 + 5000 * rng.uniform();
    }
    queue.queue.set_weights(weights);
    std::map<std::uint64_t, std::uint64_t> tenant_of;
    const auto refill = [&](std::uint64_t t) {
      queue.push({.tenant = t});
      tenant_of[queue.cookies] = t;
    };
    for (std::uint64_t t = 0; t < tenants; ++t) refill(t);
    for (int i = 0; i < 3000; ++i) {
      const auto pick = queue.queue.next(queue.now, queue.classes);
      REQUIRE(pick);
      const std::uint64_t t = tenant_of[pick->waiting->arrival.cookie];
      const double cost = 1 + rng.exponential(mean[t]);
      refill(t);  // before it goes, so that it never runs dry
      queue.queue.take(*pick, cost);
      served[t] += cost;
      largest[t] = std::max(largest[t], cost);
      for (std::uint64_t other = 0; other < tenants; ++other) {
        const double gap = served[t] / weights[t].weight - served[other] / weights[other].weight;
        REQUIRE(std::abs(gap) <= 1e-6 + largest[t] / weights[t].weight + largest[other] / weights[other].weight);
      }
    }
  });
}

TEST_CASE("equal tenants get equal tokens although what requests really take is learned only when they end") {
  for_each_seed(5, [](Rng& rng) {
    Queue queue;
    constexpr std::uint64_t Tenants = 4;
    struct Running {
      std::uint64_t tenant;
      double charged, actual;
    };
    std::vector<Running> running;
    std::vector<double> served(Tenants);
    const std::vector<double> mean = {50, 400, 3000, 8000};
    std::map<std::uint64_t, std::uint64_t> tenant_of;
    for (std::uint64_t t = 0; t < Tenants; ++t) {
      for (int i = 0; i < 3; ++i) {
        queue.push({.tenant = t});
        tenant_of[queue.cookies] = t;
      }
    }
    for (int i = 0; i < 20'000; ++i) {
      const auto pick = queue.queue.next(queue.now, queue.classes);
      const std::uint64_t t = tenant_of[pick->waiting->arrival.cookie];
      queue.push({.tenant = t});
      tenant_of[queue.cookies] = t;
      const double expected = 1000;  // of every request: nobody knows better
      queue.queue.take(*pick, expected);
      running.push_back({t, expected, 1 + rng.exponential(mean[t])});
      if (running.size() < 32) continue;
      const std::size_t at = rng.below(running.size());
      const Running ended = running[at];
      running[at] = running.back();
      running.pop_back();
      queue.queue.correct(Priority::Standard, ended.tenant, ended.actual - ended.charged);
      served[ended.tenant] += ended.actual;
    }
    const auto [least, most] = std::minmax_element(served.begin(), served.end());
    CHECK(*least / *most > 0.95);
  });
}

TEST_CASE("through any pushes, removals and takes nobody is lost, shown twice, or shown after leaving") {
  for_each_seed(200, [](Rng& rng) {
    Queue queue;
    std::set<std::uint64_t> model;  // tickets
    for (int step = 0; step < 400; ++step) {
      queue.now += Duration(rng.below(2'000'000'000));
      const std::uint64_t what = rng.below(10);
      if (what < 5) {
        const std::uint64_t ticket = queue.push({.priority = static_cast<Priority>(rng.below(Priorities)),
                                                 .tenant = rng.below(4),
                                                 .lane = rng.below(3),
                                                 .objective = Duration(rng.below(60'000'000'000)),
                                                 .patience = Duration(rng.below(60'000'000'000))});
        REQUIRE(model.insert(ticket).second);
      } else if (what < 7) {
        const std::uint64_t ticket = 1 + rng.below(model.empty() ? 1 : *model.rbegin() + 1);
        REQUIRE(queue.queue.remove(ticket) == (model.erase(ticket) > 0));
      } else if (what < 8) {
        while (const FairQueue::Waiting* late = queue.queue.expired(queue.now)) {
          const std::uint64_t ticket = late->ticket;
          REQUIRE(late->expires <= queue.now);
          REQUIRE(model.erase(ticket) == 1);
          queue.queue.remove(ticket);
        }
      } else {
        std::vector<FairQueue::Blocked> blocked;
        for (std::uint64_t lane = 0; lane < 3; ++lane) {
          if (rng.below(3) == 0) blocked.push_back({.lane = lane, .from = static_cast<Priority>(rng.below(Priorities))});
        }
        const auto pick = queue.queue.next(queue.now, queue.classes, blocked);
        if (!pick) {
          if (blocked.empty()) REQUIRE(model.empty());
          continue;
        }
        for (const auto& one : blocked) {
          const bool held = one.lane == pick->waiting->lane && pick->waiting->arrival.request.priority >= one.from;
          REQUIRE_FALSE(held);
        }
        REQUIRE(model.erase(pick->waiting->ticket) == 1);
        queue.queue.take(*pick, rng.exponential(100));
      }
      REQUIRE(queue.queue.size() == model.size());
      std::size_t by_class = 0;
      for (std::size_t i = 0; i < Priorities; ++i) by_class += queue.queue.waiting(static_cast<Priority>(i));
      REQUIRE(by_class == model.size());
    }
    std::size_t gone = 0;
    while (queue.take() != 0) ++gone;
    CHECK(gone == model.size());
  });
}
