#include "evener/lab/service_model.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "evener/lab/summary.h"
#include "evener/lab/workloads.h"

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

constexpr Instant Start{};

std::vector<std::uint64_t> ended(ServiceModel& model, Duration at) {
  std::vector<JobNews> news;
  model.advance(Start + at, news);
  std::vector<std::uint64_t> ids;
  for (const JobNews& one : news) {
    CHECK(one.finished);
    ids.push_back(one.id);
  }
  return ids;
}

TEST_CASE("a batch begins when it is full, and takes its base and something for each request") {
  ServiceModel model({.base_s = 0.010, .item_s = 0.002, .batch_max = 3, .batch_wait = 100ms}, Rng(1));
  for (const std::uint64_t id : std::initializer_list<std::uint64_t>{1, 2, 3, 4}) CHECK(!model.submit({.id = id}, Start + 1ms));
  CHECK(model.due() == Start + 17ms);
  CHECK(ended(model, 17ms) == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(model.due() == Start + 101ms);  // the fourth waits for others, as long as it may
  CHECK(ended(model, 101ms).empty());
  CHECK(ended(model, 113ms) == std::vector<std::uint64_t>{4});
}

TEST_CASE("what waits while all instances are busy goes together into the next batch") {
  ServiceModel model({.base_s = 0.010, .batch_max = 8}, Rng(1));
  for (const std::uint64_t id : std::initializer_list<std::uint64_t>{1, 2, 3})
    CHECK(!model.submit({.id = id}, Start + Duration(id * 1'000'000)));
  CHECK(ended(model, 11ms) == std::vector<std::uint64_t>{1});
  CHECK(ended(model, 21ms) == std::vector<std::uint64_t>{2, 3});
}

TEST_CASE("a full queue refuses") {
  ServiceModel model({.base_s = 1, .queue_max = 1}, Rng(1));
  CHECK(!model.submit({.id = 1}, Start));
  CHECK(!model.submit({.id = 2}, Start));
  CHECK(model.submit({.id = 3}, Start));
}

/// Mean time of a request at one instance with batches of any size, by the chain of batch sizes: while a batch of n is served, in a + b * n, a
/// Poisson number of others comes; they are the next batch, and were there half of that time on average.
double exact_batch_latency(double rate_per_s, double base_s, double item_s) {
  constexpr int SizesMax = 200;
  const auto service = [&](int size) { return base_s + item_s * size; };
  const auto arrivals = [&](int size) {
    std::vector<double> probability(SizesMax + 1);
    const double mean = rate_per_s * service(size);
    probability[0] = std::exp(-mean);
    for (int k = 1; k <= SizesMax; ++k) probability[static_cast<std::size_t>(k)] = probability[static_cast<std::size_t>(k - 1)] * mean / k;
    return probability;
  };
  std::vector<double> share(SizesMax + 1);
  share[1] = 1;
  for (int turn = 0; turn < 200; ++turn) {
    std::vector<double> next(SizesMax + 1);
    for (int size = 1; size <= SizesMax; ++size) {
      const double weight = share[static_cast<std::size_t>(size)];
      if (weight < 1e-12) continue;
      const auto probability = arrivals(size);
      next[1] += weight * probability[0];  // nobody came: the next one is served alone
      for (int k = 1; k <= SizesMax; ++k) next[static_cast<std::size_t>(k)] += weight * probability[static_cast<std::size_t>(k)];
    }
    share = next;
  }
  double time = 0, requests = 0;
  for (int size = 1; size <= SizesMax; ++size) {
    const double weight = share[static_cast<std::size_t>(size)];
    if (weight < 1e-12) continue;
    const auto probability = arrivals(size);
    time += weight * probability[0] * service(1);
    requests += weight * probability[0];
    for (int k = 1; k <= SizesMax; ++k) {
      const double come = weight * probability[static_cast<std::size_t>(k)] * k;
      time += come * (service(size) / 2 + service(k));
      requests += come;
    }
  }
  return time / requests;
}

TEST_CASE("batches take as long on average as the chain of their sizes says") {
  for (const double rate_per_s : {20.0, 60.0, 150.0}) {
    const Workload workload = independent_load({.arrivals = {.stages = {{rate_per_s, 30'000 / rate_per_s}}}}, 3);
    const ServiceConfig service{.base_s = 0.02, .item_s = 0.004, .batch_max = 1000};
    const SimulationResult result = simulate({.endpoints = {{.name = "server", .engine = service, .settings = {}}}}, workload);
    const double measured = summarise(workload, result, {}).e2e.mean_s, exact = exact_batch_latency(rate_per_s, 0.02, 0.004);
    MESSAGE("measured ", measured, ", exact ", exact);
    CHECK(std::abs(measured / exact - 1) < 0.02);
  }
}

TEST_CASE("a saturated server does instances * batch requests in the time of a full batch") {
  const Workload workload = independent_load({.arrivals = {.stages = {{1000, 10}}}}, 3);
  const ServiceConfig service{.workers = 2, .base_s = 0.02, .item_s = 0.004, .batch_max = 8};
  const SimulationResult result = simulate({.endpoints = {{.name = "server", .engine = service, .settings = {}}}}, workload);
  const double per_s = static_cast<double>(workload.requests.size()) / seconds(result.end);
  CHECK(per_s == doctest::Approx(2 * 8 / (0.02 + 8 * 0.004)).epsilon(0.01));
}

}  // namespace
}  // namespace evener::lab
