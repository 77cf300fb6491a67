#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <variant>

#include "evener/route/testing/scheduler_fixture.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

constexpr std::array<std::uint64_t, 4> Prompt = {11, 22, 33, 44};
constexpr RequestView Request{.stream = true, .prompt_tokens = 1024, .output_tokens = 10, .blocks = Prompt, .block_tokens = 256};

Dispatch sent(SchedulerFixture& pool) { return std::get<Dispatch>(pool.arrive(Request)); }

/// Two endpoints; the prompt has been served by one of them, which is returned.
std::uint32_t serve_once(SchedulerFixture& pool) {
  pool.with(2);
  Dispatch first = sent(pool);
  REQUIRE(first.share.uncached_tokens == 1024);
  pool.pass(1s);
  pool.scheduler.first_token(first.endpoint, first.share, 200ms, pool.now);
  pool.finish(static_cast<std::uint32_t>(first.endpoint),
              {.total = 1s, .share = first.share, .usage = TokenUsage{.prompt_tokens = 1024, .output_tokens = 10}});
  return static_cast<std::uint32_t>(first.endpoint);
}

}  // namespace

TEST_CASE("a prompt goes to the endpoint that has served it, where it counts as cached") {
  SchedulerFixture pool({.policy = PolicyKind::Balanced});
  const std::uint32_t served_by = serve_once(pool);
  const Dispatch again = sent(pool);
  CHECK(again.endpoint == EndpointId{served_by});
  CHECK(again.share.uncached_tokens == 0);
}

TEST_CASE("an endpoint that went down comes back with an empty cache") {
  SchedulerFixture pool({.policy = PolicyKind::Balanced});
  const std::uint32_t served_by = serve_once(pool);
  pool.check(served_by, Scheduler::Check::Failed, 3);
  pool.check(served_by, Scheduler::Check::Passed, 2);
  CHECK(sent(pool).share.uncached_tokens == 1024);
}

TEST_CASE("an endpoint that refuses connections has nothing cached any more") {
  SchedulerFixture pool({.policy = PolicyKind::Balanced});
  serve_once(pool);
  const Dispatch lost = sent(pool);
  pool.finish(static_cast<std::uint32_t>(lost.endpoint), {.ending = Ending::ConnectFailed, .share = lost.share, .blocks = Prompt});
  CHECK(sent(pool).share.uncached_tokens == 1024);
}

TEST_CASE("a policy that does not look at prefixes has none looked up") {
  SchedulerFixture pool({.policy = PolicyKind::LeastRequest});
  serve_once(pool);
  CHECK(sent(pool).share.uncached_tokens == 1024);
}
