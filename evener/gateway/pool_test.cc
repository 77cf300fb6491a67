#include "evener/gateway/pool.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "evener/net/testing.h"
#include "tests/for_each_seed.h"

namespace evener::gateway {
namespace {

using namespace std::chrono_literals;
using net::testing::next_turn;
using net::testing::run_until_ended;
using Attempt = route::Scheduler::Attempt;

constexpr EndpointId Only{1};

/// A pool of one endpoint with room for so many requests.
struct OneEndpoint {
  explicit OneEndpoint(std::uint32_t capacity, const PoolConfig& config = PoolConfig{.name = "p"}) : pool(config, 7, PoolMetrics{}) {
    pool.with_scheduler(monotonic_now(), [&](route::RecordedScheduler& scheduler) {
      scheduler.put_endpoint(Only, {.weight = 1, .capacity = capacity, .models = {}}, monotonic_now());
    });
  }
  std::uint32_t in_flight() {
    return pool.with_scheduler(monotonic_now(), [](route::RecordedScheduler& scheduler) { return scheduler.in_flight(); });
  }
  std::size_t queued() {
    return pool.with_scheduler(monotonic_now(), [](route::RecordedScheduler& scheduler) { return scheduler.queued(); });
  }
  /// A request that gets its endpoint at once.
  Lease lease(net::Reactor& reactor, Waiter& waiter, std::string_view id = "r") {
    const auto decided = pool.arrived(id, "m", {}, waiter, reactor.now());
    const auto* dispatch = std::get_if<route::Dispatch>(&decided.decision);
    REQUIRE(dispatch != nullptr);
    return Lease(pool, *dispatch, Attempt::First, decided.number, reactor);
  }
  Pool pool;
};

TEST_CASE("a lease that nobody ends is given back as cancelled when it goes") {
  net::Reactor reactor;
  OneEndpoint one(1);
  Waiter waiter(reactor);
  {
    const Lease lease = one.lease(reactor, waiter);
    CHECK(lease.endpoint() == Only);
    CHECK(one.in_flight() == 1);
  }
  CHECK(one.in_flight() == 0);
  const auto decisions = one.pool.decisions({}, 10);
  REQUIRE(decisions.size() == 1);
  CHECK(decisions[0].ended);
  CHECK(decisions[0].outcome.ending == route::Ending::Cancelled);
}

TEST_CASE("a background request is told once, on its reactor, to give way, and its waiter says that the message is on its way") {
  net::Reactor reactor;
  PoolConfig config{.name = "p"};
  config.classes.preempt = true;
  OneEndpoint one(1, config);
  const auto body = [&]() -> net::Task<> {
    int told = 0;
    Waiter background(reactor), realtime(reactor);
    background.give_way = [](void* count) { ++*static_cast<int*>(count); };
    background.context = &told;
    const auto first = one.pool.arrived("a", "m", {.priority = route::Priority::Background}, background, reactor.now());
    {
      const Lease lease(one.pool, std::get<route::Dispatch>(first.decision), Attempt::First, first.number, reactor);
      const auto second = one.pool.arrived("b", "m", {.priority = route::Priority::Realtime}, realtime, reactor.now());
      CHECK(std::holds_alternative<route::Queued>(second.decision));
      CHECK(background.named);
      CHECK(told == 0);
      co_await background.told.wait_uninterrupted();
      CHECK(told == 1);
    }
    const auto released = co_await realtime.told.wait_until(reactor.now() + 10s);
    CHECK(released == net::Event::Result::Set);
    const Lease given_back(one.pool, std::get<route::Dispatch>(*realtime.decision), Attempt::First, 0, reactor);
  };
  run_until_ended(reactor, body());
  CHECK(one.in_flight() == 0);
}

TEST_CASE("a request can be told to give way before it has heard of its release, and hears both") {
  net::Reactor reactor;
  PoolConfig config{.name = "p"};
  config.classes.preempt = true;
  OneEndpoint one(1, config);
  const auto body = [&]() -> net::Task<> {
    int told = 0;
    Waiter holder(reactor), background(reactor), realtime(reactor);
    background.give_way = [](void* count) { ++*static_cast<int*>(count); };
    background.context = &told;
    Lease held = one.lease(reactor, holder);
    const auto queued = one.pool.arrived("a", "m", {.priority = route::Priority::Background}, background, reactor.now());
    CHECK(std::holds_alternative<route::Queued>(queued.decision));
    held = {};
    (void)one.pool.arrived("b", "m", {.priority = route::Priority::Realtime}, realtime, reactor.now());
    CHECK(background.named);
    while (!background.decision) co_await background.told.wait_uninterrupted();
    while (!background.asked) co_await background.told.wait_uninterrupted();
    CHECK(told == 1);
    { const Lease released(one.pool, std::get<route::Dispatch>(*background.decision), Attempt::First, queued.number, reactor); }
    while (!realtime.decision) co_await realtime.told.wait_uninterrupted();
    const Lease given_back(one.pool, std::get<route::Dispatch>(*realtime.decision), Attempt::First, 0, reactor);
  };
  run_until_ended(reactor, body());
  CHECK(one.in_flight() == 0);
}

TEST_CASE("a lease ends once, with the first outcome it is told") {
  net::Reactor reactor;
  OneEndpoint one(2);
  Waiter waiter(reactor);
  const Lease other = one.lease(reactor, waiter, "other");
  {
    Lease lease = one.lease(reactor, waiter);
    lease.first_token();
    lease.end({.ending = route::Ending::Ok});
    lease.end({.ending = route::Ending::Reset});
    lease.first_token();
    CHECK(one.in_flight() == 1);
  }
  CHECK(one.in_flight() == 1);
  CHECK(one.pool.decisions("r", 1).front().outcome.ending == route::Ending::Ok);
}

TEST_CASE("a lease can be moved: it ends where it went, and what it replaces ends then") {
  net::Reactor reactor;
  OneEndpoint one(2);
  Waiter waiter(reactor);
  Lease first = one.lease(reactor, waiter, "first");
  Lease second = one.lease(reactor, waiter, "second");
  CHECK(one.in_flight() == 2);
  Lease moved = std::move(first);
  CHECK(one.in_flight() == 2);
  moved = std::move(second);
  CHECK(one.in_flight() == 1);
  CHECK(one.pool.decisions("first", 1).front().ended);
  CHECK(!one.pool.decisions("second", 1).front().ended);
  Lease& itself = moved;
  moved = std::move(itself);
  CHECK(one.in_flight() == 1);
  moved = Lease();
  CHECK(one.in_flight() == 0);
}

TEST_CASE("a queued request is woken with its endpoint on its own reactor's thread") {
  net::Reactor reactor;
  OneEndpoint one(1);
  const auto body = [&]() -> net::Task<> {
    Waiter holder(reactor);
    Lease held = one.lease(reactor, holder);
    Waiter waiter(reactor);
    const auto decided = one.pool.arrived("queued", "m", {}, waiter, reactor.now());
    CHECK(std::holds_alternative<route::Queued>(decided.decision));
    CHECK(one.queued() == 1);
    CHECK(std::holds_alternative<route::Queued>(one.pool.decisions("queued", 1).front().decision));
    // Ended by another thread, as another worker would.
    std::thread([&, lease = std::move(held)]() mutable { lease.end({.ending = route::Ending::Ok}); }).join();
    const auto result = co_await waiter.told.wait_until(reactor.now() + 10s);
    CHECK(result == net::Event::Result::Set);
    const auto* dispatch = std::get_if<route::Dispatch>(waiter.decision.get());
    CHECK(dispatch != nullptr);
    if (dispatch == nullptr) co_return;
    CHECK(one.in_flight() == 1);
    const auto kept = one.pool.decisions("queued", 10);
    CHECK(kept.size() == 1);
    CHECK(std::holds_alternative<route::Dispatch>(kept.front().decision));
    CHECK(std::get<route::Dispatch>(kept.front().decision).endpoint == Only);
    CHECK(kept.front().waited == waiter.waited);
    CHECK(!kept.front().ended);
    const Lease lease(one.pool, *dispatch, Attempt::First, decided.number, reactor);
    CHECK(!one.pool.abandoned(decided, reactor.now()));
  };
  run_until_ended(reactor, body());
  CHECK(one.in_flight() == 0);
}

TEST_CASE("an abandoned request leaves the queue and is never woken") {
  net::Reactor reactor;
  OneEndpoint one(1);
  const auto body = [&]() -> net::Task<> {
    Waiter holder(reactor);
    Lease held = one.lease(reactor, holder);
    Waiter waiter(reactor);
    const auto decided = one.pool.arrived("queued", "m", {}, waiter, reactor.now());
    CHECK(one.pool.abandoned(decided, reactor.now()));
    CHECK(one.pool.decisions("queued", 1).front().ended);
    CHECK(one.pool.decisions("queued", 1).front().outcome.ending == route::Ending::Cancelled);
    held.end({.ending = route::Ending::Ok});
    const auto result = co_await waiter.told.wait_until(reactor.now());
    CHECK(result == net::Event::Result::TimedOut);
  };
  run_until_ended(reactor, body());
  CHECK(one.queued() == 0);
  CHECK(one.in_flight() == 0);
}

TEST_CASE("a request that is refused while it waits is kept as refused, with how long it waited") {
  net::Reactor reactor;
  OneEndpoint one(1);
  const auto body = [&]() -> net::Task<> {
    Waiter holder(reactor);
    const Lease held = one.lease(reactor, holder);
    Waiter waiter(reactor);
    const Instant came = reactor.now();
    const auto decided = one.pool.arrived("late", "m", {}, waiter, came);
    CHECK(std::holds_alternative<route::Queued>(decided.decision));
    const Instant later = came + route::QueueSettings{}.wait_max + 1s;
    one.pool.with_scheduler(later, [&](route::RecordedScheduler& scheduler) { scheduler.tick(later); });
    const auto result = co_await waiter.told.wait_until(reactor.now() + 10s);
    CHECK(result == net::Event::Result::Set);
    CHECK(one.pool.decisions("late", 10).size() == 1);
    const DecisionRecord kept = one.pool.decisions("late", 1).front();
    const auto* refusal = std::get_if<route::Refusal>(&kept.decision);
    CHECK(refusal != nullptr);
    if (refusal != nullptr) CHECK(refusal->reason == route::RefusalReason::QueueTimeout);
    CHECK(kept.waited == waiter.waited);
    // The pool may have seen a later time than this turn's before the request came.
    CHECK(waiter.waited > route::QueueSettings{}.wait_max);
    CHECK(waiter.waited <= later - came);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("with_scheduler wakes whoever its change released") {
  net::Reactor reactor;
  OneEndpoint one(1);
  const auto body = [&]() -> net::Task<> {
    Waiter holder(reactor);
    const Lease held = one.lease(reactor, holder);
    Waiter waiter(reactor);
    const auto decided = one.pool.arrived("queued", "m", {}, waiter, reactor.now());
    CHECK(std::holds_alternative<route::Queued>(decided.decision));
    one.pool.with_scheduler(reactor.now(), [&](route::RecordedScheduler& scheduler) {
      scheduler.put_endpoint(EndpointId{2}, {.weight = 1, .capacity = 1, .models = {}}, reactor.now());
    });
    const auto result = co_await waiter.told.wait_until(reactor.now() + 10s);
    CHECK(result == net::Event::Result::Set);
    const auto* dispatch = std::get_if<route::Dispatch>(waiter.decision.get());
    CHECK(dispatch != nullptr);
    if (dispatch != nullptr) {
      CHECK(dispatch->endpoint == EndpointId{2});
      const Lease lease(one.pool, *dispatch, Attempt::First, decided.number, reactor);
    }
  };
  run_until_ended(reactor, body());
  CHECK(one.in_flight() == 0);
}

TEST_CASE("decisions are kept newest first, up to the limit, and can be asked for by request") {
  net::Reactor reactor;
  OneEndpoint one(0);
  Waiter waiter(reactor);
  CHECK(one.pool.decisions({}, 10).empty());
  const std::size_t made = Pool::DecisionsKept + 100;
  for (std::size_t i = 1; i <= made; ++i) {
    Lease lease = one.lease(reactor, waiter, "r" + std::to_string(i));
    lease.end({.ending = route::Ending::Ok});
  }
  const auto all = one.pool.decisions({}, 100'000);
  REQUIRE(all.size() == Pool::DecisionsKept);
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i].number == made - i);
  CHECK(all.front().request_id == "r" + std::to_string(made));
  CHECK(all.front().model == "m");
  CHECK(all.front().explanation.endpoints.size() == 1);
  CHECK(one.pool.decisions({}, 3).size() == 3);
  CHECK(one.pool.decisions("r1", 10).empty());  // forgotten
  CHECK(one.pool.decisions("r500", 10).size() == 1);
}

TEST_CASE("every attempt of a request is kept with its number, but an end that comes too late for its slot is dropped") {
  net::Reactor reactor;
  OneEndpoint one(0);
  Waiter waiter(reactor);
  Lease old = one.lease(reactor, waiter, "old");
  {
    Lease first = one.lease(reactor, waiter, "twice");
    first.end({.ending = route::Ending::ConnectFailed});
  }
  const std::vector<EndpointId> tried = {Only};
  const auto again = one.pool.retry("twice", "m", {}, tried, Attempt::Retry, waiter, reactor.now());
  CHECK(std::holds_alternative<route::Refusal>(again.decision));  // there is no second endpoint
  const auto attempts = one.pool.decisions("twice", 10);
  REQUIRE(attempts.size() == 2);
  CHECK(attempts[0].attempt == 2);
  CHECK(!attempts[0].ended);
  CHECK(attempts[0].explanation.endpoints.at(0).left_out == route::LeftOut::Tried);
  CHECK(attempts[1].attempt == 1);
  CHECK(attempts[1].outcome.ending == route::Ending::ConnectFailed);

  std::vector<Lease> many;
  for (std::size_t i = 0; i < Pool::DecisionsKept; ++i) many.push_back(one.lease(reactor, waiter, "new"));
  old.end({.ending = route::Ending::Reset});
  for (const auto& record : one.pool.decisions({}, Pool::DecisionsKept)) CHECK(!record.ended);
}

/// One worker: clients that arrive, wait, lose patience, hold what they get, and go.
struct Worker {
  Worker(OneEndpoint& shared, Rng chance, std::atomic<std::uint32_t>& held, std::atomic<std::uint32_t>& held_most)
      : one(shared), rng(chance), now_held(held), most_held(held_most) {}

  net::Task<> lose_patience(net::Event& event, std::uint64_t turns) {
    for (std::uint64_t i = 0; i < turns; ++i) co_await next_turn(reactor);
    event.cancel();
  }

  net::Task<> hold(const route::Dispatch& dispatch, std::uint64_t number) {
    Lease lease(one.pool, dispatch, Attempt::First, number, reactor);
    const std::uint32_t held = ++now_held;
    std::uint32_t most = most_held;
    while (held > most && !most_held.compare_exchange_weak(most, held)) {}
    for (std::uint64_t i = rng.below(4); i > 0; --i) co_await next_turn(reactor);
    --now_held;
    if (rng.below(2) == 0) lease.end({.ending = route::Ending::Ok});
  }

  net::Task<> client() {
    for (int round = 0; round < 8; ++round) {
      Waiter waiter(reactor);
      const auto decided = one.pool.arrived("r", "m", {}, waiter, reactor.now());
      if (const auto* dispatch = std::get_if<route::Dispatch>(&decided.decision)) {
        co_await hold(*dispatch, decided.number);
        continue;
      }
      const auto* queued = std::get_if<route::Queued>(&decided.decision);
      CHECK(queued != nullptr);
      if (queued == nullptr) co_return;
      net::Sibling impatience;
      impatience.start(lose_patience(waiter.told, rng.below(6)));
      const auto result = co_await waiter.told.wait_until(Instant::max());
      co_await impatience.join();
      if (result != net::Event::Result::Set) {
        if (one.pool.abandoned(decided, reactor.now())) {
          ++left;
          continue;
        }
        // Too late: it was released, and the message names this frame, which must live until it has come.
        co_await waiter.told.wait_uninterrupted();
        ++too_late;
      }
      const auto* dispatch = std::get_if<route::Dispatch>(waiter.decision.get());
      CHECK(dispatch != nullptr);
      if (dispatch != nullptr) co_await hold(*dispatch, decided.number);
    }
  }

  void run() {
    const auto all = [this]() -> net::Task<> {
      std::vector<net::Sibling> clients(8);
      for (auto& one_client : clients) one_client.start(client());
      for (auto& one_client : clients) co_await one_client.join();
    };
    run_until_ended(reactor, all());
  }

  OneEndpoint& one;
  Rng rng;
  std::atomic<std::uint32_t>& now_held;
  std::atomic<std::uint32_t>& most_held;
  net::Reactor reactor;
  int left = 0;
  int too_late = 0;
};

TEST_CASE("clients that lose patience in the moment of their release leak nothing, whatever the threads do") {
  int left = 0;
  for_each_seed(40, [&](Rng& rng) {
    constexpr std::uint32_t Capacity = 2;
    OneEndpoint one(Capacity);
    std::atomic<std::uint32_t> now_held{0};
    std::atomic<std::uint32_t> most_held{0};
    std::vector<std::unique_ptr<Worker>> workers;
    std::vector<std::thread> threads;
    for (std::uint64_t i = 0; i < 3; ++i) workers.push_back(std::make_unique<Worker>(one, rng.fork(i), now_held, most_held));
    for (auto& worker : workers) threads.emplace_back([&worker] { worker->run(); });
    for (auto& thread : threads) thread.join();
    for (auto& worker : workers) left += worker->left;
    CHECK(one.in_flight() == 0);
    CHECK(one.queued() == 0);
    CHECK(most_held >= 1);
    CHECK(most_held <= Capacity);
  });
  CHECK(left > 0);
}

}  // namespace
}  // namespace evener::gateway
