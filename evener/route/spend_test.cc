#include "evener/route/spend.h"

#include <doctest/doctest.h>

#include <deque>
#include <utility>
#include <vector>

#include "tests/for_each_seed.h"

namespace evener::route {
namespace {

using namespace std::chrono_literals;
const Instant T0 = Instant() + 1000h;

SpendBook book_of(const SpendSettings& settings) {
  SpendBook book;
  book.configure(settings, T0);
  return book;
}

}  // namespace

TEST_CASE("prices are whole billionths, rounded up") {
  CHECK(price_of(1'000'000, 0.15) == 150'000'000);
  CHECK(price_of(1, 0.0375) == 38);
  CHECK(price_of(0, 5) == 0);
  CHECK(nanos(0.000001) == 1000);
  CHECK(price_of(1e300, 1e6) > 0);
}

TEST_CASE("reserved and spent together never pass the limit") {
  SpendBook book = book_of({.limit = 100});
  CHECK(book.allows(100, T0));
  CHECK_FALSE(book.allows(101, T0));
  book.reserve(60);
  CHECK_FALSE(book.allows(41, T0));
  book.settle(60, 10, T0);
  CHECK(book.allows(90, T0));
  CHECK(book.spent(T0) == 10);
  CHECK(book.reserved() == 0);
}

TEST_CASE("in a sliding period money comes back when it has been spent for that long, and not before") {
  SpendBook book = book_of({.limit = 100, .per = 64min});
  book.reserve(100);
  book.settle(100, 100, T0);
  CHECK_FALSE(book.allows(1, T0 + 63min + 59s));
  const auto at = book.allows_at(1, T0);
  REQUIRE(at);
  CHECK(*at >= T0 + 64min);
  CHECK(*at <= T0 + 65min);
  CHECK(book.allows(100, *at));
}

TEST_CASE("a calendar period begins anew at its boundary") {
  SpendBook book = book_of({.limit = 100, .per = 24h, .aligned = true, .phase = T0 - 23h});
  book.reserve(100);
  book.settle(100, 100, T0);
  CHECK(book.allows_at(50, T0) == T0 + 1h);
  CHECK_FALSE(book.allows(1, T0 + 59min));
  CHECK(book.allows(100, T0 + 1h));
  CHECK(book.total() == 100);
}

TEST_CASE("what costs more than the limit can never be afforded, and what reservations hold up may be at any moment") {
  SpendBook book = book_of({.limit = 100});
  CHECK_FALSE(book.allows_at(101, T0));
  book.reserve(50);
  CHECK_FALSE(book.allows(60, T0));
  CHECK(book.allows_at(60, T0) == T0);
}

TEST_CASE("a changed limit or period forgets nothing of what was spent") {
  SpendBook book = book_of({.limit = 100, .per = 24h});
  book.reserve(80);
  book.settle(80, 80, T0);
  book.configure({.limit = 200, .per = 24h}, T0 + 1h);
  CHECK(book.spent(T0 + 1h) == 80);
  book.configure({.limit = 200, .per = 1h, .aligned = true}, T0 + 1h);
  CHECK(book.spent(T0 + 1h) == 80);
  CHECK_FALSE(book.allows(121, T0 + 1h));
  book.configure({}, T0 + 1h);
  CHECK(book.allows(1'000'000, T0 + 1h));
}

TEST_CASE("no stretch of the period's length ever costs more than the limit, when reservations hold") {
  for_each_seed(300, [](Rng& rng) {
    constexpr NanoMoney Limit = 1000;
    const Duration per = std::chrono::seconds(64 + rng.below(1000));
    SpendBook book = book_of({.limit = Limit, .per = per});
    std::deque<std::pair<Instant, NanoMoney>> paid;
    std::vector<NanoMoney> open;
    Instant now = T0;
    for (int i = 0; i < 400; ++i) {
      now += from_seconds(rng.uniform() * seconds(per) / 20);
      const auto amount = static_cast<NanoMoney>(rng.below(200));
      if (book.allows(amount, now)) {
        book.reserve(amount);
        open.push_back(amount);
      } else if (const auto at = book.allows_at(amount, now); at && book.reserved() == 0) {
        CHECK(book.allows(amount, *at));
      }
      if (!open.empty() && rng.below(2) == 0) {
        const auto actual = static_cast<NanoMoney>(rng.below(static_cast<std::uint64_t>(open.back()) + 1));
        book.settle(open.back(), actual, now);
        open.pop_back();
        paid.emplace_back(now, actual);
      }
      while (!paid.empty() && paid.front().first <= now - per) paid.pop_front();
      NanoMoney within = 0;
      for (const auto& one : paid) within += one.second;
      CHECK(within <= Limit);
      CHECK(book.spent(now) >= within);
    }
  });
}

}  // namespace evener::route
