// What a router pays for a request's prompt: the pass over the body, the walk over the prompt's strings, and the hashes of its blocks.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "evener/protocol/openai.h"
#include "evener/protocol/prompt.h"

namespace {

using namespace evener::protocol;

enum Text : std::int64_t { English, Russian, Escapes };

/// A conversation of that many bytes; messages are of 2,000 bytes, or a system and a user message in small bodies.
std::string chat_body(std::size_t bytes, std::int64_t text) {
  std::string sentence = R"(The quick brown fox \"jumps\" over the lazy dog, and 12 others follow. )";
  if (text == Russian) sentence = "Съешь же ещё этих мягких французских булок, да выпей чаю. ";
  if (text == Escapes) sentence = R"(\u4e2d\u6587\u6587\u672c\uff0c\u6bcf\u4e2a\u5b57\u90fd\u662f\u8f6c\u4e49\u3002)";
  std::string body =
      R"({"model":"meta-llama/Llama-3.1-8B-Instruct","messages":[{"role":"system","content":"You are a helpful assistant."})";
  while (body.size() < bytes) {
    body += R"(,{"role":"user","content":")";
    const std::size_t stop = std::min(bytes, body.size() + 2000);
    while (body.size() < stop) body += sentence;
    body += R"("})";
  }
  return body + R"(],"stream":true,"temperature":0.7,"max_tokens":256})";
}

std::string token_body(std::size_t ids) {
  std::string body = R"({"model":"m","prompt":[1)";
  for (std::size_t i = 1; i < ids; ++i) body += "," + std::to_string(i * 7919 % 128000);
  return body + "]}";
}

OpenAiRequest parsed(const std::string& body) {
  auto request = read_openai_request(body);
  if (!request) std::abort();
  return *std::move(request);
}

void count(benchmark::State& state, const std::string& body) {
  state.SetBytesProcessed(static_cast<std::int64_t>(body.size()) * state.iterations());
}

void parse(benchmark::State& state) {
  const std::string body = chat_body(static_cast<std::size_t>(state.range(0)), state.range(1));
  for (auto _ : state) benchmark::DoNotOptimize(read_openai_request(body));
  count(state, body);
}
void facts(benchmark::State& state) {
  const std::string body = chat_body(static_cast<std::size_t>(state.range(0)), state.range(1));
  const OpenAiRequest request = parsed(body);
  for (auto _ : state) benchmark::DoNotOptimize(read_prompt(Operation::ChatCompletions, request, body));
  count(state, body);
}
void facts_and_blocks(benchmark::State& state) {
  const std::string body = chat_body(static_cast<std::size_t>(state.range(0)), state.range(1));
  const OpenAiRequest request = parsed(body);
  std::vector<std::uint64_t> hashes;
  for (auto _ : state) {
    PromptBlocks blocks(1, BlockBytesDefault, hashes);
    benchmark::DoNotOptimize(read_prompt(Operation::ChatCompletions, request, body, blocks));
    benchmark::DoNotOptimize(hashes.data());
  }
  count(state, body);
}
void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({1000, English})->Args({10'000, English})->Args({400'000, English})->Args({400'000, Russian})->Args({400'000, Escapes});
}
BENCHMARK(parse)->Apply(sizes);
BENCHMARK(facts)->Apply(sizes);
BENCHMARK(facts_and_blocks)->Apply(sizes);

void blocks_of_token_ids(benchmark::State& state) {
  const std::string body = token_body(static_cast<std::size_t>(state.range(0)));
  const OpenAiRequest request = parsed(body);
  std::vector<std::uint64_t> hashes;
  for (auto _ : state) {
    PromptBlocks blocks(1, BlockBytesDefault, hashes);
    benchmark::DoNotOptimize(read_prompt(Operation::Completions, request, body, blocks));
    benchmark::DoNotOptimize(hashes.data());
  }
  count(state, body);
}
BENCHMARK(blocks_of_token_ids)->Arg(100'000);

void blocks_of_tools(benchmark::State& state) {
  std::string body = R"({"model":"m","messages":[],"tools":[0)";
  for (int i = 0; i < 40; ++i) {
    body +=
        R"(,{"type":"function","function":{"name":"look_up","description":"Looks something up in the table of all things.",)"
        R"("parameters":{"type":"object","properties":{"name":{"type":"string"},"count":{"type":"integer","minimum":1}},"required":["name"]}}})";
  }
  body += "]}";
  const OpenAiRequest request = parsed(body);
  std::vector<std::uint64_t> hashes;
  for (auto _ : state) {
    PromptBlocks blocks(1, BlockBytesDefault, hashes);
    benchmark::DoNotOptimize(read_prompt(Operation::ChatCompletions, request, body, blocks));
  }
  count(state, body);
}
BENCHMARK(blocks_of_tools);

}  // namespace
