#include "evener/route/rate_limit_book.h"

#include <doctest/doctest.h>

#include <optional>
#include <utility>
#include <vector>

#include "tests/for_each_seed.h"

namespace evener::route {
namespace {

using namespace std::chrono_literals;
const Instant T0 = Instant() + 1h;
constexpr RateCost Small{.input_tokens = 60, .output_tokens = 40};

RateAllowance remains(std::optional<double> requests, std::optional<double> tokens) {
  RateAllowance allowance;
  allowance.of(RateOf::Requests) = {.limit = 1000, .remaining = requests, .reset = 60s, .window = {}};
  allowance.of(RateOf::Tokens) = {.limit = 100'000, .remaining = tokens, .reset = 60s, .window = {}};
  return allowance;
}

}  // namespace

TEST_CASE("a burst between two answers stays within what the first of them said") {
  RateLimitBook book;
  book.told(book.sent(Small, T0), remains(3, 1000), T0);
  int sent = 0;
  while (book.allows(Small, T0)) {
    (void)book.sent(Small, T0);
    ++sent;
  }
  CHECK(sent == 3);
  CHECK(book.allows_at(Small, T0) == T0 + 60s);
}

TEST_CASE("tokens bind as requests do, by estimate") {
  RateLimitBook book;
  book.told(book.sent(Small, T0), remains(100, 250), T0);
  (void)book.sent(Small, T0);
  CHECK(book.allows(Small, T0));
  (void)book.sent(Small, T0);
  CHECK_FALSE(book.allows(Small, T0));
  CHECK(book.remaining(RateOf::Tokens, T0) == 50);
  CHECK(book.remaining(RateOf::Requests, T0) == 98);
  CHECK_FALSE(book.remaining(RateOf::OutputTokens, T0));
}

TEST_CASE("an answer counts what was sent after its request, and one to an earlier request is old news") {
  RateLimitBook book;
  const std::uint64_t first = book.sent(Small, T0), second = book.sent(Small, T0);
  (void)book.sent(Small, T0);
  book.told(second, remains(10, 10'000), T0);
  CHECK(book.remaining(RateOf::Requests, T0) == 9);
  book.told(first, remains(500, 50'000), T0);
  CHECK(book.remaining(RateOf::Requests, T0) == 9);
}

TEST_CASE("what a request really took is put right, once") {
  RateLimitBook book;
  book.configure({.requests_per_minute = 100, .tokens_per_minute = 1000}, T0);
  const std::uint64_t first = book.sent(Small, T0);
  book.told(first, remains(100, 900), T0);
  const std::uint64_t second = book.sent(Small, T0);
  book.took(second, Small, {.input_tokens = 60, .output_tokens = 140}, T0);  // 100 more than expected
  CHECK(book.remaining(RateOf::Tokens, T0) == 700);
  // The other side has counted the first one already as it counts; for the operator's own limit it is put right.
  book.took(first, Small, {.input_tokens = 10, .output_tokens = 10}, T0);
  CHECK(book.remaining(RateOf::Tokens, T0) == 700);
  book.configure({.requests_per_minute = 100, .tokens_per_minute = 0}, T0);
  CHECK(book.remaining(RateOf::Tokens, T0) == 700);
  CHECK(book.remaining(RateOf::Requests, T0) == 98);
}

TEST_CASE("what never arrived took nothing") {
  RateLimitBook book;
  book.configure({.requests_per_minute = 1, .tokens_per_minute = 0}, T0);
  const std::uint64_t number = book.sent(Small, T0);
  CHECK_FALSE(book.allows(Small, T0));
  book.undo(number, Small, T0);
  CHECK(book.allows(Small, T0));
}

TEST_CASE("what is remembered is bounded, and what was forgotten stays taken") {
  RateLimitBook book;
  book.told(book.sent(Small, T0), remains(10'000, {}), T0);
  const std::uint64_t early = book.sent(Small, T0);
  for (std::size_t i = 0; i < RateLimitBook::SentMax; ++i) (void)book.sent(Small, T0);
  CHECK(book.remaining(RateOf::Requests, T0) == 10'000 - 1 - static_cast<double>(RateLimitBook::SentMax));
  book.told(early, remains(7, {}), T0);
  CHECK(book.remaining(RateOf::Requests, T0) != 7);
}

TEST_CASE("a server that counts what it gets is never overrun, however answers and bursts mix") {
  for_each_seed(300, [](Rng& rng) {
    constexpr double Limit = 50;
    const Instant end = T0 + 60s;
    RateLimitBook book;
    double counted = 0;
    std::vector<std::pair<std::uint64_t, double>> under_way;  // its number, and what remained when it came in
    const auto send = [&](Instant now) {
      const std::uint64_t number = book.sent(Small, now);
      under_way.emplace_back(number, Limit - ++counted);
    };
    const auto answer = [&](std::size_t which, Instant now) {
      RateAllowance told;
      told.of(RateOf::Requests) = {.limit = Limit, .remaining = under_way[which].second, .reset = end - now, .window = 60s};
      book.told(under_way[which].first, told, now);
      under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(which));
    };
    send(T0);
    answer(0, T0);
    for (Instant now = T0; now < end; now += std::chrono::milliseconds(1 + rng.below(400))) {
      if (!under_way.empty() && rng.below(3) == 0) answer(rng.below(under_way.size()), now);
      for (std::uint64_t burst = rng.below(10); burst > 0 && book.allows(Small, now); --burst) send(now);
    }
    CHECK(counted <= Limit);
    CHECK(counted > Limit / 2);
  });
}

}  // namespace evener::route
