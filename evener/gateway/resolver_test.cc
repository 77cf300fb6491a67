#include "evener/gateway/resolver.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace evener::gateway {
namespace {

constexpr std::chrono::seconds GiveUpAfter(20);

TEST_CASE("answers come on the resolver's thread, in the order of the questions") {
  std::vector<std::uint16_t> ports;
  std::thread::id answered_by;
  std::promise<void> all;
  auto finished = all.get_future();
  Resolver resolver;
  for (std::uint16_t port = 1; port <= 50; ++port) {
    resolver.resolve("127.0.0.1", port, [&, port](Result<std::vector<net::Address>> found) {
      answered_by = std::this_thread::get_id();
      if (found.has_value() && found->size() == 1) ports.push_back(found->front().port());
      if (port == 50) all.set_value();
    });
  }
  REQUIRE(finished.wait_for(GiveUpAfter) == std::future_status::ready);
  CHECK(answered_by != std::this_thread::get_id());
  REQUIRE(ports.size() == 50);
  for (std::uint16_t port = 1; port <= 50; ++port) CHECK(ports[port - 1U] == port);
}

TEST_CASE("a name that cannot be is answered with an error") {
  std::promise<bool> answered;
  auto good = answered.get_future();
  Resolver resolver;
  resolver.resolve(std::string(300, 'x'), 80, [&](Result<std::vector<net::Address>> found) { answered.set_value(found.has_value()); });
  REQUIRE(good.wait_for(GiveUpAfter) == std::future_status::ready);
  CHECK(!good.get());
}

TEST_CASE("one question more than may wait is answered with an error at once, and those that wait are dropped at the end") {
  std::atomic<std::size_t> answered{0};
  bool refused_here = false;
  {
    std::promise<void> busy;
    std::promise<void> go_on;
    auto is_busy = busy.get_future();
    auto may_go_on = go_on.get_future();
    Resolver resolver;
    resolver.resolve("127.0.0.1", 1, [&](const auto&) {
      busy.set_value();
      may_go_on.wait_for(GiveUpAfter);
    });
    REQUIRE(is_busy.wait_for(GiveUpAfter) == std::future_status::ready);
    for (std::size_t i = 0; i < Resolver::PendingMax; ++i) resolver.resolve("127.0.0.1", 1, [&](const auto&) { ++answered; });
    const auto here = std::this_thread::get_id();
    resolver.resolve("127.0.0.1", 1, [&](const Result<std::vector<net::Address>>& found) {
      refused_here = !found.has_value() && found.error().may_retry == MayRetry::Yes && std::this_thread::get_id() == here;
    });
    CHECK(refused_here);
    CHECK(answered == 0);
    // The destructor waits for the look-up in progress, which we let end only now.
    std::thread release([&] { go_on.set_value(); });
    release.join();
  }
  CHECK(answered <= Resolver::PendingMax);
}

}  // namespace
}  // namespace evener::gateway
