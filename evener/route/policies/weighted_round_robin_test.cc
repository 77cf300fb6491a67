#include "evener/route/policies/weighted_round_robin.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;

namespace {

std::string letters(WeightedRoundRobin& policy, const PoolFixture& pool, int requests) {
  Rng rng(1);
  std::string order;
  for (int i = 0; i < requests; ++i) order += static_cast<char>('a' + policy.choose({}, pool.view(), rng));
  return order;
}

}  // namespace

TEST_CASE("weights 5, 1, 1 give nginx's smooth order, again and again") {
  WeightedRoundRobin policy;
  const PoolFixture pool({5, 1, 1});
  pool.introduce(policy);
  CHECK(letters(policy, pool, 14) == "aabacaaaabacaa");
}

TEST_CASE("equal weights take plain turns") {
  WeightedRoundRobin policy;
  const PoolFixture pool = PoolFixture::equal(3);
  pool.introduce(policy);
  CHECK(letters(policy, pool, 7) == "abcabca");
}

TEST_CASE("after any number of choices every endpoint is within one request per other endpoint of its exact share") {
  for_each_seed(100, [](Rng& rng) {
    std::vector<double> weights(2 + rng.below(10));
    double total = 0;
    for (double& weight : weights) total += weight = 0.1 + rng.uniform() * 10;
    const PoolFixture pool(weights);
    WeightedRoundRobin policy;
    pool.introduce(policy);
    std::vector<int> chosen(weights.size());
    for (int n = 1; n <= 300; ++n) {
      ++chosen.at(policy.choose({}, pool.view(), rng));
      for (std::size_t i = 0; i < weights.size(); ++i) {
        REQUIRE(std::abs(chosen[i] - n * weights[i] / total) < static_cast<double>(weights.size()));
      }
    }
  });
}

TEST_CASE("an endpoint in slow start gets the share of its effective weight") {
  WeightedRoundRobin policy;
  PoolFixture pool = PoolFixture::equal(2);
  pool.introduce(policy);
  pool.endpoints[1].weight = 0.25;
  Rng rng(1);
  CHECK(pool.counts(policy, 1000, rng) == std::vector<int>{800, 200});
}

TEST_CASE("a newcomer gets its share from the start and no more") {
  WeightedRoundRobin policy;
  PoolFixture pool = PoolFixture::equal(3);
  pool.introduce(policy);
  Rng rng(1);
  (void)pool.counts(policy, 1000, rng);
  pool.add(1.0);
  pool.introduce(policy);
  const std::vector<int> chosen = pool.counts(policy, 400, rng);
  for (int count : chosen) CHECK(std::abs(count - 100) <= 1);
}

TEST_CASE("weighted round robin keeps what every policy promises") { check_policy_properties(PolicyKind::WeightedRoundRobin); }
