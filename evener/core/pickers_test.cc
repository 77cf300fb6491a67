#include "evener/core/pickers.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/for_each_seed.h"

using namespace evener;

namespace {

WeightedPicker picker_of(const std::vector<double>& weights) {
  WeightedPicker picker;
  for (double weight : weights) picker.add(weight);
  return picker;
}

}  // namespace

TEST_CASE("draws are in proportion to the weights") {
  const WeightedPicker picker = picker_of({1, 3, 6});
  Rng rng(1);
  std::vector<int> drawn(3);
  for (int i = 0; i < 100000; ++i) ++drawn.at(picker.pick(rng));
  CHECK(drawn[0] == doctest::Approx(10000).epsilon(0.05));
  CHECK(drawn[1] == doctest::Approx(30000).epsilon(0.05));
  CHECK(drawn[2] == doctest::Approx(60000).epsilon(0.05));
}

TEST_CASE("equal weights are drawn equally") {
  const WeightedPicker picker = picker_of({2, 2, 2, 2});
  Rng rng(2);
  std::vector<int> drawn(4);
  for (int i = 0; i < 100000; ++i) ++drawn.at(picker.pick(rng));
  for (int count : drawn) CHECK(count == doctest::Approx(25000).epsilon(0.05));
}

TEST_CASE("the second draw is never the first, whatever the weights") {
  for_each_seed(500, [](Rng& rng) {
    WeightedPicker picker;
    const std::uint64_t size = 2 + rng.below(20);
    for (std::uint64_t i = 0; i < size; ++i) picker.add(rng.below(4) == 0 ? 1000.0 : 0.001 + rng.uniform());
    for (int i = 0; i < 50; ++i) {
      const std::uint32_t first = picker.pick(rng);
      const std::uint32_t second = picker.pick_other(rng, first);
      REQUIRE(first < size);
      REQUIRE(second < size);
      REQUIRE(first != second);
    }
  });
}

TEST_CASE("the second draw keeps the proportions of the rest") {
  const WeightedPicker picker = picker_of({1, 100, 3, 6});
  Rng rng(3);
  std::vector<int> drawn(4);
  for (int i = 0; i < 100000; ++i) ++drawn.at(picker.pick_other(rng, 1));
  CHECK(drawn[1] == 0);
  CHECK(drawn[0] == doctest::Approx(10000).epsilon(0.05));
  CHECK(drawn[2] == doctest::Approx(30000).epsilon(0.05));
  CHECK(drawn[3] == doctest::Approx(60000).epsilon(0.05));
}

TEST_CASE("weights that differ by twelve decades still give valid positions") {
  const WeightedPicker picker = picker_of({1e-6, 1e6, 1e-6});
  Rng rng(4);
  for (int i = 0; i < 10000; ++i) {
    CHECK(picker.pick(rng) < 3);
    CHECK(picker.pick_other(rng, 1) != 1);
    CHECK(picker.pick_other(rng, 1) < 3);
  }
}

TEST_CASE("a cleared picker starts anew") {
  WeightedPicker picker = picker_of({1, 2});
  picker.clear();
  CHECK(picker.size() == 0);
  CHECK(picker.total() == 0.0);
  picker.add(5);
  Rng rng(5);
  CHECK(picker.pick(rng) == 0);
}
