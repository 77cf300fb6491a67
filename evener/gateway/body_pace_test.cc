#include "evener/gateway/body_pace.h"

#include <doctest/doctest.h>

#include <limits>

#include "tests/for_each_seed.h"

namespace evener::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration Idle = seconds(30);

TEST_CASE("a client that sends faster than the least rate may always pause for as long as at the beginning, and no longer") {
  BodyPace pace(Idle, 1000);
  CHECK(pace.patience() == Idle);
  for (int i = 0; i < 100; ++i) pace.received(100'000, seconds(1));
  CHECK(pace.patience() == Idle);
  pace.received(1000, seconds(20));
  CHECK(pace.patience() == seconds(11));
}

TEST_CASE("a byte now and then buys no more time than a byte is worth") {
  BodyPace pace(Idle, 1000);
  for (int i = 0; i < 29; ++i) pace.received(1, seconds(1));
  CHECK(pace.patience() == seconds(1) + milliseconds(29));
  CHECK(!pace.late());
  pace.received(1, seconds(2));
  CHECK(pace.late());
  CHECK(pace.patience() == Duration::zero());
}

TEST_CASE("without a least rate only silence ends a body") {
  BodyPace pace(Idle, 0);
  for (int i = 0; i < 1000; ++i) pace.received(1, seconds(29));
  CHECK(pace.patience() == Idle);
}

TEST_CASE("no number of bytes and no least rate are too large") {
  constexpr std::uint64_t Most = std::numeric_limits<std::uint64_t>::max();
  BodyPace fast(Idle, 1);
  fast.received(Most, seconds(29));
  CHECK(fast.patience() == Idle);
  BodyPace slow(Idle, Most);
  slow.received(1, seconds(29));
  CHECK(slow.patience() == seconds(1));
}

TEST_CASE("whoever keeps to the least rate on average is never late, whoever sends half of it always is in the end") {
  for_each_seed(200, [](Rng& rng) {
    BodyPace enough(Idle, 1000);
    BodyPace half(Idle, 1000);
    Duration half_lasted{};
    for (int i = 0; i < 1000; ++i) {
      const auto wait = milliseconds(rng.below(10'000) + 1);
      const auto due = static_cast<std::uint64_t>(wait.count());  // at 1000 bytes/s a byte per millisecond
      enough.received(due, wait);
      CHECK(enough.patience() >= Idle - milliseconds(10'001));
      if (half.late()) continue;
      half.received(due / 2, wait);
      half_lasted += wait;
    }
    CHECK(half.late());
    CHECK(half_lasted <= 2 * Idle + seconds(30));
  });
}

}  // namespace
}  // namespace evener::gateway
