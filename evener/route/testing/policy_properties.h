#pragma once
// What every policy promises, whatever its idea: checked over random pools, candidate lists, loads and changes of membership.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "evener/route/policy.h"
#include "evener/route/testing/pool_fixture.h"
#include "tests/for_each_seed.h"

namespace evener::route {

/// A random pool and random events on it; returns the choices made. Asserts that each is a candidate.
inline std::vector<EndpointId> random_choices(Policy& policy, std::uint64_t seed, int events) {
  Rng rng(seed);
  Rng policy_rng = rng.fork(1);
  std::vector<EndpointId> chosen;
  PoolFixture pool(std::vector<double>{});
  const std::uint64_t size = 1 + rng.below(20);
  const bool equal = rng.below(2) == 0;
  const auto weight = [&] { return equal ? 1.0 : 0.01 + 10 * rng.uniform(); };
  for (std::uint64_t i = 0; i < size; ++i) pool.add(weight());
  pool.introduce(policy);

  for (int event = 0; event < events; ++event) {
    pool.now += from_seconds(rng.exponential(0.1));
    switch (rng.below(12)) {
      case 0:  // membership
        if (pool.endpoints.size() > 1 && rng.below(2) == 0) {
          pool.remove(rng.below(pool.endpoints.size()));
        } else if (pool.endpoints.size() < 40) {
          pool.add(weight());
        }
        pool.introduce(policy);
        break;
      case 1: {  // health or a filter
        std::vector<std::uint32_t> some;
        for (std::uint32_t i = 0; i < pool.endpoints.size(); ++i) {
          if (rng.below(3) > 0) some.push_back(i);
        }
        if (some.empty()) some.push_back(static_cast<std::uint32_t>(rng.below(pool.endpoints.size())));
        pool.only(some);
        break;
      }
      case 2:
        pool.all_candidates();
        break;
      case 3: {  // slow start or an operator
        const std::uint64_t index = rng.below(pool.endpoints.size());
        pool.set_weight(index, pool.endpoints[index].weight_configured * (0.1 + 0.9 * rng.uniform()));
        break;
      }
      case 4: {  // something ended
        EndpointView& endpoint = pool.endpoints[rng.below(pool.endpoints.size())];
        endpoint.in_flight /= 2;
        endpoint.latency_s = rng.exponential(1.0);
        endpoint.latency_at = pool.now;
        pool.latency_s = 1.0;
        break;
      }
      default: {
        const RequestView request{.affinity_key = rng.below(3) == 0 ? 0 : 1 + rng.below(50)};
        const PoolView view = pool.view();
        const std::uint32_t index = policy.choose(request, view, policy_rng);
        REQUIRE(index < pool.endpoints.size());
        REQUIRE(std::find(view.candidates.begin(), view.candidates.end(), index) != view.candidates.end());
        ++pool.endpoints[index].in_flight;
        chosen.push_back(pool.endpoints[index].id);
      }
    }
  }
  return chosen;
}

inline void check_policy_properties(PolicyKind kind, std::uint64_t seeds = 100) {
  for_each_seed(seeds, [&](Rng& rng) {
    const std::uint64_t scenario = rng.next();
    const auto one = make_policy(kind);
    const auto same = make_policy(kind);
    CHECK(one->name() == policy_name(kind));
    const std::vector<EndpointId> chosen = random_choices(*one, scenario, 300);
    CHECK(chosen == random_choices(*same, scenario, 300));
  });
}

}  // namespace evener::route
