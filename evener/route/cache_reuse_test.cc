#include "evener/route/cache_reuse.h"

#include <doctest/doctest.h>

using namespace evener::route;

TEST_CASE("a pool whose caches find three of four tokens reuses each computed token three times") {
  CacheReuse reuse;
  CHECK(reuse.value() == 0);
  for (int i = 0; i < 100; ++i) reuse.add(1000, 750);
  CHECK(reuse.value() == doctest::Approx(3.0));
}

TEST_CASE("reuse follows a change of the load and is bounded where everything is found") {
  CacheReuse reuse;
  for (int i = 0; i < 1000; ++i) reuse.add(1000, 0);
  for (int i = 0; i < 5000; ++i) reuse.add(1000, 1000);
  CHECK(reuse.value() == doctest::Approx(19.0));
}

TEST_CASE("an engine that reports more cached tokens than the prompt has counts as finding all") {
  CacheReuse reuse;
  reuse.add(100, 5000);
  CHECK(reuse.value() <= 19.01);
}
