#include "evener/lab/capacity.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/for_each_seed.h"

namespace evener::lab {
namespace {

CapacitySearch search(double capacity, const CapacityRules& rules) {
  CapacitySearch search(rules);
  while (const auto load = search.next()) search.told(*load, *load <= capacity);
  return search;
}

}  // namespace

TEST_CASE("the greatest load that is met is found within the precision, from wherever the search starts") {
  for_each_seed(500, [](Rng& rng) {
    const double capacity = std::exp(std::min(6.0, std::max(-6.0, 4 * rng.normal())));
    const CapacitySearch found = search(capacity, {.start = 1, .precision = .02, .tries_max = 100});
    CHECK(found.settled());
    CHECK(*found.met() <= capacity);
    CHECK(*found.failed() > capacity);
    CHECK(*found.met() >= capacity / 1.0201);
    CHECK(found.tries() <= 30);
  });
}

TEST_CASE("a search without end stops at the end of its range and says that it is not settled") {
  const CapacitySearch all = search(1e300, {.start = 3, .range = 32});
  CHECK(*all.met() == 96);
  CHECK_FALSE(all.failed());
  CHECK_FALSE(all.settled());
  const CapacitySearch none = search(0, {.range = 32});
  CHECK_FALSE(none.met());
  CHECK(*none.failed() == 1.0 / 32);
}

TEST_CASE("no load beyond what can be simulated is tried") {
  CHECK(*search(1e300, {.most = 5}).met() == 4);
  CHECK(*search(0, {.least = 0.3}).failed() == 0.5);
}

TEST_CASE("a search makes no more than its number of tries") {
  const CapacitySearch few = search(7.123456, {.precision = 1e-9, .tries_max = 6});
  CHECK(few.tries() == 6);
  CHECK_FALSE(few.settled());
}

TEST_CASE("where a greater load meets what a smaller one failed, nothing is searched for and nothing settled") {
  CapacitySearch search({});
  search.told(1, false);
  search.told(2, true);
  CHECK(!search.next());
  CHECK(!search.settled());
}

}  // namespace evener::lab
