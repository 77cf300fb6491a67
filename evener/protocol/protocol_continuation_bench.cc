// What a stream that may be continued costs per event besides being watched: one of the first engine, and one that is rewritten.

#include <benchmark/benchmark.h>

#include <string_view>

#include "evener/protocol/continued_stream.h"
#include "evener/protocol/stream_chunk.h"

namespace {

using namespace evener::protocol;

constexpr std::string_view Event =
    "data: "
    "{\"id\":\"chatcmpl-0123456789abcdef\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"meta-llama/"
    "Llama-3\",\"choices\":"
    "[{\"index\":0,\"delta\":{\"content\":\" word\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";

void chunk(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(read_stream_chunk(Event.substr(6, Event.size() - 8)));
}
BENCHMARK(chunk);

void event(benchmark::State& state, bool resumed) {
  ContinuedStream stream(Operation::ChatCompletions);
  SseCutter cutter;
  cutter.feed(Event);
  (void)stream.pass(*cutter.next());
  if (resumed) stream.resume();
  for (auto _ : state) {
    cutter.feed(Event);
    benchmark::DoNotOptimize(stream.pass(*cutter.next()));
  }
}
BENCHMARK_CAPTURE(event, first, false);
BENCHMARK_CAPTURE(event, resumed, true);

}  // namespace
