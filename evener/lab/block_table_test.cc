#include "evener/lab/block_table.h"

#include <doctest/doctest.h>

#include <map>

#include "evener/core/rng.h"
#include "tests/for_each_seed.h"

namespace evener::lab {
namespace {

TEST_CASE("a table of blocks finds what a map would find, whatever was put in and taken out") {
  for_each_seed(50, [](Rng& rng) {
    const auto size = static_cast<std::uint32_t>(1 + rng.below(64));
    BlockTable table(size);
    std::map<std::uint64_t, std::uint32_t> expected;
    for (std::uint32_t i = 0; i < 2000; ++i) {
      const std::uint64_t hash = rng.below(96);  // few, so that many share a place
      if (rng.below(2) == 0 && expected.size() < size) {
        CHECK(table.insert(hash, i) == expected.emplace(hash, i).second);
      } else {
        table.erase(hash);
        expected.erase(hash);
      }
    }
    for (std::uint64_t hash = 0; hash < 96; ++hash) {
      CHECK(table.find(hash) == (expected.contains(hash) ? expected[hash] : BlockTable::None));
    }
  });
}

}  // namespace
}  // namespace evener::lab
