#include "evener/route/learned_capacity.h"

#include <doctest/doctest.h>

#include "evener/route/testing/scheduler_fixture.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

PoolSettings learning(LearnedCapacitySettings capacity = {}) {
  PoolSettings settings;
  capacity.enabled = true;
  settings.admission.capacity = capacity;
  return settings;
}

/// An engine with room for `batch` requests at once: more wait inside it, so that first tokens come late.
void serve(SchedulerFixture& pool, std::uint32_t batch, int requests, std::uint32_t offered) {
  std::vector<Share> running;
  for (int i = 0; i < requests; ++i) {
    while (running.size() < offered) {
      const Decision decision = pool.arrive({.prompt_tokens = 1000, .output_tokens = 100});
      const auto* dispatch = std::get_if<Dispatch>(&decision);
      if (dispatch == nullptr) {
        REQUIRE(pool.scheduler.abandoned(std::get<Queued>(decision).ticket, pool.now));
        break;
      }
      running.push_back(dispatch->share);
    }
    const double inside = static_cast<double>(running.size());
    const Duration first_token = from_seconds(0.2 * std::max(1.0, inside / batch));
    Share share = running.front();
    running.erase(running.begin());
    pool.pass(first_token);
    pool.scheduler.first_token(EndpointId{1}, share, first_token, pool.now);
    pool.finish(1, {.ending = Ending::Ok,
                    .first_token = first_token,
                    .total = first_token + 2s,
                    .share = share,
                    .usage = TokenUsage{.prompt_tokens = 1000, .output_tokens = 101, .cached_tokens = 0}});
  }
  for (const Share& share : running) pool.finish(1, {.ending = Ending::Cancelled, .share = share});
}

}  // namespace

TEST_CASE("an endpoint's capacity is learned: it ends up where the engine begins to queue, not far beyond") {
  SchedulerFixture pool(learning({.slowdown_max = 2}));
  pool.put(1);
  CHECK(pool.status(1).capacity == 16);
  serve(pool, 30, 200, 3);  // lightly loaded
  serve(pool, 30, 10'000, 1000);
  CHECK(pool.status(1).capacity > 30);
  CHECK(pool.status(1).capacity < 75);
  serve(pool, 8, 10'000, 1000);  // something else uses the machine now
  CHECK(pool.status(1).capacity < 25);
}

TEST_CASE("a configured capacity is never learned over, and learning can be switched on and off") {
  SchedulerFixture pool(learning());
  pool.put(1, {.capacity = 7});
  serve(pool, 30, 500, 7);
  CHECK(pool.status(1).capacity == 7);
  pool.put(1, {.capacity = 0});
  CHECK(pool.status(1).capacity == 16);
  pool.scheduler.configure({}, pool.now);
  CHECK(pool.status(1).capacity == 0);
  pool.scheduler.configure(learning({.first = 9}), pool.now);
  CHECK(pool.status(1).capacity == 9);
}

TEST_CASE("what the engine says it takes at once is the most that is learned") {
  SchedulerFixture pool(learning());
  pool.put(1);
  LoadReport report{.at = pool.now};
  report.requests_max = 5;
  pool.scheduler.load_reported(EndpointId{1}, report, pool.now);
  CHECK(pool.status(1).capacity == 5);
}

TEST_CASE("an endpoint that refuses or does not answer gets less") {
  for (const Ending ending : {Ending::Refused, Ending::Timeout}) {
    LearnedCapacity learned({.enabled = true});
    for (int i = 0; i < 16; ++i) learned.finished({.ending = ending}, 10);
    CHECK(learned.capacity({}) == 11);
  }
  LearnedCapacity other({.enabled = true});
  for (int i = 0; i < 100; ++i) other.finished({.ending = Ending::ServerError}, 10);
  CHECK(other.capacity({}) == 16);
}

TEST_CASE("long prompts are not taken for congestion, and slow tokens are") {
  LearnedCapacity learned({.enabled = true});
  for (int i = 0; i < 50; ++i) learned.first_token(100, 120ms, 2);
  for (int i = 0; i < 50; ++i) learned.first_token(8000, 1600ms, 16);
  CHECK(learned.capacity({}) >= 16);
  const auto ended = [](Duration per_token) {
    return Outcome{.ending = Ending::Ok,
                   .first_token = 1s,
                   .total = 1s + 100 * per_token,
                   .usage = TokenUsage{.prompt_tokens = 10, .output_tokens = 101}};
  };
  for (int i = 0; i < 50; ++i) learned.finished(ended(10ms), 2);
  for (int i = 0; i < 50; ++i) learned.finished(ended(60ms), 16);
  CHECK(learned.capacity({}) < 16);
}
