#include "evener/route/active_checks.h"

#include <doctest/doctest.h>

#include <string>

using namespace evener::route;

namespace {

/// '+' a passed check, '-' a failed one; returns whether it is down after each: 'd' or 'u'.
std::string after(ActiveChecks checks, const std::string& results, const CheckSettings& settings = {.rise = 2, .fall = 3}) {
  std::string states;
  for (char result : results) {
    checks.checked(result == '+' ? Scheduler::Check::Passed : Scheduler::Check::Failed, settings);
    states += checks.down() ? 'd' : 'u';
  }
  return states;
}

}  // namespace

TEST_CASE("three failures in a row take an endpoint down, not two, and not three with a success among them") {
  CHECK(after(ActiveChecks(), "---") == "uud");
  CHECK(after(ActiveChecks(), "--+--") == "uuuuu");
}

TEST_CASE("two successes in a row bring it back, not one, and not two with a failure between them") {
  CHECK(after(ActiveChecks(), "---++") == "uuddu");
  CHECK(after(ActiveChecks(), "---+-+") == "uudddd");
}

TEST_CASE("an endpoint that awaits its first good check is down until then, and one is enough") {
  CHECK(after(ActiveChecks(Scheduler::Start::AwaitCheck), "--+") == "ddu");
}

TEST_CASE("after its first good check an endpoint needs the full rise like any other") {
  CHECK(after(ActiveChecks(Scheduler::Start::AwaitCheck), "+---+") == "uuudd");
}

TEST_CASE("an endpoint awaits until its first good check, however many bad ones come before") {
  ActiveChecks checks(Scheduler::Start::AwaitCheck);
  CHECK(checks.awaiting());
  CHECK_FALSE(checks.last().has_value());
  checks.checked(Scheduler::Check::Failed, {});
  CHECK(checks.awaiting());
  CHECK(*checks.last() == false);
  checks.checked(Scheduler::Check::Passed, {});
  CHECK_FALSE(checks.awaiting());
}

TEST_CASE("rise and fall of 0 mean 1") {
  CHECK(after(ActiveChecks(), "-+", {.rise = 0, .fall = 0}) == "du");
}

TEST_CASE("a change is told exactly when it happens") {
  ActiveChecks checks;
  const CheckSettings once{.rise = 1, .fall = 1};
  CHECK(checks.checked(Scheduler::Check::Passed, once) == ActiveChecks::Change::None);
  CHECK(checks.checked(Scheduler::Check::Failed, once) == ActiveChecks::Change::WentDown);
  CHECK(checks.checked(Scheduler::Check::Failed, once) == ActiveChecks::Change::None);
  CHECK(checks.checked(Scheduler::Check::Passed, once) == ActiveChecks::Change::CameUp);
}

TEST_CASE("an endpoint whose checks are switched off is up and as if it had never been checked") {
  const CheckSettings settings{.rise = 2, .fall = 3};
  for (ActiveChecks checks : {ActiveChecks(), ActiveChecks(Scheduler::Start::AwaitCheck)}) {
    for (int i = 0; i < 5; ++i) checks.checked(Scheduler::Check::Failed, settings);
    REQUIRE(checks.down());
    CHECK(checks.switched_off() == ActiveChecks::Change::CameUp);
    CHECK_FALSE(checks.down());
    CHECK_FALSE(checks.awaiting());
    CHECK_FALSE(checks.last().has_value());
    CHECK(checks.switched_off() == ActiveChecks::Change::None);
    CHECK(after(checks, "---") == "uud");
  }
}
