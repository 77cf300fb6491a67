#include "evener/core/limits.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/for_each_seed.h"

using namespace evener;

namespace {

/// A server whose latency is flat up to `knee` requests and grows in proportion beyond, under as many requests as the limit lets in.
double saturate(GradientLimit& limit, double knee, int samples, Rng& rng, double offered = 1e9, double unit = 0.01) {
  for (int i = 0; i < samples; ++i) {
    const double in_flight = std::min(std::floor(limit.limit()), offered);
    const double latency = unit * std::max(1.0, in_flight / knee);
    limit.sample(0, latency * (0.5 + rng.exponential(0.5)), in_flight);
  }
  return limit.limit();
}

void warm_up(GradientLimit& limit, Rng& rng, double unit = 0.01) {
  for (int i = 0; i < 200; ++i) limit.sample(0, unit * (0.5 + rng.exponential(0.5)), 2);
}

}  // namespace

TEST_CASE("under pressure the limit settles where the server is as slow as it may be, from below and from above") {
  for_each_seed(20, [](Rng& rng) {
    for (const double first : {4.0, 16.0, 400.0}) {
      GradientLimit limit({.first = first, .slowdown_max = 2});
      warm_up(limit, rng);
      const double found = saturate(limit, 50, 20'000, rng);
      CHECK(found > 0.9 * 50);
      CHECK(found < 2.5 * 50);
    }
  });
}

TEST_CASE("an overload that never ends does not drag the limit upwards") {
  Rng rng(1);
  GradientLimit limit({.slowdown_max = 3});
  warm_up(limit, rng);
  const double early = saturate(limit, 20, 20'000, rng);
  CHECK(saturate(limit, 20, 400'000, rng) < 1.5 * early);
}

TEST_CASE("a server that becomes faster gets more, one that becomes slower gets less and is measured anew") {
  Rng rng(2);
  GradientLimit limit({.slowdown_max = 2});
  warm_up(limit, rng);
  const double before = saturate(limit, 20, 20'000, rng);
  const double more = saturate(limit, 80, 40'000, rng);
  CHECK(more > 1.5 * before);
  const double less = saturate(limit, 20, 40'000, rng);
  CHECK(less < 0.7 * more);
  // All latencies five times as long, whatever the load: first it looks like congestion.
  double lowest = limit.limit();
  for (int i = 0; i < 50; ++i) lowest = std::min(lowest, saturate(limit, 20, 20, rng, 1e9, 0.05));
  CHECK(lowest < 10);
  CHECK(saturate(limit, 20, 100'000, rng, 1e9, 0.05) > 15);
}

TEST_CASE("what is not used does not grow") {
  Rng rng(3);
  GradientLimit limit({.first = 16});
  warm_up(limit, rng);
  CHECK(saturate(limit, 1000, 10'000, rng, 10) == 16);
}

TEST_CASE("refusals shrink the limit once per round, down to the least") {
  GradientLimit limit({.least = 4, .first = 100});
  for (int i = 0; i < 99; ++i) limit.congested();
  CHECK(limit.limit() == 100);
  limit.congested();
  CHECK(limit.limit() == doctest::Approx(70));
  for (int i = 0; i < 10'000; ++i) limit.congested();
  CHECK(limit.limit() == 4);
}

TEST_CASE("the limit stays within its bounds, and the worse of two latencies counts") {
  Rng rng(4);
  GradientLimit limit({.least = 2, .most = 64, .first = 8});
  for (int i = 0; i < 100; ++i) limit.sample(0, 1, 1);
  for (int i = 0; i < 100; ++i) limit.sample(1, 1, 1);
  for (int i = 0; i < 20'000; ++i) limit.sample(0, 1, limit.limit());
  CHECK(limit.limit() == 64);
  for (int i = 0; i < 20; ++i) limit.sample(1, 8, 64);
  CHECK(limit.slowdown() > 4);
  for (int i = 0; i < 200; ++i) limit.sample(1, 8, limit.limit());
  CHECK(limit.limit() < 20);
}
