#include "evener/route/scorers.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

using Scores = std::vector<double>;

/// To a millionth, so that they compare with literals.
Scores score_of(ScorerKind kind, const PoolFixture& pool, const RequestView& request = {}) {
  Scores out(pool.candidates.size());
  score(kind, request, pool.view(), pool.candidates, out);
  for (double& one : out) one = std::round(one * 1e6) / 1e6;
  return out;
}

/// Report figures of this instant.
LoadReport report(const PoolFixture& pool, LoadReport figures) {
  figures.at = pool.now;
  return figures;
}

bool pass(FilterKind kind, double threshold, const PoolFixture& pool, std::uint32_t index, const RequestView& request = {}) {
  return passes({.kind = kind, .threshold = threshold}, request, pool.view(), index);
}

}  // namespace

TEST_CASE("free capacity is the share that is free where all have a capacity") {
  PoolFixture pool = PoolFixture::equal(3);
  pool.in_flight({1, 6, 12});
  for (EndpointView& endpoint : pool.endpoints) endpoint.capacity = 8;
  CHECK(score_of(ScorerKind::FreeCapacity, pool) == Scores{0.875, 0.25, 0});
}

TEST_CASE("without capacities fewest in flight per weight has most room") {
  PoolFixture pool({1, 1, 4});
  pool.in_flight({0, 4, 8});
  CHECK(score_of(ScorerKind::FreeCapacity, pool) == Scores{1, 0, 0.5});
}

TEST_CASE("a queue is what was reported now, and what waits of ours once the report is old") {
  PoolFixture pool = PoolFixture::equal(3);
  pool.endpoints[0].in_prefill = 4;
  pool.endpoints[0].report = report(pool, {.waiting = 0});
  pool.endpoints[1].report = report(pool, {.waiting = 8});
  pool.endpoints[2].in_prefill = 2;  // never reported
  CHECK(score_of(ScorerKind::Queue, pool) == Scores{1, 0, 0.75});
  pool.now += 2s;  // 2, 4 and 2
  CHECK(score_of(ScorerKind::Queue, pool) == Scores{1, 0, 1});
  pool.now += 1h;  // 4, 0 and 2
  CHECK(score_of(ScorerKind::Queue, pool) == Scores{0, 1, 0.5});
}

TEST_CASE("KV memory that nobody reported scores like the mean of what was reported, not like a full or an empty cache") {
  PoolFixture pool = PoolFixture::equal(3);
  CHECK(score_of(ScorerKind::KvFree, pool) == Scores{1, 1, 1});
  pool.endpoints[0].report = report(pool, {.kv_used = 0.9});
  pool.endpoints[1].report = report(pool, {.kv_used = 0.3});
  CHECK(score_of(ScorerKind::KvFree, pool) == Scores{0.1, 0.7, 0.4});
  pool.now += 2s;  // half of the way to the mean
  CHECK(score_of(ScorerKind::KvFree, pool) == Scores{0.25, 0.55, 0.4});
  pool.now += 1h;
  CHECK(score_of(ScorerKind::KvFree, pool) == Scores{0.4, 0.4, 0.4});
}

TEST_CASE("uncached tokens are those in flight and the request's own, per weight") {
  PoolFixture pool({1, 1, 2});
  pool.endpoints[0].in_flight_uncached_tokens = 1000;
  pool.cached({1000, 0, 0});
  // 1000 + 0, 0 + 1000 and half of 1000
  CHECK(score_of(ScorerKind::UncachedTokens, pool, {.prompt_tokens = 1000}) == Scores{0, 0, 1});
}

TEST_CASE("first token and finish are predicted from the learned speed") {
  PoolFixture pool = PoolFixture::equal(3);
  pool.endpoints[0].speed = {.base_s = 0.1, .prefill_s_per_token = 1e-4, .step_s = 0.01};   // 0.2 and 1.2 s
  pool.endpoints[1].speed = {.base_s = 0.1, .prefill_s_per_token = 3e-4, .step_s = 0.002};  // 0.4 and 0.6 s
  pool.endpoints[2].speed = {.base_s = 0.2, .prefill_s_per_token = 1e-4, .step_s = 0.006};  // 0.3 and 0.9 s
  const RequestView request{.prompt_tokens = 1000, .output_tokens = 100};
  CHECK(score_of(ScorerKind::FirstToken, pool, request) == Scores{1, 0, 0.5});
  CHECK(score_of(ScorerKind::Finish, pool, request) == Scores{0, 1, 0.5});
}

TEST_CASE("before any speed is known first token and finish count uncached tokens") {
  PoolFixture pool = PoolFixture::equal(2);
  pool.endpoints[0].in_flight_uncached_tokens = 500;
  CHECK(score_of(ScorerKind::FirstToken, pool) == Scores{0, 1});
  CHECK(score_of(ScorerKind::Finish, pool) == Scores{0, 1});
}

