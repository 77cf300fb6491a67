#include "evener/route/policies/maglev_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "evener/route/testing/pool_fixture.h"
#include "tests/for_each_seed.h"

using namespace evener;
using namespace evener::route;

namespace {

std::vector<int> slots_owned(const MaglevTable& table, std::size_t endpoints) {
  std::vector<int> owned(endpoints);
  for (std::uint64_t slot = 0; slot < table.slots(); ++slot) ++owned.at(table.owner(slot));
  return owned;
}

}  // namespace

TEST_CASE("prime_from finds the least prime that is not below its argument") {
  CHECK(prime_from(0) == 2);
  CHECK(prime_from(14) == 17);
  CHECK(prime_from(65536) == 65537);
  CHECK(prime_from(65537) == 65537);
  CHECK(prime_from(400000) == 400009);
}

TEST_CASE("equal endpoints own equally many slots, within one") {
  for_each_seed(10, [](Rng& rng) {
    PoolFixture pool = PoolFixture::equal(1 + rng.below(60));
    for (EndpointView& endpoint : pool.endpoints) endpoint.identity = rng.next();
    MaglevTable table;
    table.build(pool.endpoints);
    const std::vector<int> owned = slots_owned(table, pool.endpoints.size());
    const auto [least, most] = std::minmax_element(owned.begin(), owned.end());
    CHECK(*most - *least <= 1);
  });
}

TEST_CASE("weighted endpoints own slots in proportion, within 1 %") {
  const PoolFixture pool({1, 2, 5, 0.5});
  MaglevTable table;
  table.build(pool.endpoints);
  const std::vector<int> owned = slots_owned(table, 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(owned[i] == doctest::Approx(static_cast<double>(table.slots()) * pool.endpoints[i].weight / 8.5).epsilon(0.01));
  }
}

TEST_CASE("equal weights other than 1 give the same table as weights of 1") {
  const PoolFixture ones = PoolFixture::equal(7);
  const PoolFixture threes(std::vector<double>(7, 3.0));
  MaglevTable a, b;
  a.build(ones.endpoints);
  b.build(threes.endpoints);
  for (std::uint64_t slot = 0; slot < a.slots(); ++slot) REQUIRE(a.owner(slot) == b.owner(slot));
}

TEST_CASE("removing one of ten endpoints moves at most 12 % of the keys, of which 10 % must move") {
  PoolFixture pool = PoolFixture::equal(10);
  MaglevTable before, after;
  before.build(pool.endpoints);
  PoolFixture rest = pool;
  rest.remove(3);
  after.build(rest.endpoints);
  int moved = 0;
  for (std::uint64_t slot = 0; slot < before.slots(); ++slot) {
    if (pool.endpoints[before.owner(slot)].id != rest.endpoints[after.owner(slot)].id) ++moved;
  }
  CHECK(moved >= 0.0999 * static_cast<double>(before.slots()));
  CHECK(moved <= 0.12 * static_cast<double>(before.slots()));
}

TEST_CASE("with mixed weights removing an endpoint moves its own share of the keys and few others") {
  PoolFixture pool({1, 2.5, 0.7, 3, 1.2, 0.9, 4, 2});
  MaglevTable before, after;
  before.build(pool.endpoints);
  PoolFixture rest = pool;
  rest.remove(1);
  after.build(rest.endpoints);
  int moved = 0;
  for (std::uint64_t slot = 0; slot < before.slots(); ++slot) {
    if (pool.endpoints[before.owner(slot)].id != rest.endpoints[after.owner(slot)].id) ++moved;
  }
  CHECK(moved <= (2.5 / 15.3 + 0.04) * static_cast<double>(before.slots()));
}

TEST_CASE("a table has a prime number of slots, at least 65537 and 100 per endpoint, and never more than its limit") {
  CHECK(MaglevTable::slots_for(5) == 65537);
  CHECK(MaglevTable::slots_for(655) == 65537);
  CHECK(MaglevTable::slots_for(1000) == 100003);
  CHECK(MaglevTable::slots_for(50000) == 5000011);
  CHECK(MaglevTable::slots_for(10'000'000) == MaglevTable::SlotsMax);
  MaglevTable table;
  table.build(PoolFixture::equal(700).endpoints);
  CHECK(table.slots() == 70001);
}

TEST_CASE("a weight that dwarfs the others does not make building slow or leave a slot free") {
  std::vector<double> weights(500, 0.001);
  weights[100] = 1000;
  MaglevTable table;
  table.build(PoolFixture(weights).endpoints);
  const std::vector<int> owned = slots_owned(table, 500);  // .at() throws for a slot without owner
  CHECK(owned[100] > 65000);
}
