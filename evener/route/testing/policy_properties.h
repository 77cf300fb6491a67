#pragma once
// What every policy promises, whatever its idea: checked over random pools, candidate lists, loads and changes of membership.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "evener/route/policy.h"
#include "evener/route/testing/pool_fixture.h"
#include "tests/for_each_seed.h"

namespace evener::route {

/// Anything that may become known of an endpoint: tokens in flight, what it reports, how fast it is, what it costs.
inline void tell_something(EndpointView& endpoint, Instant now, Rng& rng) {
  endpoint.in_flight_prompt_tokens = rng.below(100'000);
  endpoint.in_flight_uncached_tokens = rng.below(endpoint.in_flight_prompt_tokens + 1);
  endpoint.in_prefill = static_cast<std::uint32_t>(rng.below(endpoint.in_flight + 1));
  endpoint.tokens_since_report = rng.below(10'000);
  endpoint.tier = 0.1 + rng.uniform();
  endpoint.network_s = rng.uniform() / 10;
  endpoint.input_price = static_cast<double>(rng.below(3));
  endpoint.power_w = static_cast<double>(rng.below(3)) * 100;
  endpoint.report.reset();
  endpoint.waiting_correction = 0;
  if (rng.below(3) > 0) {
    endpoint.report = LoadReport{.at = now - from_seconds(rng.exponential(5))};
    if (rng.below(2) == 0) endpoint.report->waiting = static_cast<double>(rng.below(20));
    endpoint.waiting_correction = endpoint.report->waiting.value_or(endpoint.in_prefill) - endpoint.in_prefill;
    if (rng.below(2) == 0) endpoint.report->waiting_tokens = static_cast<double>(rng.below(50'000));
    if (rng.below(2) == 0) endpoint.report->kv_used = rng.uniform();
    endpoint.foreign_requests = static_cast<double>(rng.below(4));
    endpoint.foreign_uncached_tokens = static_cast<double>(rng.below(4000));
  }
  endpoint.speed = SpeedView{.at = now - from_seconds(rng.exponential(30))};
  if (rng.below(3) > 0) {
    endpoint.speed.base_s = rng.uniform() / 10;
    endpoint.speed.prefill_s_per_token = rng.uniform() / 1000;
  }
  if (rng.below(3) > 0) {
    endpoint.speed.step_s = rng.uniform() / 10;
    endpoint.speed.step_s_per_request = rng.uniform() / 1000;
  }
}

/// A request of which as much is known as the seed says, and what the endpoints hold of its prompt.
inline RequestView random_request(PoolFixture& pool, Rng& rng) {
  RequestView request{.affinity_key = rng.below(3) == 0 ? 0 : 1 + rng.below(50)};
  pool.cached({});
  if (rng.below(4) == 0) return request;
  request.prompt_tokens = static_cast<std::uint32_t>(rng.below(20'000));
  request.output_tokens = static_cast<std::uint32_t>(rng.below(1000));
  request.priority = static_cast<Priority>(rng.below(Priorities));
  if (rng.below(2) == 0) request.first_token_objective = from_seconds(rng.uniform() * 2);
  if (rng.below(2) == 0) request.token_objective = from_seconds(rng.uniform() / 10);
  if (rng.below(2) == 0) return request;
  std::vector<std::uint32_t> cached;
  for (std::size_t i = 0; i < pool.endpoints.size(); ++i) {
    cached.push_back(rng.below(2) == 0 ? 0 : static_cast<std::uint32_t>(rng.below(request.prompt_tokens + 1)));
  }
  pool.cached(std::move(cached));
  pool.reuse = rng.uniform();
  return request;
}

/// What an operator is told agrees with itself: costs() is cost() of each, and whatever has a cost has a finite one.
inline void check_costs(const Policy& policy, const RequestView& request, const PoolView& view) {
  std::vector<std::optional<double>> costs(view.candidates.size());
  policy.costs(request, view, costs);
  for (std::size_t i = 0; i < costs.size(); ++i) {
    if (costs[i]) CHECK(std::isfinite(*costs[i]));
    CHECK(costs[i] == policy.cost(request, view, view.candidates[i]));
  }
}

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
      case 2: pool.all_candidates(); break;
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
      case 5: {  // something was learned or reported
        const std::uint64_t index = rng.below(pool.endpoints.size());
        tell_something(pool.endpoints[index], pool.now, rng);
        if (rng.below(2) == 0) pool.speed = pool.endpoints[index].speed;
        break;
      }
      default: {
        const RequestView request = random_request(pool, rng);
        const PoolView view = pool.view();
        const std::uint32_t index = policy.choose(request, view, policy_rng);
        REQUIRE(index < pool.endpoints.size());
        REQUIRE(std::find(view.candidates.begin(), view.candidates.end(), index) != view.candidates.end());
        if (event % 16 == 0) check_costs(policy, request, view);
        ++pool.endpoints[index].in_flight;
        chosen.push_back(pool.endpoints[index].id);
      }
    }
  }
  return chosen;
}

inline void check_policy_properties(PolicyKind kind, std::uint64_t seeds = 100, const CompositionSettings& composition = {}) {
  for_each_seed(seeds, [&](Rng& rng) {
    const std::uint64_t scenario = rng.next();
    const auto one = make_policy(kind, composition);
    const auto same = make_policy(kind, composition);
    CHECK(one->name() == policy_name(kind));
    const std::vector<EndpointId> chosen = random_choices(*one, scenario, 300);
    CHECK(chosen == random_choices(*same, scenario, 300));
  });
}

}  // namespace evener::route
