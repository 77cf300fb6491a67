#include "evener/lab/sharing_model.h"

#include <doctest/doctest.h>

#include <cmath>

#include "evener/lab/summary.h"
#include "evener/lab/workloads.h"

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

constexpr Instant Start{};

TEST_CASE("requests on one core take turns in shares, and one that is left has all of it") {
  SharingModel model({.cores = 1, .slots = 8, .base_s = 0, .output_token_s = 0.001});
  CHECK(!model.submit({.id = 1, .output_tokens = 10}, Start));
  CHECK(!model.submit({.id = 2, .output_tokens = 30}, Start));
  std::vector<JobNews> news;
  model.advance(Start, news);  // first tokens: their prompts take nothing
  CHECK(news.size() == 2);
  news.clear();
  CHECK(model.due() == Start + 20ms);  // 10 ms of work at half the speed
  model.advance(Start + 20ms, news);
  REQUIRE(news.size() == 1);
  CHECK(news.front().id == 1);
  CHECK(model.due() == Start + 40ms);  // 20 ms are left, alone
}

TEST_CASE("as many requests as cores do not slow each other down, and slots bound how many run") {
  SharingModel model({.cores = 2, .slots = 2, .output_token_s = 0.001});
  for (const std::uint64_t id : std::initializer_list<std::uint64_t>{1, 2, 3}) CHECK(!model.submit({.id = id, .output_tokens = 10}, Start));
  std::vector<JobNews> news;
  model.advance(Start + 10ms, news);
  CHECK(model.report(Start + 10ms).running == 1);
  CHECK(model.due() == Start + 20ms);
  model.set_slowdown(2, Start + 10ms);
  CHECK(model.due() == Start + 30ms);
}

/// Mean time of a request, over the work of the run's own draws.
void check_sharing(double cores, double load, bool exponential, double exact, double tolerance) {
  const double work_s = 1;
  const double rate_per_s = load * cores / work_s;
  Workload workload = independent_load({.arrivals = {.stages = {{rate_per_s, 100'000 / rate_per_s}}}}, 11);
  const Rng rng(7);
  for (std::uint64_t index = 0; index < workload.requests.size(); ++index) {
    Rng draw = rng.fork(index);
    workload.requests[index].output_tokens = static_cast<std::uint32_t>(1 + (exponential ? draw.exponential(1e6) : 1e6));
  }
  const SharingConfig shared{.cores = cores, .slots = 1'000'000, .output_token_s = work_s / 1e6};
  const SimulationResult result = simulate({.endpoints = {{.name = "server", .engine = shared, .settings = {}}}, .seed = 5}, workload);
  const double measured = summarise(workload, result, {}, {.from = from_seconds(10'000 / rate_per_s)}).e2e.mean_s;
  MESSAGE("measured ", measured, ", exact ", exact);
  CHECK(std::abs(measured / exact - 1) < tolerance);
}

TEST_CASE("sharing one core takes 1/(1 - load) of the work, whatever the law of the work") {
  check_sharing(1, 0.5, true, 2, 0.03);
  check_sharing(1, 0.8, true, 5, 0.08);
  check_sharing(1, 0.8, false, 5, 0.08);
}

TEST_CASE("sharing four cores takes as long as a queue of four exponential servers") {
  check_sharing(4, 0.8, true, 1 + 0.596432 / (4 - 3.2), 0.05);
}

}  // namespace
}  // namespace evener::lab
