// What it costs to watch one event of about 200 bytes go by, arriving alone (a token at a time), in a batch, or cut in two.

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "evener/protocol/sse.h"

namespace {

using namespace evener::protocol;

constexpr std::string_view Event =
    "data: "
    "{\"id\":\"chatcmpl-0123456789abcdef\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"meta-llama/"
    "Llama-3\",\"choices\":"
    "[{\"index\":0,\"delta\":{\"content\":\" word\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
constexpr std::string_view NullUsage =
    "data: "
    "{\"id\":\"chatcmpl-0123456789abcdef\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"meta-llama/"
    "Llama-3\",\"choices\":"
    "[{\"index\":0,\"delta\":{\"content\":\" word\"},\"finish_reason\":null}],\"usage\":null}\n\n";
constexpr std::string_view LastUsage =
    "data: "
    "{\"id\":\"chatcmpl-0123456789abcdef\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"meta-llama/"
    "Llama-3\",\"choices\":[],"
    "\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":300,\"total_tokens\":312}}\n\n";

void one_event(benchmark::State& state, std::string_view event) {
  SseObserver observer;
  for (auto _ : state) observer.feed(event);
  benchmark::DoNotOptimize(observer.events());
}
BENCHMARK_CAPTURE(one_event, plain, Event);
BENCHMARK_CAPTURE(one_event, null_usage, NullUsage);
BENCHMARK_CAPTURE(one_event, usage, LastUsage);

void cut_event(benchmark::State& state) {
  SseObserver observer;
  for (auto _ : state) {
    observer.feed(Event.substr(0, 100));
    observer.feed(Event.substr(100));
  }
  benchmark::DoNotOptimize(observer.events());
}
BENCHMARK(cut_event);

void batch_of_16(benchmark::State& state) {
  std::string batch;
  for (int i = 0; i < 16; ++i) batch += Event;
  SseObserver observer;
  for (auto _ : state) observer.feed(batch);
  benchmark::DoNotOptimize(observer.events());
}
BENCHMARK(batch_of_16);

}  // namespace
