// What waiting costs: one request comes and one goes, with the queue kept at a length; and the account of one that does not wait.
// On a shared 2-core virtual machine, clang 19 -O3: 0.17 us with 10 waiting, 0.3 us with 1,000, 3.3 us with 100,000 of 1,000 tenants (out of cache); 13 ns
// for one that does not wait. fair_queue_bench --benchmark_min_time=0.1

#include "evener/route/fair_queue.h"

#include <benchmark/benchmark.h>

#include <cstdint>

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

void come_and_go(benchmark::State& state) {
  const auto waiting = static_cast<std::uint64_t>(state.range(0));
  const auto tenants = static_cast<std::uint64_t>(state.range(1));
  const ClassesSettings classes = default_classes();
  FairQueue queue;
  Instant now = Instant{} + 1s;
  std::uint64_t number = 0;
  const auto push = [&] {
    ++number;
    const RequestView request{.priority = static_cast<Priority>(number % Priorities), .tenant = number * 7 % tenants};
    queue.push({.arrival = {.request = request, .cookie = number}, .tried = {}, .since = now, .deadline = now + 30s, .expires = now + 30s});
  };
  while (queue.size() < waiting) push();
  for (auto _ : state) {
    now += 2us;
    push();
    queue.take(*queue.next(now, classes), 800);
  }
}

void go_without_waiting(benchmark::State& state) {
  const auto tenants = static_cast<std::uint64_t>(state.range(0));
  FairQueue queue;
  std::uint64_t number = 0;
  for (auto _ : state) {
    const std::uint64_t tenant = ++number * 7 % tenants;
    queue.charge(Priority::Standard, tenant, 800);
    queue.correct(Priority::Standard, tenant, -200);
  }
}

}  // namespace

BENCHMARK(come_and_go)->ArgNames({"waiting", "tenants"})->Args({10, 1})->Args({1000, 1})->Args({1000, 100})->Args({100'000, 1000});
BENCHMARK(go_without_waiting)->ArgName("tenants")->Arg(1)->Arg(500)->Arg(100'000);
