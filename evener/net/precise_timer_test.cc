#include "evener/net/precise_timer.h"

#include <doctest/doctest.h>

#include <vector>

namespace evener::net {
namespace {

using namespace std::chrono_literals;

Task<> wait_in_turn(Reactor& reactor, std::vector<Instant> wanted, std::vector<Duration>& late, bool& last) {
  PreciseTimer timer(reactor);
  for (const Instant at : wanted) {
    last = co_await timer.wait_until(at);
    late.push_back(monotonic_now() - at);
  }
  reactor.stop();
}

TEST_CASE("a precise timer is never early, also for instants that have passed") {
  Reactor reactor;
  const Instant now = monotonic_now();
  std::vector<Duration> late;
  bool last = false;
  reactor.spawn(wait_in_turn(reactor, {now - 1s, now + 2ms, now + 3ms, now + 3ms, now}, late, last));
  reactor.run();
  REQUIRE(late.size() == 5);
  for (const Duration by : late) CHECK(by >= 0ns);
  CHECK(last);
}

Task<> wait_for_ever(Reactor& reactor, bool& result) {
  PreciseTimer timer(reactor);
  result = co_await timer.wait_until(Instant(Duration::max()));
}

TEST_CASE("a reactor that stops ends a precise wait with false") {
  Reactor reactor;
  bool result = true;
  reactor.spawn(wait_for_ever(reactor, result));
  reactor.stop();
  reactor.run();
  CHECK(!result);
}

}  // namespace
}  // namespace evener::net
