#include "evener/route/wait_queue.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/for_each_seed.h"

using namespace evener;
using namespace evener::route;

namespace {

std::vector<std::uint64_t> waiting(WaitQueue& queue) {
  std::vector<std::uint64_t> cookies;
  queue.visit([&](const WaitQueue::Waiting& one) {
    cookies.push_back(one.arrival.cookie);
    return WaitQueue::Next::Keep;
  });
  return cookies;
}

}  // namespace

TEST_CASE("requests are shown in the order of their arrival") {
  WaitQueue queue;
  for (std::uint64_t cookie : {30u, 10u, 20u}) queue.push({.cookie = cookie}, {});
  CHECK(waiting(queue) == std::vector<std::uint64_t>{30, 10, 20});
}

TEST_CASE("a request leaves once, by its ticket") {
  WaitQueue queue;
  queue.push({.cookie = 1}, {});
  const std::uint64_t ticket = queue.push({.cookie = 2}, {});
  queue.push({.cookie = 3}, {});
  CHECK(queue.remove(ticket));
  CHECK_FALSE(queue.remove(ticket));
  CHECK_FALSE(queue.remove(999));
  CHECK(queue.size() == 2);
  CHECK(waiting(queue) == std::vector<std::uint64_t>{1, 3});
}

TEST_CASE("a visitor takes from the middle and stops where it likes") {
  WaitQueue queue;
  for (std::uint64_t cookie = 1; cookie <= 4; ++cookie) queue.push({.cookie = cookie}, {});
  queue.visit([](const WaitQueue::Waiting& one) {
    if (one.arrival.cookie == 2) return WaitQueue::Next::Take;
    return one.arrival.cookie == 3 ? WaitQueue::Next::Stop : WaitQueue::Next::Keep;
  });
  CHECK(waiting(queue) == std::vector<std::uint64_t>{1, 3, 4});
}

TEST_CASE("requests that left take no memory for long, even behind one that waits and waits") {
  WaitQueue queue;
  queue.push({.cookie = 1}, {});
  for (int i = 0; i < 10000; ++i) {
    REQUIRE(queue.remove(queue.push({.cookie = 2}, {})));
    REQUIRE(queue.places() <= 2 * queue.size() + WaitQueue::TidyAt);
  }
  CHECK(waiting(queue) == std::vector<std::uint64_t>{1});
}

TEST_CASE("order, size and tickets hold through any pushes, removals and takes") {
  for_each_seed(200, [](Rng& rng) {
    WaitQueue queue;
    std::vector<std::uint64_t> model;  // cookies equal tickets here
    std::uint64_t pushed = 0;
    for (int step = 0; step < 400; ++step) {
      if (rng.below(2) == 0) {
        const std::uint64_t ticket = queue.push({.cookie = ++pushed}, {});
        REQUIRE(ticket == pushed);
        model.push_back(ticket);
      } else if (rng.below(2) == 0) {
        const std::uint64_t ticket = 1 + rng.below(pushed + 1);
        const bool known = std::erase(model, ticket) > 0;
        REQUIRE(queue.remove(ticket) == known);
      } else {
        const std::uint64_t divisor = 1 + rng.below(5);
        queue.visit([&](const WaitQueue::Waiting& one) {
          return one.ticket % divisor == 0 ? WaitQueue::Next::Take : WaitQueue::Next::Keep;
        });
        std::erase_if(model, [&](std::uint64_t ticket) { return ticket % divisor == 0; });
      }
      REQUIRE(queue.size() == model.size());
    }
    CHECK(waiting(queue) == model);
  });
}
