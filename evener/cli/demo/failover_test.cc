#include "evener/cli/demo/failover.h"

#include <doctest/doctest.h>

namespace evener::cli::demo {
namespace {

using namespace std::chrono_literals;
using Act = Failover::Act;

constexpr Timetable Times{.live = 10s, .hang_at = 3s, .revive_at = 6500ms, .compare = 5s};

TEST_CASE("an engine hangs, dies when it has let out what it had begun, and comes back") {
  Failover failover("b", Times);
  CHECK(failover.next({.at = 2900ms, .computing = true}) == Act::None);
  CHECK(failover.next({.at = 3000ms, .computing = true, .held = 4}) == Act::Hang);
  CHECK(failover.next({.at = 3250ms, .computing = true, .held = 6}) == Act::None);
  CHECK(failover.next({.at = 3500ms, .held = 6}) == Act::None);
  CHECK(failover.next({.at = 3750ms, .held = 7}) == Act::Kill);
  CHECK(failover.next({.at = 4000ms, .usable = false}) == Act::None);
  CHECK(failover.next({.at = 6500ms, .usable = false}) == Act::Revive);
  failover.revived();
  CHECK(failover.next({.at = 6750ms, .usable = false}) == Act::None);
  CHECK(failover.next({.at = 7000ms, .usable = true}) == Act::None);
  CHECK(failover.back());
  CHECK(failover.held() == 7);
  CHECK(failover.away() == Duration(3250ms));
  REQUIRE(failover.story().size() == 5);
  CHECK(failover.story()[1] == " 3.8 s  b is killed; the 7 requests it held go to other engines");
}

TEST_CASE("an engine that never comes to the end of its answers is not killed, because that would cut them") {
  Failover failover("b", Times);
  CHECK(failover.next({.at = 3s, .computing = true}) == Act::Hang);
  for (Duration at = 3250ms; at < 12s; at += 250ms) { CHECK(failover.next({.at = at, .computing = true}) == Act::None); }
  CHECK_FALSE(failover.killed());
  CHECK_FALSE(failover.away());
}

TEST_CASE("one look at an idle engine is not enough: it may begin to compute again what had still been queued") {
  Failover failover("b", Times);
  CHECK(failover.next({.at = 3s}) == Act::Hang);
  CHECK(failover.next({.at = 3250ms, .computing = false}) == Act::None);
  CHECK(failover.next({.at = 3500ms, .computing = true}) == Act::None);
  CHECK(failover.next({.at = 3750ms, .computing = false}) == Act::None);
  CHECK(failover.next({.at = 4000ms, .computing = false}) == Act::Kill);
}

TEST_CASE("while the engine's port is in use it is asked for again") {
  Failover failover("b", Times);
  for (const Duration at : {3000ms, 3250ms, 3500ms}) (void)failover.next({.at = at});
  REQUIRE(failover.killed());
  CHECK(failover.next({.at = 7s, .usable = false}) == Act::Revive);
  CHECK(failover.next({.at = 7250ms, .usable = false}) == Act::Revive);
  CHECK(failover.next({.at = 7500ms, .usable = true}) == Act::Revive);
  CHECK_FALSE(failover.back());
  failover.revived();
  CHECK(failover.next({.at = 7750ms, .usable = true}) == Act::None);
  CHECK(failover.back());
}

TEST_CASE("an engine that died late stays away for long enough to be missed") {
  Failover failover("b", Times);
  CHECK(failover.next({.at = 3s}) == Act::Hang);
  CHECK(failover.next({.at = 6250ms}) == Act::None);
  CHECK(failover.next({.at = 6500ms}) == Act::Kill);
  CHECK(failover.next({.at = 7750ms, .usable = false}) == Act::None);
  CHECK(failover.next({.at = 8000ms, .usable = false}) == Act::Revive);
}

}  // namespace
}  // namespace evener::cli::demo
