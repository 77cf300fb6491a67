#include "evener/route/rate_window.h"

#include <doctest/doctest.h>

#include "tests/for_each_seed.h"

namespace evener::route {
namespace {

using namespace std::chrono_literals;
const Instant T0 = Instant() + 1h;

}  // namespace

TEST_CASE("what nobody limits is not limited") {
  RateWindow window;
  window.take(1e9, T0);
  CHECK(window.allows(1e9, T0));
  CHECK(window.allows_at(1e9, T0) == T0);
  CHECK_FALSE(window.available(T0));
}

TEST_CASE("a limit of one's own comes back evenly") {
  RateWindow window;
  window.limit_to(60, 1min, T0);
  for (int i = 0; i < 60; ++i) {
    REQUIRE(window.allows(1, T0));
    window.take(1, T0);
  }
  CHECK_FALSE(window.allows(1, T0));
  CHECK_FALSE(window.allows(1, T0 + 900ms));
  const Instant at = window.allows_at(1, T0);
  CHECK(at - T0 > 999ms);
  CHECK(at - T0 < 1010ms);
  CHECK(window.allows(1, at));
  CHECK(window.available(T0 + 1h) == 60);
}

TEST_CASE("a changed limit forgets nothing of what was used") {
  RateWindow window;
  window.limit_to(10, 1min, T0);
  window.take(8, T0);
  window.limit_to(20, 1min, T0);
  CHECK(window.available(T0) == 12);
  window.limit_to(5, 1min, T0);
  CHECK_FALSE(window.allows(1, T0));
  window.limit_to(0, 1min, T0);
  CHECK(window.allows(1000, T0));
}

TEST_CASE("what was told counts from there: a bucket fills evenly, a window ends at once") {
  RateWindow bucket, window;
  bucket.told({.limit = 100, .remaining = 40, .reset = 60s, .window = {}, .gradual = true}, 0, T0);
  window.told({.limit = 100, .remaining = 40, .reset = 60s, .window = {}, .gradual = false}, 0, T0);
  CHECK(bucket.available(T0 + 30s) == 70);
  CHECK(window.available(T0 + 30s) == 40);
  CHECK(bucket.available(T0 + 60s) == 100);
  CHECK(window.available(T0 + 60s) == 100);
  CHECK(window.allows_at(50, T0) == T0 + 60s);
  CHECK(bucket.allows_at(70, T0) <= T0 + 30s + 2ms);
}

TEST_CASE("a window that nobody speaks of again still begins anew, with its limit each time") {
  RateWindow window;
  window.told({.limit = 10, .remaining = 0, .reset = 5s, .window = 60s}, 0, T0);
  CHECK_FALSE(window.allows(1, T0 + 4s));
  window.take(10, T0 + 5s);
  CHECK_FALSE(window.allows(1, T0 + 64s));
  CHECK(window.allows_at(1, T0 + 6s) == T0 + 65s);
  CHECK(window.available(T0 + 65s) == 10);
}

TEST_CASE("of a window of which only the remainder is known, nothing is known once it has ended") {
  RateWindow window;
  window.told({.limit = {}, .remaining = 0, .reset = 5s, .window = {}}, 0, T0);
  CHECK_FALSE(window.allows(1, T0));
  CHECK(window.allows_at(1, T0) == T0 + 5s);
  CHECK(window.allows(1, T0 + 5s));
}

TEST_CASE("a request larger than the whole limit goes when all of it is there") {
  RateWindow window;
  window.limit_to(100, 1min, T0);
  CHECK(window.allows(5000, T0));
  window.take(5000, T0);
  CHECK_FALSE(window.allows(1, T0 + 48min));
  CHECK(window.allows(5000, window.allows_at(5000, T0)));
}

TEST_CASE("it allows at the time it names, and not a hundredth of a second earlier") {
  for_each_seed(500, [](Rng& rng) {
    RateWindow window;
    const double limit = 1 + static_cast<double>(rng.below(1'000'000));
    window.told({.limit = limit,
                 .remaining = rng.uniform() * limit,
                 .reset = from_seconds(rng.uniform() * 100),
                 .window = {},
                 .gradual = rng.below(2) == 0},
                0, T0);
    const double amount = 1 + rng.uniform() * limit;
    window.take(rng.uniform() * limit, T0);
    const Instant at = window.allows_at(amount, T0);
    CHECK(window.allows(amount, at));
    if (at > T0 + 20ms) CHECK_FALSE(window.allows(amount, at - 10ms - from_seconds(2e-6)));
  });
}

}  // namespace evener::route
