#include "evener/route/queue_pace.h"

#include <doctest/doctest.h>

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {
Instant at(Duration since_start) { return Instant{} + since_start; }

/// Of the last of so many in the most urgent class, just after the latest end.
Duration hint(const QueuePace& pace, std::size_t waiting, Instant now) {
  return pace.until_turn({.more_urgent = 0, .same_class = waiting}, Priority::Realtime, now);
}
}  // namespace

TEST_CASE("the hint is the number of waiting requests times the time that each has been taking") {
  QueuePace pace;
  for (int i = 0; i <= 10; ++i) pace.ended(at(i * 2s));
  CHECK(hint(pace, 5, at(20s)) == 10s);
}

TEST_CASE("the hint is unknown until a few requests have gone") {
  QueuePace pace;
  for (int i = 0; i < 4; ++i) pace.ended(at(i * 1s));
  CHECK(hint(pace, 5, at(3s)) == 0s);
  pace.ended(at(4s));
  CHECK(hint(pace, 5, at(4s)) == 5s);
}

TEST_CASE("an idle hour between two rushes is not taken for a slow queue") {
  QueuePace pace;
  for (int i = 0; i <= 10; ++i) pace.ended(at(i * 1s));
  pace.emptied();
  pace.ended(at(3600s));
  pace.ended(at(3601s));
  CHECK(seconds(hint(pace, 3, at(3601s))) == doctest::Approx(3.0));
}

TEST_CASE("the hint follows a queue that slows down") {
  QueuePace pace;
  Instant now = at(0s);
  for (int i = 0; i < 100; ++i) pace.ended(now += 1s);
  for (int i = 0; i < 200; ++i) pace.ended(now += 4s);
  CHECK(seconds(hint(pace, 1, now)) == doctest::Approx(4.0).epsilon(0.01));
}

TEST_CASE("a queue that has stopped says so before it moves again, and another rush soon tells its own pace") {
  QueuePace pace;
  for (int i = 0; i <= 40; ++i) pace.ended(at(i * 1s));
  CHECK(hint(pace, 4, at(40s)) == 4s);
  CHECK(seconds(hint(pace, 4, at(40s + 33s))) == doctest::Approx(8.0));
  pace.emptied();
  for (int i = 0; i <= 20; ++i) pace.ended(at(3600s + i * 4s));
  CHECK(seconds(hint(pace, 1, at(3680s))) == doctest::Approx(3.5).epsilon(0.02));  // the old pace counts as four of 24 gaps
}

TEST_CASE("a class waits longer than what is ahead of it takes, by what more urgent ones keep taking, also when none of it waits") {
  QueuePace pace;
  for (int i = 0; i <= 200; ++i) {
    if (i % 4 != 0) pace.came(Priority::Realtime);
    pace.ended(at(i * 1s));
  }
  CHECK(seconds(pace.until_turn({.more_urgent = 0, .same_class = 5}, Priority::Realtime, at(200s))) == doctest::Approx(5.0));
  CHECK(seconds(pace.until_turn({.more_urgent = 0, .same_class = 5}, Priority::Batch, at(200s))) == doctest::Approx(20.0).epsilon(0.15));
  CHECK(seconds(pace.until_turn({.more_urgent = 10, .same_class = 0}, Priority::Batch, at(200s))) == doctest::Approx(40.0).epsilon(0.15));
}

TEST_CASE("where more urgent ones take everything the hint is what the promoted get, and never longer than an hour") {
  QueuePace pace;
  for (int i = 0; i <= 200; ++i) {
    pace.came(Priority::Standard);
    pace.ended(at(i * 50ms));
  }
  CHECK(pace.until_turn({.more_urgent = 24, .same_class = 0}, Priority::Standard, at(10s)) == 1200ms);
  CHECK(seconds(pace.until_turn({.more_urgent = 40, .same_class = 0}, Priority::Background, at(10s))) == doctest::Approx(20.0));
  CHECK(pace.until_turn({.more_urgent = 10000, .same_class = 0}, Priority::Background, at(10s)) == QueuePace::LongestPrediction);
}

TEST_CASE("what urgent ones took in one rush is not expected of them in the next, nor a burst for ever") {
  QueuePace pace;
  for (int i = 0; i <= 100; ++i) {
    pace.came(Priority::Standard);
    pace.ended(at(i * 100ms));
  }
  pace.emptied();
  const QueueAhead ahead{.more_urgent = 20, .same_class = 22};
  for (int i = 0; i < 20; ++i) pace.came(Priority::Standard);
  CHECK(seconds(pace.until_turn(ahead, Priority::Batch, at(60s))) == doctest::Approx(4.2));
  for (int i = 0; i < 120; ++i) pace.ended(at(60s + i * 100ms));
  CHECK(seconds(pace.until_turn(ahead, Priority::Batch, at(71900ms))) == doctest::Approx(4.2).epsilon(0.05));
}
