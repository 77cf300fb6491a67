#include "evener/lab/fleet_search.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/for_each_seed.h"

namespace evener::lab {
namespace {

/// A made-up world: a fleet meets when its strength is enough.
struct World {
  std::vector<FleetKind> kinds;
  std::vector<double> strengths;

  [[nodiscard]] bool meets(const Fleet& fleet) const {
    double sum = 0;
    for (std::size_t i = 0; i < fleet.size(); ++i) sum += fleet[i] * strengths[i];
    return sum >= 1;
  }
};

World random_world(Rng& rng) {
  World world;
  const std::size_t kinds = 1 + rng.below(3);
  for (std::size_t i = 0; i < kinds; ++i) {
    const auto min = static_cast<std::uint32_t>(rng.below(3));
    const double strength = .02 + .3 * rng.uniform();
    world.kinds.push_back({.min = min,
                           .max = min + static_cast<std::uint32_t>(rng.below(9)),
                           .price = .5 + rng.uniform(),
                           .part_max = {strength * (1 + rng.uniform()), strength * 1.5}});
    world.strengths.push_back(strength);
  }
  return world;
}

double least_cost(const World& world, const FleetSearch& search) {
  double least = std::numeric_limits<double>::infinity();
  Fleet fleet;
  for (const FleetKind& kind : world.kinds) fleet.push_back(kind.min);
  while (true) {
    if (world.meets(fleet)) least = std::min(least, search.cost(fleet));
    std::size_t i = 0;
    while (i < fleet.size() && fleet[i] == world.kinds[i].max) {
      fleet[i] = world.kinds[i].min;
      ++i;
    }
    if (i == fleet.size()) return least;
    ++fleet[i];
  }
}

}  // namespace

TEST_CASE("the search finds the cheapest fleet that meets, with fewer tries than there are fleets") {
  std::uint64_t tried = 0, all = 0;
  for_each_seed(500, [&](Rng& rng) {
    const World world = random_world(rng);
    FleetSearch search(world.kinds);
    while (const auto fleet = search.next()) {
      for (std::size_t i = 0; i < fleet->size(); ++i) {
        CHECK((*fleet)[i] >= world.kinds[i].min);
        CHECK((*fleet)[i] <= world.kinds[i].max);
      }
      ++tried;
      search.told(*fleet, world.meets(*fleet));
    }
    all += search.fleets();
    CHECK(search.undecided() == 0);
    const double least = least_cost(world, search);
    REQUIRE(search.cheapest().has_value() == std::isfinite(least));
    if (search.cheapest()) CHECK(search.cost(*search.cheapest()) == doctest::Approx(least));
  });
  CHECK(tried * 5 < all);
}

TEST_CASE("a fleet that cannot do the work even at full use is not tried") {
  FleetSearch search({{.max = 100, .price = 1, .part_max = {.1, .05}}});
  CHECK(search.next()->front() >= 20);
  search.told({100}, false);
  CHECK_FALSE(search.next());
  CHECK_FALSE(search.cheapest());
}

TEST_CASE("a search that ends early says how many fleets it knows nothing of") {
  FleetSearch search({{.max = 3, .price = 3}, {.max = 9, .price = 1}});
  CHECK(search.fleets() == 39);
  const std::uint64_t before = search.undecided();
  search.told(*search.next(), false);
  CHECK(search.undecided() < before);
  CHECK(search.undecided() > 0);
}

TEST_CASE("the empty fleet is never tried") {
  FleetSearch search({{.max = 1, .price = 3}, {.max = 1, .price = 1}});
  while (const auto fleet = search.next()) {
    CHECK(*fleet != Fleet{0, 0});
    search.told(*fleet, true);
  }
  CHECK(*search.cheapest() == Fleet{0, 1});
}

}  // namespace evener::lab
