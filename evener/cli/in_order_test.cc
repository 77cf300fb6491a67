#include "evener/cli/in_order.h"

#include <doctest/doctest.h>

#include <atomic>
#include <stop_token>
#include <vector>

namespace evener::cli {

TEST_CASE("results are taken in order, each once, however many threads work") {
  for (const unsigned threads : {1U, 3U, 16U}) {
    std::vector<std::size_t> results(200), order;
    const std::size_t taken = run_in_order(
        results.size(), threads, [&](std::size_t i) { results[i] = i * i; },
        [&](std::size_t i) {
          CHECK(results[i] == i * i);
          order.push_back(i);
        });
    CHECK(taken == results.size());
    REQUIRE(order.size() == results.size());
    for (std::size_t i = 0; i < order.size(); ++i) CHECK(order[i] == i);
  }
}

TEST_CASE("work does not run further ahead of what is taken than it may") {
  std::atomic<std::size_t> begun = 0;
  std::size_t furthest = 0;
  run_in_order(100, 2, [&](std::size_t) { ++begun; }, [&](std::size_t i) { furthest = std::max(furthest, begun - i); });
  CHECK(furthest <= 2 * AheadMax + 1);
}

TEST_CASE("nothing begins after a stop, and what was begun is taken") {
  std::stop_source stop;
  std::atomic<std::size_t> begun = 0;
  std::size_t last = 0;
  const std::size_t taken = run_in_order(
      1000, 2, [&](std::size_t) { ++begun; },
      [&](std::size_t i) {
        last = i;
        if (i == 10) stop.request_stop();
      },
      stop.get_token());
  CHECK(taken == begun);
  CHECK(taken == last + 1);
  CHECK(taken < 40);
}

TEST_CASE("no work is done at once") {
  CHECK(run_in_order(0, 4, [](std::size_t) {}, [](std::size_t) {}) == 0);
}

}  // namespace evener::cli
