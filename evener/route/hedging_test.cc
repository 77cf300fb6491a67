#include "evener/route/hedging.h"

#include <doctest/doctest.h>

#include "tests/for_each_seed.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

Hedging learned_of(HedgingSettings settings, int fast, Duration fast_latency, int slow = 0, Duration slow_latency = {}) {
  settings.enabled = true;
  Hedging hedging;
  hedging.configure(settings);
  for (int i = 0; i < fast; ++i) hedging.first_token(fast_latency);
  for (int i = 0; i < slow; ++i) hedging.first_token(slow_latency);
  return hedging;
}

}  // namespace

TEST_CASE("nothing is late before enough first tokens came, nor where hedging is off") {
  CHECK_FALSE(learned_of({}, 19, 100ms).delay());
  CHECK(learned_of({}, 20, 100ms).delay());
  Hedging off;
  for (int i = 0; i < 100; ++i) off.first_token(100ms);
  off.sent(1e6);
  CHECK_FALSE(off.delay());
  CHECK_FALSE(off.allowed());
}

TEST_CASE("late is what takes longer than the quantile, to a tenth") {
  Hedging hedging = learned_of({.quantile = 0.95}, 96, 200ms, 4, 5s);
  CHECK(*hedging.delay() >= 200ms);
  CHECK(*hedging.delay() <= 220ms);
  hedging = learned_of({.quantile = 0.95}, 90, 200ms, 10, 5s);
  CHECK(*hedging.delay() >= 5s);
  CHECK(*hedging.delay() <= 5500ms);
}

TEST_CASE("the delay keeps its bounds, whatever was learned") {
  CHECK(*learned_of({.delay_min = 50ms}, 100, 1ms).delay() == 50ms);
  CHECK(*learned_of({.delay_max = 10s}, 100, 1h).delay() == 10s);
  CHECK(*learned_of({.delay_min = 20s, .delay_max = 10s}, 100, 1s).delay() == 20s);
  CHECK(*learned_of({}, 100, -1s).delay() == 50ms);
}

TEST_CASE("a pool that became faster is learned anew within some thousand answers") {
  Hedging hedging = learned_of({}, 5000, 3s);
  CHECK(*hedging.delay() >= 3s);
  for (int i = 0; i < 5000; ++i) hedging.first_token(100ms);
  CHECK(*hedging.delay() <= 110ms);
}

TEST_CASE("an attempt that was given up late counts as late, one that was given up early as nothing") {
  Hedging hedging = learned_of({}, 100, 200ms);
  const Duration before = *hedging.delay();
  for (int i = 0; i < 50; ++i) hedging.gave_up(before - 100ms);
  CHECK(*hedging.delay() == before);
  for (int i = 0; i < 50; ++i) hedging.gave_up(2s);
  CHECK(*hedging.delay() >= 2s);
}

TEST_CASE("what is hedged stays within the budget and one hedge, whatever comes in what order") {
  for_each_seed(200, [](Rng& rng) {
    Hedging hedging;
    const double share = 0.01 + rng.uniform() * 0.3;
    hedging.configure({.enabled = true, .budget_share = share});
    double sent = 0, hedged = 0, largest = 0;
    for (int i = 0; i < 2000; ++i) {
      const double tokens = 1 + static_cast<double>(rng.below(20'000));
      if (rng.below(2) == 0) {
        hedging.sent(tokens);
        sent += tokens;
      } else if (hedging.allowed()) {
        hedging.hedged(tokens);
        const double back = rng.below(2) == 0 ? tokens / 2 : 0;
        hedging.refund(back);
        hedged += tokens - back;
        largest = std::max(largest, tokens);
      }
      REQUIRE(hedged <= share * sent + largest + 1e-6);
    }
  });
}

TEST_CASE("a long quiet time saves up a bounded budget") {
  Hedging hedging;
  hedging.configure({.enabled = true, .budget_share = 1});
  hedging.sent(1e12);
  hedging.hedged(Hedging::CreditTokensMax);
  CHECK_FALSE(hedging.allowed());
}
