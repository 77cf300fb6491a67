#include "evener/route/queue_pace.h"

#include <doctest/doctest.h>

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {
Instant at(Duration since_start) { return Instant{} + since_start; }
}  // namespace

TEST_CASE("the hint is the number of waiting requests times the time that each has been taking") {
  QueuePace pace;
  for (int i = 0; i <= 10; ++i) pace.ended(at(i * 2s));
  CHECK(pace.until_gone(5) == 10s);
}

TEST_CASE("the hint is unknown until a few requests have gone") {
  QueuePace pace;
  for (int i = 0; i < 4; ++i) pace.ended(at(i * 1s));
  CHECK(pace.until_gone(5) == 0s);
  pace.ended(at(4s));
  CHECK(pace.until_gone(5) == 5s);
}

TEST_CASE("an idle hour between two rushes is not taken for a slow queue") {
  QueuePace pace;
  for (int i = 0; i <= 10; ++i) pace.ended(at(i * 1s));
  pace.emptied();
  pace.ended(at(3600s));
  pace.ended(at(3601s));
  CHECK(seconds(pace.until_gone(3)) == doctest::Approx(3.0));
}

TEST_CASE("the hint follows a queue that slows down") {
  QueuePace pace;
  Instant now = at(0s);
  for (int i = 0; i < 100; ++i) pace.ended(now += 1s);
  for (int i = 0; i < 200; ++i) pace.ended(now += 4s);
  CHECK(seconds(pace.until_gone(1)) == doctest::Approx(4.0).epsilon(0.01));
}

TEST_CASE("a class waits longer than its own requests take, by what more urgent ones keep taking") {
  QueuePace pace;
  for (int i = 0; i <= 40; ++i) {
    pace.ended(at(i * 1s));
    pace.went(i % 4 == 0 ? Priority::Batch : Priority::Realtime);
  }
  CHECK(seconds(pace.until_turn({.more_urgent = 0, .same_class = 5}, Priority::Realtime)) == doctest::Approx(5.0));
  CHECK(seconds(pace.until_turn({.more_urgent = 0, .same_class = 5}, Priority::Batch)) == doctest::Approx(20.0).epsilon(0.15));
  CHECK(seconds(pace.until_turn({.more_urgent = 100, .same_class = 5}, Priority::Batch)) == doctest::Approx(105.0));
}

TEST_CASE("a prediction is never longer than an hour, also for a class that gets nothing at all") {
  QueuePace pace;
  for (int i = 0; i <= 40; ++i) {
    pace.ended(at(i * 60s));
    pace.went(Priority::Realtime);
  }
  CHECK(pace.until_turn({.more_urgent = 0, .same_class = 1}, Priority::Background) == 32min);
  CHECK(pace.until_turn({.more_urgent = 0, .same_class = 9}, Priority::Background) == QueuePace::LongestPrediction);
}
