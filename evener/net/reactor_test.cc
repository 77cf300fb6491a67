#include "evener/net/reactor.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "evener/net/testing.h"

namespace evener::net {
namespace {

using namespace std::chrono_literals;
using testing::next_turn;
using testing::run_until_ended;

TEST_CASE("an event set before the wait lets exactly one wait return at once") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    Event event(reactor);
    event.set();
    event.set();
    const auto first = co_await event.wait_until(Instant::max());
    CHECK(first == Event::Result::Set);
    const auto second = co_await event.wait_until(reactor.now());
    CHECK(second == Event::Result::TimedOut);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("an event that nobody sets times out, never before its deadline") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    Event event(reactor);
    for (int i = 0; i < 3; ++i) {
      const Instant deadline = monotonic_now() + 4ms;
      const auto result = co_await event.wait_until(deadline);
      CHECK(result == Event::Result::TimedOut);
      CHECK(monotonic_now() >= deadline);
    }
  };
  run_until_ended(reactor, body());
}

TEST_CASE("set() wakes the waiter later, not within the call") {
  Reactor reactor;
  std::string order;
  const auto body = [&]() -> Task<> {
    Event event(reactor);
    const auto wait = [&]() -> Task<> {
      const auto result = co_await event.wait_until(Instant::max());
      CHECK(result == Event::Result::Set);
      order += "woken ";
    };
    Sibling waiter;
    waiter.start(wait());
    event.set();
    event.cancel();  // too late: the first one counts
    order += "set ";
    co_await waiter.join();
    order += "joined";
  };
  run_until_ended(reactor, body());
  CHECK(order == "set woken joined");
}

TEST_CASE("a cancelled event says so, to its waiter or to the next one") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    Event event(reactor);
    reactor.post([&] { event.cancel(); });
    const auto waited = co_await event.wait_until(reactor.now() + 10s);
    CHECK(waited == Event::Result::Cancelled);
    event.cancel();
    const auto at_once = co_await event.wait_until(Instant::max());
    CHECK(at_once == Event::Result::Cancelled);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("an event destroyed while its timer hangs leaves nothing behind") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    {
      Event event(reactor);
      reactor.post([&] { event.set(); });
      co_await event.wait_until(reactor.now() + 5ms);
    }
    const bool slept = co_await reactor.sleep(15ms);
    CHECK(slept);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("stopping cancels waits and sleeps, and every wait after") {
  Reactor reactor;
  std::vector<Event::Result> results;
  bool slept = true;
  const auto wait = [&]() -> Task<> {
    Event event(reactor);
    results.push_back(co_await event.wait_until(Instant::max()));
    results.push_back(co_await event.wait_until(reactor.now() + 10s));
  };
  const auto sleep = [&]() -> Task<> { slept = co_await reactor.sleep(10s); };
  reactor.spawn(wait());
  reactor.spawn(sleep());
  CHECK(reactor.live_tasks() == 2);
  reactor.stop();
  reactor.run();
  CHECK(results == std::vector{Event::Result::Cancelled, Event::Result::Cancelled});
  CHECK(!slept);
  CHECK(reactor.live_tasks() == 0);
  CHECK(reactor.stopping());
}

TEST_CASE("an uninterrupted wait outlasts the stop until its message comes") {
  Reactor reactor;
  Event message(reactor);
  Event::Result result{};
  const auto wait = [&]() -> Task<> { result = co_await message.wait_uninterrupted(); };
  const auto send_when_stopped = [&]() -> Task<> {
    Event never(reactor);
    co_await never.wait_until(Instant::max());  // ends with the stop
    reactor.post([&] { message.set(); });
  };
  result = Event::Result::TimedOut;
  reactor.spawn(wait());
  reactor.spawn(send_when_stopped());
  reactor.stop();
  reactor.run();
  CHECK(result == Event::Result::Set);
}

TEST_CASE("a reactor that goes ends the tasks that were spawned on it") {
  bool ended = false;
  {
    Reactor reactor;
    const auto wait = [](Reactor& loop, bool& done) -> Task<> {
      Event event(loop);
      co_await event.wait_until(Instant::max());
      done = true;
    };
    reactor.spawn(wait(reactor, ended));
    CHECK(!ended);
  }
  CHECK(ended);
}