TEST_CASE("an endpoint in slow start is taken for a slow one") {
  PoolFixture pool = PoolFixture::equal(2);
  for (EndpointView& endpoint : pool.endpoints) endpoint.speed = {.base_s = 0.1, .prefill_s_per_token = 1e-4};
  pool.set_weight(0, 0.1);
  CHECK(score_of(ScorerKind::FirstToken, pool, {.prompt_tokens = 100}) == Scores{0, 1});
}

TEST_CASE("a prefix hit is the share of the prompt's full blocks") {
  PoolFixture pool = PoolFixture::equal(3);
  pool.cached({0, 256, 512});
  const std::vector<std::uint64_t> two = {1, 2};
  CHECK(score_of(ScorerKind::PrefixHit, pool, {.prompt_tokens = 700, .blocks = two, .block_tokens = 256}) == Scores{0, 0.5, 1});
  CHECK(score_of(ScorerKind::PrefixHit, pool) == Scores{0, 0, 0});  // an empty prompt is found nowhere
}

TEST_CASE("a session has one endpoint of its own, the same wherever it stands in the list, and no session has none") {
  PoolFixture pool = PoolFixture::equal(5);
  const Scores all = score_of(ScorerKind::Session, pool, {.affinity_key = 77});
  CHECK(std::count(all.begin(), all.end(), 1.0) == 1);
  CHECK(std::count(all.begin(), all.end(), 0.0) == 4);
  const auto home = static_cast<std::uint32_t>(std::find(all.begin(), all.end(), 1.0) - all.begin());
  pool.only({home == 4 ? 0U : home, 4});
  CHECK(score_of(ScorerKind::Session, pool, {.affinity_key = 77})[home == 4 ? 1 : 0] == 1.0);
  CHECK(score_of(ScorerKind::Session, pool) == Scores{0, 0});
}

TEST_CASE("sessions spread over the endpoints evenly, and one that leaves moves only its own") {
  PoolFixture pool = PoolFixture::equal(5);
  std::vector<int> homes(5);
  for (std::uint64_t key = 1; key <= 5000; ++key) {
    const Scores one = score_of(ScorerKind::Session, pool, {.affinity_key = splitmix64(key)});
    const auto home = static_cast<std::size_t>(std::find(one.begin(), one.end(), 1.0) - one.begin());
    ++homes[home];
    PoolFixture fewer = pool;
    fewer.only({0, 1, 2, 3});
    const Scores left = score_of(ScorerKind::Session, fewer, {.affinity_key = splitmix64(key)});
    if (home < 4) CHECK(left[home] == 1.0);
  }
  for (const int sessions : homes) CHECK(sessions == doctest::Approx(1000).epsilon(0.1));
}

TEST_CASE("an adapter scores where it is loaded, and everywhere when none is asked for") {
  PoolFixture pool = PoolFixture::equal(3);
  const std::vector<std::uint64_t> loaded = {5, 9};
  pool.endpoints[1].adapters = loaded;
  CHECK(score_of(ScorerKind::Adapter, pool, {.adapter = 9}) == Scores{0, 1, 0});
  CHECK(score_of(ScorerKind::Adapter, pool) == Scores{1, 1, 1});
}

TEST_CASE("light requests score weak endpoints high, heavy and urgent ones strong endpoints") {
  PoolFixture pool = PoolFixture::equal(3);
  pool.endpoints[0].tier = 8;
  pool.endpoints[1].tier = 4;
  pool.endpoints[2].tier = 1;
  CHECK(score_of(ScorerKind::Tier, pool, {.prompt_tokens = 8192}) == Scores{1, 0.5, 0.125});
  CHECK(score_of(ScorerKind::Tier, pool, {.prompt_tokens = 1024}) == Scores{0.125, 0.625, 1});
  CHECK(score_of(ScorerKind::Tier, pool, {.priority = Priority::Realtime, .prompt_tokens = 1024}) == Scores{0.5, 1, 0.625});
}

TEST_CASE("the shortest way, the lowest price for this request and the least power score best") {
  PoolFixture pool = PoolFixture::equal(3);
  for (std::size_t i = 0; i < 3; ++i) pool.endpoints[i].network_s = 0.01 * static_cast<double>(i);
  CHECK(score_of(ScorerKind::Network, pool) == Scores{1, 0.5, 0});

  pool.endpoints[0].input_price = 3;
  pool.endpoints[1].output_price = 30;
  pool.endpoints[2].input_price = pool.endpoints[2].output_price = 2;
  CHECK(score_of(ScorerKind::Price, pool, {.prompt_tokens = 1000, .output_tokens = 100}) == Scores{0, 0, 1});  // 3, 3 and 2.2 in 1,000
  CHECK(score_of(ScorerKind::Price, pool, {.prompt_tokens = 1000}) == Scores{0, 1, 0.333333});

  pool.endpoints[0].power_w = 700;
  pool.endpoints[1].power_w = 100;  // of the third nothing is known: like the mean
  CHECK(score_of(ScorerKind::Power, pool) == Scores{0, 1, 0.5});
}

