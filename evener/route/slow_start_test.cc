#include "evener/route/slow_start.h"

#include <doctest/doctest.h>

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {
Instant at(Duration since_start) { return Instant{} + since_start; }
}  // namespace

TEST_CASE("the ramp begins at 10 %, is at half its length at 50 %, and ends at 100 %") {
  CHECK(slow_start_at(at(5s), 10s, at(5s)).share == 0.1);
  CHECK(slow_start_at(at(5s), 10s, at(10s)).share == doctest::Approx(0.5));
  CHECK(slow_start_at(at(5s), 10s, at(14900ms)).share == doctest::Approx(0.99));
  const SlowStartAt end = slow_start_at(at(5s), 10s, at(15s));
  CHECK(end.share == 1.0);
  CHECK(end.over);
}

TEST_CASE("the share never falls") {
  double before = 0;
  for (Duration since = 0ms; since <= 12s; since += 37ms) {
    const double share = slow_start_at(at(0s), 11s, at(since)).share;
    CHECK(share >= before);
    before = share;
  }
  CHECK(before == 1.0);
}

TEST_CASE("the share changes at the announced instant and not before") {
  const SlowStartAt now = slow_start_at(at(0s), 10s, at(3210ms));
  CHECK(now.next == at(3300ms));
  CHECK(slow_start_at(at(0s), 10s, now.next - 1ns).share == now.share);
  CHECK(slow_start_at(at(0s), 10s, now.next).share > now.share);
}

TEST_CASE("a ramp shorter than a step ends on time, and one of length 0 is over at once") {
  CHECK(slow_start_at(at(0s), 30ms, at(1ms)).next == at(30ms));
  CHECK(slow_start_at(at(0s), 0s, at(0s)).over);
}
