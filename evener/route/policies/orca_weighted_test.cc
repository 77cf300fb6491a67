#include "evener/route/policies/orca_weighted.h"

#include <doctest/doctest.h>

#include <vector>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

/// Sends 100 requests per second for so long while each endpoint reports a utilization of its requests per second over what it can do; returns
/// the share of the last second that each got.
std::vector<double> shares(OrcaWeighted& policy, PoolFixture& pool, int run_s, const std::vector<double>& capacity_per_s) {
  Rng rng(1);
  std::vector<double> sent(pool.endpoints.size());
  for (int second = 0; second < run_s; ++second) {
    sent.assign(sent.size(), 0);
    for (int i = 0; i < 100; ++i) {
      ++sent[policy.choose({}, pool.view(), rng)];
      pool.now += 10ms;
    }
    for (std::size_t i = 0; i < sent.size(); ++i) {
      if (capacity_per_s[i] > 0) pool.endpoints[i].report = LoadReport{.at = pool.now, .utilization = sent[i] / capacity_per_s[i]};
    }
  }
  for (double& count : sent) count /= 100;
  return sent;
}

}  // namespace

TEST_CASE("orca: endpoints get requests in proportion to what they can do, whatever they were told to weigh") {
  OrcaWeighted policy;
  PoolFixture pool({1, 1, 2});
  pool.introduce(policy);
  const auto part = shares(policy, pool, 60, {300, 100, 100});
  CHECK(part[0] == doctest::Approx(0.6).epsilon(0.05));
  CHECK(part[1] == doctest::Approx(0.2).epsilon(0.1));
  CHECK(part[2] == doctest::Approx(0.2).epsilon(0.1));
}

TEST_CASE("orca: reports count only after ten seconds of them, and no more three minutes after the last") {
  OrcaWeighted policy;
  PoolFixture pool = PoolFixture::equal(2);
  pool.introduce(policy);
  CHECK(shares(policy, pool, 9, {300, 100})[0] == doctest::Approx(0.5));
  CHECK(shares(policy, pool, 60, {300, 100})[0] == doctest::Approx(0.75).epsilon(0.05));
  CHECK(shares(policy, pool, 170, {0, 0})[0] > 0.7);
  CHECK(shares(policy, pool, 30, {0, 0})[0] == doctest::Approx(0.5));
}

TEST_CASE("orca: an endpoint that reports nothing gets as much as the others on average") {
  OrcaWeighted policy;
  PoolFixture pool = PoolFixture::equal(3);
  pool.introduce(policy);
  const auto part = shares(policy, pool, 60, {300, 100, 0});
  CHECK(part[2] == doctest::Approx(1.0 / 3).epsilon(0.05));
  CHECK(part[0] > 2.5 * part[1]);
}

TEST_CASE("orca: without a figure of utilization, KV memory and running requests stand for it") {
  OrcaWeighted policy;
  PoolFixture pool = PoolFixture::equal(2);
  pool.introduce(policy);
  Rng rng(1);
  std::vector<int> sent(2);
  for (int i = 0; i < 3000; ++i) {
    if (i == 2000) sent = {0, 0};
    ++sent[policy.choose({}, pool.view(), rng)];
    pool.now += 10ms;
    pool.endpoints[0].report = LoadReport{.at = pool.now, .running = 8, .kv_used = 0.1, .requests_max = 10};
    pool.endpoints[1].report = LoadReport{.at = pool.now, .running = 2, .kv_used = 0.4, .requests_max = 10};
  }
  CHECK(sent[1] > 2 * sent[0]);  // reports that do not change with the load drive it on to the second
}

TEST_CASE("orca: holds what every policy promises") { check_policy_properties(PolicyKind::OrcaWeighted); }