TEST_CASE("a prefix filter keeps holders of at least its share") {
  PoolFixture pool = PoolFixture::equal(2);
  pool.cached({800, 799});
  const RequestView request{.prompt_tokens = 1000};
  CHECK(pass(FilterKind::PrefixHit, 0.8, pool, 0, request));
  CHECK_FALSE(pass(FilterKind::PrefixHit, 0.8, pool, 1, request));
}

TEST_CASE("a KV filter leaves out only endpoints that reported a fuller cache") {
  PoolFixture pool = PoolFixture::equal(3);
  pool.endpoints[0].report = report(pool, {.kv_used = 0.9});
  pool.endpoints[1].report = report(pool, {.kv_used = 0.8});
  CHECK_FALSE(pass(FilterKind::KvUsed, 0.8, pool, 0));
  CHECK(pass(FilterKind::KvUsed, 0.8, pool, 1));
  CHECK(pass(FilterKind::KvUsed, 0.8, pool, 2));
}

TEST_CASE("a first-token filter goes by the request's objective and passes all without one") {
  PoolFixture pool = PoolFixture::equal(1);
  pool.endpoints[0].speed = {.base_s = 0.1, .prefill_s_per_token = 1e-3};  // 1.1 s
  RequestView request{.prompt_tokens = 1000};
  CHECK(pass(FilterKind::FirstToken, 1, pool, 0, request));
  request.first_token_objective = 1s;
  CHECK_FALSE(pass(FilterKind::FirstToken, 1, pool, 0, request));
  CHECK(pass(FilterKind::FirstToken, 1.2, pool, 0, request));
}

TEST_CASE("each scorer, filter and picker has a name of its own") {
  for (const auto names : {scorer_names(), filter_names(), picker_names()}) {
    std::vector<std::string_view> sorted(names.begin(), names.end());
    std::sort(sorted.begin(), sorted.end());
    CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
    CHECK(std::find(sorted.begin(), sorted.end(), "") == sorted.end());
  }
  CHECK(scorer_names().size() == static_cast<std::size_t>(ScorerKind::Power) + 1);
  CHECK(filter_names().size() == static_cast<std::size_t>(FilterKind::FirstToken) + 1);
  CHECK(picker_names().size() == static_cast<std::size_t>(PickerKind::Weighted) + 1);
}

TEST_CASE("scores lie between 0 and 1, whatever is known of whom") {
  for_each_seed(300, [](Rng& rng) {
    PoolFixture pool(std::vector<double>{});
    pool.now = Instant{} + 1000s;
    const std::uint64_t size = 1 + rng.below(12);
    for (std::uint64_t i = 0; i < size; ++i) pool.add(0.01 + 10 * rng.uniform());
    for (EndpointView& endpoint : pool.endpoints) {
      endpoint.in_flight = static_cast<std::uint32_t>(rng.below(50));
      endpoint.capacity = rng.below(2) == 0 ? 0 : static_cast<std::uint32_t>(1 + rng.below(50));
      tell_something(endpoint, pool.now, rng);
    }
    const RequestView request = random_request(pool, rng);
    for (std::size_t kind = 0; kind < scorer_names().size(); ++kind) {
      CAPTURE(std::string(scorer_names()[kind]));
      for (const double one : score_of(static_cast<ScorerKind>(kind), pool, request)) {
        CHECK(one >= 0.0);
        CHECK(one <= 1.0);
      }
    }
  });
}

TEST_CASE("the order of candidates changes no score") {
  for_each_seed(100, [](Rng& rng) {
    PoolFixture pool = PoolFixture::equal(6);
    pool.now = Instant{} + 1000s;
    for (EndpointView& endpoint : pool.endpoints) tell_something(endpoint, pool.now, rng);
    const RequestView request = random_request(pool, rng);
    PoolFixture turned = pool;
    turned.only({5, 4, 3, 2, 1, 0});
    for (std::size_t kind = 0; kind < scorer_names().size(); ++kind) {
      Scores there = score_of(static_cast<ScorerKind>(kind), turned, request);
      std::reverse(there.begin(), there.end());
      const Scores here = score_of(static_cast<ScorerKind>(kind), pool, request);
      for (std::size_t i = 0; i < here.size(); ++i) CHECK(here[i] == doctest::Approx(there[i]));
    }
  });
}