TEST_CASE("functions posted by other threads all run on the reactor's thread, each thread's in order") {
  Reactor reactor;
  constexpr int Threads = 4;
  constexpr int Each = 2000;
  std::vector<std::vector<int>> seen(Threads);
  const std::thread::id loop_thread = std::this_thread::get_id();
  int elsewhere = 0;
  int total = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < Threads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < Each; ++i) {
        reactor.post([&, t, i] {
          if (std::this_thread::get_id() != loop_thread) ++elsewhere;
          seen[static_cast<std::size_t>(t)].push_back(i);
          if (++total == Threads * Each) reactor.stop();
        });
      }
    });
  }
  reactor.run();
  for (auto& thread : threads) thread.join();
  CHECK(elsewhere == 0);
  CHECK(total == Threads * Each);
  for (const auto& numbers : seen) {
    CHECK(numbers.size() == Each);
    CHECK(std::is_sorted(numbers.begin(), numbers.end()));
  }
}

TEST_CASE("hooks run at the end of every turn with the time of that turn") {
  Reactor reactor;
  int turns = 0;
  bool same_time = true;
  reactor.on_turn([&](Instant now) {
    ++turns;
    same_time = same_time && now == reactor.now();
  });
  const auto body = [&]() -> Task<> {
    const int before = turns;
    co_await next_turn(reactor);
    co_await next_turn(reactor);
    CHECK(turns > before);
  };
  run_until_ended(reactor, body());
  CHECK(same_time);
}

TEST_CASE("a task hands its value over without copying it") {
  Reactor reactor;
  const auto make = [&](int number) -> Task<std::unique_ptr<int>> {
    co_await next_turn(reactor);
    co_return std::make_unique<int>(number);
  };
  const auto body = [&]() -> Task<> {
    const std::unique_ptr<int> value = co_await make(42);
    CHECK(*value == 42);
  };
  run_until_ended(reactor, body());
}

Task<std::uint64_t> add_up_to(std::uint64_t n) {
  if (n == 0) co_return 0;
  co_return n + co_await add_up_to(n - 1);
}

Task<std::uint64_t> one() { co_return 1; }

TEST_CASE("a task is lazy: one that nobody awaits does not run") {
  bool ran = false;
  const auto body = [&]() -> Task<> {
    ran = true;
    co_return;
  };
  { const Task<> never_awaited = body(); }
  CHECK(!ran);
}

TEST_CASE("a hundred thousand tasks in a chain or in a row use no stack") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    const std::uint64_t chained = co_await add_up_to(100'000);
    CHECK(chained == 5'000'050'000ULL);
    std::uint64_t in_a_row = 0;
    for (int i = 0; i < 100'000; ++i) in_a_row += co_await one();
    CHECK(in_a_row == 100'000);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("a sibling runs at once to its first wait, can be joined, and started again") {
  Reactor reactor;
  std::string order;
  const auto body = [&]() -> Task<> {
    const auto work = [&](const char* name) -> Task<> {
      order += name;
      co_await next_turn(reactor);
      order += '.';
    };
    Sibling sibling;
    co_await sibling.join();  // none runs: at once
    sibling.start(work("a"));
    CHECK(order == "a");
    CHECK(sibling.running());
    co_await sibling.join();
    CHECK(!sibling.running());
    CHECK(order == "a.");
    sibling.start(work("b"));
    co_await next_turn(reactor);
    co_await next_turn(reactor);
    CHECK(!sibling.running());
    co_await sibling.join();  // has ended already: at once
    CHECK(order == "a.b.");
  };
  run_until_ended(reactor, body());
}

#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
TEST_CASE("a frame that was given back is used for the next one of its size class") {
  void* const first = frame_allocate(300);
  frame_free(first, 300);
  void* const again = frame_allocate(310);
  CHECK(again == first);
  void* const other = frame_allocate(310);
  CHECK(other != again);
  frame_free(other, 310);
  frame_free(again, 310);
}
#endif

TEST_CASE("frames of every size can be written to their last byte") {
  std::vector<std::pair<void*, std::size_t>> frames;
  for (std::size_t bytes = 1; bytes < 20'000; bytes = bytes * 3 / 2 + 1) {
    frames.emplace_back(frame_allocate(bytes), bytes);
    std::memset(frames.back().first, 0x5a, bytes);
  }
  for (const auto& [frame, bytes] : frames) frame_free(frame, bytes);
  CHECK(frames.size() > 10);
}

}  // namespace
}  // namespace evener::net
