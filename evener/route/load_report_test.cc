#include "evener/route/load_report.h"

#include <doctest/doctest.h>

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

constexpr Instant Now = Instant{} + 1000s;

}  // namespace

TEST_CASE("figures that come with an answer complete the report, which stays as old as what they do not repeat") {
  const LoadReport before{.at = Now, .running = 5, .waiting = 2, .kv_used = 0.5};
  const LoadReport after = completed(before, {.at = Now + 1s, .waiting = 9, .kv_used = 0.7});
  CHECK(after == LoadReport{.at = Now, .running = 5, .waiting = 9, .kv_used = 0.7});
}

TEST_CASE("figures that say all that was known are a report of their own age") {
  const LoadReport before{.at = Now, .waiting = 2, .kv_used = 0.5};
  CHECK(completed(before, {.at = Now + 1s, .waiting = 0, .kv_used = 0.6}) == LoadReport{.at = Now + 1s, .waiting = 0, .kv_used = 0.6});
}

TEST_CASE("what has not been repeated for long is dropped rather than kept alive by answers") {
  const LoadReport before{.at = Now, .running = 5, .kv_used = 0.5};
  const LoadReport after = completed(before, {.at = Now + CompletedMax + 1s, .kv_used = 0.7});
  CHECK(after == LoadReport{.at = Now + CompletedMax + 1s, .kv_used = 0.7});
}
