#include "evener/net/timer_wheel.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "tests/for_each_seed.h"

namespace evener::net {
namespace {

using namespace std::chrono_literals;

constexpr Instant Start(1'000'003'777us);  // between two ticks

/// What the wheel asks of its users: a deadline, and hanging in again when asked too early.
class Timer final : public TimerNode {
 public:
  explicit Timer(TimerWheel& wheel) : wheel_(wheel) {}

  void set(Instant deadline) {
    deadline_ = deadline;
    fired.reset();
    wheel_.arm(*this, deadline);
  }
  void drop() { unlink(); }
  [[nodiscard]] Instant deadline() const { return deadline_; }

  std::optional<Instant> fired;
  int asked = 0;

 private:
  void expire(Instant now) override {
    ++asked;
    if (now < deadline_) {
      wheel_.arm(*this, deadline_);
    } else {
      fired = now;
    }
  }

  TimerWheel& wheel_;
  Instant deadline_{};
};

/// Sleeps as the wheel advises until the timer fires or the instant is reached.
Instant run_until(TimerWheel& wheel, Instant now, Instant end) {
  while (now < end) {
    now = std::min(end, now + wheel.until_next(now));
    wheel.advance(now);
  }
  return now;
}

TEST_CASE("a timer fires within one tick of its deadline and never before it") {
  for (const Duration after : {0ns, 1ns, Duration(1ms), Duration(9999us), Duration(10ms), Duration(1s), Duration(39s)}) {
    CAPTURE(after.count());
    TimerWheel wheel(Start);
    Timer timer(wheel);
    timer.set(Start + after);
    run_until(wheel, Start, Start + after + TimerWheel::Tick);
    REQUIRE(timer.fired.has_value());
    CHECK(*timer.fired >= Start + after);
    CHECK(*timer.fired <= Start + after + TimerWheel::Tick);
    CHECK(!timer.hangs());
  }
}

TEST_CASE("a deadline beyond the wheel's 40 s horizon is kept as exactly as a near one") {
  for (const Duration after : {Duration(40s), Duration(40960ms), Duration(41s), Duration(81920ms), Duration(1h)}) {
    CAPTURE(after.count());
    TimerWheel wheel(Start);
    Timer timer(wheel);
    timer.set(Start + after);
    run_until(wheel, Start, Start + after - 1ns);
    CHECK(!timer.fired);
    run_until(wheel, Start + after - 1ns, Start + after + TimerWheel::Tick);
    CHECK(timer.fired.has_value());
  }
}

TEST_CASE("a deadline that has passed fires with the next tick") {
  TimerWheel wheel(Start);
  Timer timer(wheel);
  timer.set(Start - 5s);
  wheel.advance(Start);
  CHECK(!timer.fired);
  wheel.advance(Start + TimerWheel::Tick);
  CHECK(timer.fired.has_value());
}

TEST_CASE("moving a deadline later leaves the timer where it hangs, and its owner is asked once and hangs it in again") {
  TimerWheel wheel(Start);
  Timer timer(wheel);
  timer.set(Start + 20ms);
  for (int i = 0; i < 1000; ++i) timer.set(Start + 20ms + i * 1ms);
  run_until(wheel, Start, Start + 2s);
  REQUIRE(timer.fired.has_value());
  CHECK(*timer.fired >= Start + 1019ms);
  CHECK(timer.asked == 2);
}

TEST_CASE("moving a deadline earlier brings the timer forward") {
  TimerWheel wheel(Start);
  Timer timer(wheel);
  timer.set(Start + 30s);
  timer.set(Start + 50ms);
  run_until(wheel, Start, Start + 60ms);
  CHECK(timer.fired.has_value());
}

TEST_CASE("a timer that was taken out or destroyed is never asked") {
  TimerWheel wheel(Start);
  Timer taken_out(wheel);
  taken_out.set(Start + 20ms);
  {
    Timer destroyed(wheel);
    destroyed.set(Start + 20ms);
  }
  taken_out.drop();
  CHECK(!taken_out.hangs());
  run_until(wheel, Start, Start + 1s);
  CHECK(taken_out.asked == 0);
}

TEST_CASE("a wheel that goes before its timers leaves them hanging nowhere") {
  auto wheel = std::make_unique<TimerWheel>(Start);
  Timer timer(*wheel);
  timer.set(Start + 20ms);
  wheel.reset();
  CHECK(!timer.hangs());
}

TEST_CASE("after a pause of hours every timer that is due fires in one advance, and no other") {
  TimerWheel wheel(Start);
  Timer near(wheel);
  Timer far(wheel);
  Timer later(wheel);
  near.set(Start + 15ms);
  far.set(Start + 90min);
  later.set(Start + 3h);
  wheel.advance(Start + 2h);
  CHECK(near.fired.has_value());
  CHECK(far.fired.has_value());
  CHECK(!later.fired);
  run_until(wheel, Start + 2h, Start + 3h + TimerWheel::Tick);
  CHECK(later.fired.has_value());
}

TEST_CASE("an idle wheel advises to sleep for one second at most") {
  TimerWheel wheel(Start);
  CHECK(wheel.until_next(Start) <= 1s);
  CHECK(wheel.until_next(Start) > 980ms);
  Timer timer(wheel);
  timer.set(Start + 30s);
  CHECK(wheel.until_next(Start) > 980ms);
  CHECK(wheel.until_next(Start + 5s) == 0s);  // too late already: advance now
}

TEST_CASE("whatever is armed, moved and dropped, the wheel agrees with a list of deadlines") {
  for_each_seed(300, [](Rng& rng) {
    Instant now = Start + Duration(static_cast<std::int64_t>(rng.below(100'000'000'000)));
    TimerWheel wheel(now);
    std::array<std::unique_ptr<Timer>, 24> timers;
    std::array<Instant, 24> armed_at{};
    for (auto& timer : timers) timer = std::make_unique<Timer>(wheel);

    for (int step = 0; step < 300; ++step) {
      const auto some = static_cast<std::size_t>(rng.below(timers.size()));
      constexpr std::array<std::int64_t, 5> reaches_ms = {5, 50, 1000, 45'000, 200'000};
      const auto reach_ns = static_cast<std::uint64_t>(reaches_ms[rng.below(reaches_ms.size())]) * 1'000'000;
      if (rng.below(4) != 0) {
        timers[some]->set(now + Duration(static_cast<std::int64_t>(rng.below(reach_ns))) - 3ms);
        armed_at[some] = now;
      } else {
        timers[some]->drop();
      }
      // Mostly as the wheel advises, sometimes sooner, sometimes after a pause.
      const Duration advised = wheel.until_next(now);
      CHECK(advised >= 0s);
      CHECK(advised <= 1s);
      Instant then = now + advised;
      const bool on_time = rng.below(5) != 0;
      if (!on_time) then = now + Duration(static_cast<std::int64_t>(rng.below(reach_ns)));
      wheel.advance(then);
      for (std::size_t i = 0; i < timers.size(); ++i) {
        const Timer& timer = *timers[i];
        if (timer.fired == then) {
          CHECK(timer.deadline() <= then);
          if (on_time) CHECK(then - std::max(timer.deadline(), armed_at[i]) <= TimerWheel::Tick);
        }
        if (timer.hangs()) CHECK(then - std::max(timer.deadline(), armed_at[i]) < TimerWheel::Tick);
      }
      now = then;
    }
  });
}

}  // namespace
}  // namespace evener::net
