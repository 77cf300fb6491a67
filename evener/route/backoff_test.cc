#include "evener/route/backoff.h"

#include <doctest/doctest.h>

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {
Instant at(Duration since_start) { return Instant{} + since_start; }
}  // namespace

TEST_CASE("an endpoint is left alone for as long as it asks") {
  Backoff backoff;
  CHECK(backoff.refused(7s, 5, at(10s)));
  CHECK(*backoff.until() == at(17s));
  CHECK_FALSE(backoff.expire(at(16999ms)));
  CHECK(backoff.expire(at(17s)));
  CHECK_FALSE(backoff.until().has_value());
}

TEST_CASE("nobody is left alone for more than 60 s at a time") {
  Backoff backoff;
  CHECK(backoff.refused(24h, 5, at(0s)));
  CHECK(*backoff.until() == at(60s));
}

TEST_CASE("a shorter wish does not shorten a longer one") {
  Backoff backoff;
  CHECK(backoff.refused(10s, 5, at(0s)));
  CHECK_FALSE(backoff.refused(2s, 5, at(1s)));
  CHECK(*backoff.until() == at(10s));
  CHECK(backoff.refused(10s, 5, at(1s)));
  CHECK(*backoff.until() == at(11s));
}

TEST_CASE("five refusals in a row without a time count as a wish for one second, then two, then four, at most 60") {
  Backoff backoff;
  for (int i = 0; i < 4; ++i) CHECK_FALSE(backoff.refused(0s, 5, at(0s)));
  CHECK(backoff.refused(0s, 5, at(0s)));
  CHECK(*backoff.until() == at(1s));
  Instant now = at(1s);
  for (Duration expected : {2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    CHECK(backoff.expire(now));
    CHECK(backoff.refused(0s, 5, now));
    CHECK(*backoff.until() == now + expected);
    now = *backoff.until();
  }
}

TEST_CASE("answers to requests sent before the back-off do not lengthen it") {
  Backoff backoff;
  CHECK(backoff.refused(0s, 1, at(0s)));
  for (int i = 0; i < 100; ++i) CHECK_FALSE(backoff.refused(0s, 1, at(0s)));
  CHECK(*backoff.until() == at(1s));
}

TEST_CASE("a request that was taken ends the series") {
  Backoff backoff;
  CHECK(backoff.refused(0s, 1, at(0s)));
  CHECK(backoff.expire(at(1s)));
  CHECK(backoff.refused(0s, 1, at(1s)));
  CHECK(backoff.expire(at(3s)));
  backoff.took_request();
  CHECK(backoff.refused(0s, 1, at(3s)));
  CHECK(*backoff.until() == at(4s));
}

TEST_CASE("with the rule off, refusals without a time change nothing") {
  Backoff backoff;
  for (int i = 0; i < 100; ++i) CHECK_FALSE(backoff.refused(0s, 0, at(0s)));
  CHECK_FALSE(backoff.until().has_value());
}
