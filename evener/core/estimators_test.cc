#include "evener/core/estimators.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/for_each_seed.h"

using namespace evener;
using namespace std::chrono_literals;

namespace {
constexpr Duration Tau = 10s;
Instant at(Duration since_start) { return Instant{} + since_start; }
}  // namespace

TEST_CASE("decay keeps all at once, a third after tau, nothing after long, and ignores time that runs backwards") {
  CHECK(decay(0s, Tau) == 1.0);
  CHECK(decay(Tau, Tau) == doctest::Approx(0.3679).epsilon(0.001));
  CHECK(decay(1000s, Tau) < 1e-30);
  CHECK(decay(-5s, Tau) == 1.0);
}

TEST_CASE("the decaying mean believes its first sample in full") {
  DecayingMean mean(Tau);
  CHECK(mean.empty());
  mean.add(7.0, at(100s));
  CHECK_FALSE(mean.empty());
  CHECK(mean.value() == 7.0);
}

TEST_CASE("samples in one instant average plainly") {
  DecayingMean mean(Tau);
  for (double sample : {1.0, 2.0, 3.0, 6.0}) mean.add(sample, at(1s));
  CHECK(mean.value() == doctest::Approx(3.0));
}

TEST_CASE("old samples lose their say with time") {
  DecayingMean mean(Tau);
  mean.add(0.0, at(0s));
  mean.add(10.0, at(10s));  // the old one weighs 0.368
  CHECK(mean.value() == doctest::Approx(10.0 / 1.3679).epsilon(0.001));
  mean.add(20.0, at(1000s));
  CHECK(mean.value() == doctest::Approx(20.0));
}

TEST_CASE("the decaying mean stays between the least and the greatest sample") {
  for_each_seed(200, [](Rng& rng) {
    DecayingMean mean(Tau);
    double low = 1e9, high = 0;
    Duration now = 0s;
    for (int i = 0; i < 50; ++i) {
      const double sample = rng.exponential(5.0);
      low = std::min(low, sample);
      high = std::max(high, sample);
      now += from_seconds(rng.exponential(2.0));
      mean.add(sample, at(now));
      REQUIRE(mean.value() >= low - 1e-9);
      REQUIRE(mean.value() <= high + 1e-9);
    }
  });
}

TEST_CASE("peak EWMA rises at once and falls only with time") {
  PeakEwma latency;
  latency.add(0.1, at(0s), Tau);
  latency.add(2.0, at(1s), Tau);
  CHECK(latency.value == 2.0);
  latency.add(0.1, at(1s), Tau);
  CHECK(latency.value == 2.0);  // no time has passed
  latency.add(0.1, at(11s), Tau);
  CHECK(latency.value == doctest::Approx(0.1 + 1.9 * 0.3679).epsilon(0.001));
}

TEST_CASE("the same sample fed twice in one instant changes nothing") {
  PeakEwma once, twice;
  for (double sample : {0.5, 0.2}) {
    once.add(sample, at(3s), Tau);
    twice.add(sample, at(3s), Tau);
    twice.add(sample, at(3s), Tau);
  }
  CHECK(once.value == twice.value);
}

TEST_CASE("an estimate without news drifts to the prior, from above and from below") {
  PeakEwma slow, fast, none;
  slow.add(4.0, at(0s), Tau);
  fast.add(0.01, at(0s), Tau);
  CHECK(slow.at_time(at(0s), Tau, 0.5) == 4.0);
  CHECK(slow.at_time(at(200s), Tau, 0.5) == doctest::Approx(0.5));
  CHECK(fast.at_time(at(200s), Tau, 0.5) == doctest::Approx(0.5));
  CHECK(none.at_time(at(200s), Tau, 0.5) == 0.5);
}
