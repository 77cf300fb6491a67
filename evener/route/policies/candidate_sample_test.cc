#include "evener/route/policies/candidate_sample.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "evener/route/testing/pool_fixture.h"
#include "tests/for_each_seed.h"

using namespace evener;
using namespace evener::route;

namespace {

constexpr std::size_t Large = 1000;

bool holds(std::span<const std::uint32_t> sample, std::uint32_t index) {
  return std::find(sample.begin(), sample.end(), index) != sample.end();
}

}  // namespace

TEST_CASE("up to 192 candidates all are looked at") {
  CandidateSample sample;
  Rng rng(1);
  const PoolFixture pool = PoolFixture::equal(CandidateSample::LookAtAll);
  CHECK(sample.of(pool.view(), rng).size() == 192);
  CHECK(std::equal(pool.candidates.begin(), pool.candidates.end(), sample.of(pool.view(), rng).begin()));
}

TEST_CASE("of a larger pool 96 are drawn, all of them candidates") {
  for_each_seed(100, [](Rng& rng) {
    PoolFixture pool = PoolFixture::equal(Large);
    std::vector<std::uint32_t> odd;
    for (std::uint32_t index = 1; index < Large; index += 2) odd.push_back(index);
    pool.only(odd);
    CandidateSample sample;
    const auto drawn = sample.of(pool.view(), rng);
    CHECK(drawn.size() == CandidateSample::DrawnMax);
    for (const std::uint32_t index : drawn) CHECK(index % 2 == 1);
  });
}

TEST_CASE("who holds much of the prompt is always looked at, who holds little is not looked at for that") {
  for_each_seed(100, [](Rng& rng) {
    PoolFixture pool = PoolFixture::equal(Large);
    std::vector<std::uint32_t> cached(Large);
    cached[17] = 4000;
    cached[500] = 2000;
    for (std::uint32_t index = 600; index < Large; ++index) cached[index] = 1999;
    pool.cached(cached);
    CandidateSample sample;
    const auto drawn = sample.of(pool.view(), rng);
    CHECK(holds(drawn, 17));
    CHECK(holds(drawn, 500));
    CHECK(drawn.size() == 2 + CandidateSample::DrawnMax);
  });
}

TEST_CASE("of a beginning that all hold no more than 64 holders are looked at, each as often as the others") {
  PoolFixture pool = PoolFixture::equal(Large);
  pool.cached(std::vector<std::uint32_t>(Large, 512));
  CandidateSample sample;
  std::vector<int> seen(Large);
  Rng rng(1);
  constexpr int Times = 20'000;
  for (int i = 0; i < Times; ++i) {
    const auto drawn = sample.of(pool.view(), rng);
    REQUIRE(drawn.size() == CandidateSample::HoldersMax + CandidateSample::DrawnMax);
    for (const std::uint32_t index : drawn) ++seen[index];
  }
  for (const int times : seen) CHECK(times == doctest::Approx(Times * 0.16).epsilon(0.1));
}

TEST_CASE("the lowest of a sample is among the best tenth of the pool") {
  for_each_seed(200, [](Rng& rng) {
    CandidateSample sample;
    PoolFixture pool = PoolFixture::equal(Large);
    const std::uint32_t best = sample.lowest(sample.of(pool.view(), rng), rng, [](std::uint32_t index) { return index; });
    CHECK(best < Large / 10);  // missed by 96 draws once in 25,000
  });
}

TEST_CASE("equals are taken alike") {
  const std::vector<std::uint32_t> candidates = {3, 5, 8, 9};
  std::vector<int> chosen(10);
  CandidateSample sample;
  Rng rng(1);
  for (int i = 0; i < 9000; ++i) ++chosen[sample.lowest(candidates, rng, [](std::uint32_t index) { return index == 5 ? 2.0 : 1.0; })];
  CHECK(chosen[5] == 0);
  for (const int index : {3, 8, 9}) CHECK(chosen[static_cast<std::size_t>(index)] == doctest::Approx(3000).epsilon(0.05));
}

TEST_CASE("of candidates whose costs are about the lowest the second figure decides, and chance among those where it is equal, too") {
  CandidateSample sample;
  Rng rng(1);
  const std::vector<std::uint32_t> candidates = {0, 1, 2, 3};
  const std::array<double, 4> costs = {103, 102, 101, 100}, seconds = {0, 1, 1, 2};
  std::array<int, 4> chosen{};
  for (int i = 0; i < 4000; ++i) {
    ++chosen[sample.lowest(
        candidates, rng, 0.02, [](std::uint32_t index) { return 103.0 - index; },
        [&](std::uint32_t index, double first) {
          CHECK(first == costs[index]);
          return first;
        },
        [&](std::uint32_t index) { return seconds[index]; })];
  }
  CHECK(chosen[0] == 0);
  CHECK(chosen[1] == doctest::Approx(2000).epsilon(0.1));
  CHECK(chosen[2] == doctest::Approx(2000).epsilon(0.1));
  CHECK(chosen[3] == 0);
}
