#include "evener/route/policies/composed.h"

#include <doctest/doctest.h>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

std::uint32_t choice(const CompositionSettings& settings, const PoolFixture& pool, const RequestView& request = {}) {
  Rng rng(1);
  return Composed(PolicyKind::Composed, settings).choose(request, pool.view(), rng);
}

}  // namespace

TEST_CASE("composed: the highest weighted sum of scores wins") {
  PoolFixture pool = PoolFixture::equal(2);
  pool.in_flight({8, 0});  // room: 0 and 1
  pool.cached({1000, 0});  // prefix: 1 and 0
  CompositionSettings settings{.scorers = {{ScorerKind::FreeCapacity, 2}, {ScorerKind::PrefixHit, 3}}};
  CHECK(choice(settings, pool, {.prompt_tokens = 1000}) == 0);
  settings.scorers[0].weight = 4;
  CHECK(choice(settings, pool, {.prompt_tokens = 1000}) == 1);
}

TEST_CASE("composed: its cost is one less the weighted mean of the scores") {
  PoolFixture pool = PoolFixture::equal(2);
  pool.in_flight({8, 0});
  pool.cached({500, 0});
  const Composed policy(PolicyKind::Composed, {.scorers = {{ScorerKind::FreeCapacity, 1}, {ScorerKind::PrefixHit, 3}}});
  const RequestView request{.prompt_tokens = 1000};
  CHECK(*policy.cost(request, pool.view(), 0) == doctest::Approx(1 - 3 * 0.5 / 4));
  CHECK(*policy.cost(request, pool.view(), 1) == doctest::Approx(1 - 1.0 / 4));
}

TEST_CASE("composed: filters leave out what fails them, in their order, and one that would leave nobody is passed over") {
  PoolFixture pool = PoolFixture::equal(3);
  pool.in_flight({0, 5, 9});
  pool.endpoints[0].report = LoadReport{.kv_used = 0.9};
  pool.endpoints[1].report = LoadReport{.kv_used = 0.9};
  pool.cached({0, 900, 0});
  const RequestView request{.prompt_tokens = 1000};
  const std::vector<ScorerSettings> room = {{ScorerKind::FreeCapacity, 1}};
  CHECK(choice({.scorers = room}, pool, request) == 0);
  CHECK(choice({.filters = {{FilterKind::KvUsed, 0.8}}, .scorers = room}, pool, request) == 2);
  CHECK(choice({.filters = {{FilterKind::PrefixHit, 0.8}}, .scorers = room}, pool, request) == 1);
  // The first leaves the third endpoint alone, which would not pass the second.
  CHECK(choice({.filters = {{FilterKind::KvUsed, 0.8}, {FilterKind::PrefixHit, 0.8}}, .scorers = room}, pool, request) == 2);
  CHECK(choice({.filters = {{FilterKind::PrefixHit, 0.8}, {FilterKind::KvUsed, 0.8}}, .scorers = room}, pool, request) == 1);
  CHECK(choice({.filters = {{FilterKind::KvUsed, 0.1}}, .scorers = room}, pool, request) == 2);
}

TEST_CASE("composed: the weighted picker draws in proportion to the scores") {
  PoolFixture pool = PoolFixture::equal(3);
  for (EndpointView& endpoint : pool.endpoints) endpoint.capacity = 10;
  pool.in_flight({10, 8, 4});  // 0, 0.2 and 0.6 are free
  Composed policy(PolicyKind::Composed, {.scorers = {{ScorerKind::FreeCapacity, 1}}, .picker = PickerKind::Weighted});
  Rng rng(1);
  const std::vector<int> chosen = pool.counts(policy, 8000, rng);
  CHECK(chosen[0] == 0);
  CHECK(chosen[1] == doctest::Approx(2000).epsilon(0.05));
  CHECK(chosen[2] == doctest::Approx(6000).epsilon(0.05));
}

TEST_CASE("composed: when all score nothing the weighted picker takes anyone alike") {
  PoolFixture pool = PoolFixture::equal(2);
  Composed policy(PolicyKind::Composed, {.scorers = {{ScorerKind::PrefixHit, 1}}, .picker = PickerKind::Weighted});
  Rng rng(1);
  CHECK(pool.counts(policy, 4000, rng)[0] == doctest::Approx(2000).epsilon(0.05));
}

TEST_CASE("composed: an endpoint in slow start is looked at by as large a share of requests as it has of its weight") {
  PoolFixture pool = PoolFixture::equal(2);
  pool.in_flight({0, 5});  // the first is always better
  pool.set_weight(0, 0.25);
  Composed policy(PolicyKind::Composed, {.scorers = {{ScorerKind::Queue, 1}, {ScorerKind::Session, 1}, {ScorerKind::Price, 1}}});
  pool.endpoints[1].input_price = 1;
  Rng rng(1);
  CHECK(pool.counts(policy, 8000, rng, {.prompt_tokens = 10})[0] == doctest::Approx(2000).epsilon(0.06));
}

TEST_CASE("blend: three parts prefix, two parts queue and two parts free KV memory") {
  PoolFixture pool = PoolFixture::equal(2);
  pool.now = Instant{} + 1000s;
  pool.cached({500, 0});
  pool.endpoints[0].report = LoadReport{.at = pool.now, .waiting = 4, .kv_used = 0.6};
  pool.endpoints[1].report = LoadReport{.at = pool.now, .waiting = 0, .kv_used = 0.2};
  const auto blend = make_policy(PolicyKind::Blend);
  const RequestView request{.prompt_tokens = 1000};
  CHECK(*blend->cost(request, pool.view(), 0) == doctest::Approx(1 - (3 * 0.5 + 2 * 0 + 2 * 0.4) / 7));
  CHECK(*blend->cost(request, pool.view(), 1) == doctest::Approx(1 - (3 * 0 + 2 * 1 + 2 * 0.8) / 7));
}

TEST_CASE("composed: asks for the prefix index only when a part of it reads what is cached") {
  const auto wants = [](const CompositionSettings& settings) { return Composed(PolicyKind::Composed, settings).wants_prefix(); };
  CHECK_FALSE(wants({.scorers = {{ScorerKind::Queue, 1}, {ScorerKind::Tier, 1}}}));
  CHECK_FALSE(wants({.filters = {{FilterKind::KvUsed, 0.9}}, .scorers = {{ScorerKind::Queue, 1}}}));
  CHECK(wants({.scorers = {{ScorerKind::Queue, 1}, {ScorerKind::PrefixHit, 1}}}));
  CHECK(wants({.filters = {{FilterKind::PrefixHit, 0.5}}, .scorers = {{ScorerKind::Queue, 1}}}));
}

TEST_CASE("blend: holds what every policy promises") { check_policy_properties(PolicyKind::Blend); }

TEST_CASE("composed: holds what every policy promises, of whatever parts it is") {
  for_each_seed(50, [](Rng& rng) {
    CompositionSettings settings{.picker = static_cast<PickerKind>(rng.below(picker_names().size()))};
    for (std::uint64_t i = rng.below(3); i > 0; --i) {
      settings.filters.push_back({static_cast<FilterKind>(rng.below(filter_names().size())), rng.uniform()});
    }
    for (std::uint64_t i = 1 + rng.below(4); i > 0; --i) {
      settings.scorers.push_back({static_cast<ScorerKind>(rng.below(scorer_names().size())), 0.1 + rng.uniform()});
    }
    check_policy_properties(PolicyKind::Composed, 5, settings);
  });
}
