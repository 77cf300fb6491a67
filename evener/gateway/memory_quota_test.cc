#include "evener/gateway/memory_quota.h"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "tests/for_each_seed.h"

namespace evener::gateway {
namespace {

TEST_CASE("a share grows up to the limit exactly, and a refusal changes nothing") {
  MemoryQuota quota(100);
  MemoryQuota::Share share;
  CHECK(quota.grow(share, 60));
  CHECK(quota.used() == 60);
  CHECK(!quota.grow(share, 101));
  CHECK(quota.used() == 60);
  CHECK(quota.grow(share, 100));
  CHECK(quota.grow(share, 100));
  CHECK(quota.grow(share, 10));  // it only grows
  CHECK(quota.used() == 100);
  MemoryQuota::Share other;
  CHECK(!quota.grow(other, 1));
  CHECK(quota.grow(other, 0));
}

TEST_CASE("whether something would fit can be asked without taking it") {
  MemoryQuota quota(100);
  MemoryQuota::Share share;
  CHECK(quota.grow(share, 60));
  MemoryQuota::Share other;
  CHECK(quota.fits(share, 100));
  CHECK(quota.fits(share, 10));
  CHECK(!quota.fits(share, 101));
  CHECK(quota.fits(other, 40));
  CHECK(!quota.fits(other, 41));
  CHECK(!quota.fits(other, std::numeric_limits<std::uint64_t>::max()));
  CHECK(quota.used() == 60);
  quota.set_limit(50);
  CHECK(!quota.fits(other, 1));
  CHECK(!quota.fits(share, 61));
  CHECK(quota.fits(share, 60));
}

TEST_CASE("what a share holds is given back when it goes, once, also after moves") {
  MemoryQuota quota(100);
  {
    MemoryQuota::Share first;
    CHECK(quota.grow(first, 40));
    MemoryQuota::Share second = std::move(first);
    CHECK(quota.used() == 40);
    MemoryQuota::Share third;
    CHECK(quota.grow(third, 30));
    third = std::move(second);
    CHECK(quota.used() == 40);
    third.release();
    third.release();
    CHECK(quota.used() == 0);
    CHECK(quota.grow(third, 100));
  }
  CHECK(quota.used() == 0);
}

TEST_CASE("no size is too large to be refused") {
  MemoryQuota quota(100);
  MemoryQuota::Share share;
  MemoryQuota::Share huge;
  CHECK(quota.grow(share, 50));
  CHECK(!quota.grow(huge, std::numeric_limits<std::uint64_t>::max()));
  CHECK(!quota.grow(huge, std::numeric_limits<std::uint64_t>::max() - 20));
  CHECK(!quota.grow(share, std::numeric_limits<std::uint64_t>::max()));
  CHECK(quota.used() == 50);
}

TEST_CASE("a limit lowered below what is held refuses more and takes nothing away") {
  MemoryQuota quota(100);
  MemoryQuota::Share share;
  MemoryQuota::Share other;
  CHECK(quota.grow(share, 80));
  quota.set_limit(50);
  CHECK(quota.limit() == 50);
  CHECK(quota.used() == 80);
  CHECK(!quota.grow(other, 1));
  share.release();
  CHECK(quota.grow(other, 50));
}

TEST_CASE("whatever threads ask for, the limit is never passed, what fits is never refused, and all comes back") {
  for_each_seed(10, [](Rng& rng) {
    // Each of the small ones always fits beside the others; each of the large ones never does.
    constexpr std::uint64_t Threads = 4;
    constexpr std::uint64_t Small = 100;
    MemoryQuota quota(Threads * Small);
    std::atomic<int> passed{0};
    std::atomic<int> refused_small{0};
    std::atomic<int> granted_large{0};
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < Threads; ++t) {
      threads.emplace_back([&, own = rng.fork(t)]() mutable {
        for (int i = 0; i < 2000; ++i) {
          MemoryQuota::Share share;
          if (!quota.grow(share, own.below(Small))) ++refused_small;
          if (!quota.grow(share, Small)) ++refused_small;
          if (quota.used() > quota.limit()) ++passed;
          MemoryQuota::Share large;
          if (quota.grow(large, Threads * Small + own.below(1000) + 1)) ++granted_large;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(passed == 0);
    CHECK(refused_small == 0);
    CHECK(granted_large == 0);
    CHECK(quota.used() == 0);
  });
}

}  // namespace
}  // namespace evener::gateway
