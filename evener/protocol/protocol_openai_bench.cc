// What a router pays per request body: chat bodies of 1 KB to 256 KB, and arrays of token numbers (the dearest text per byte).

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "evener/protocol/openai.h"

namespace {

using namespace evener::protocol;

std::string chat_body(std::size_t bytes) {
  std::string body = R"({"model":"meta-llama/Llama-3.1-8B-Instruct","stream":true,"temperature":0.7,"max_tokens":256,"messages":[)";
  while (body.size() + 560 < bytes) {
    body += R"({"role":"user","content":")";
    for (int i = 0; i < 10; ++i) body += R"(The quick brown fox \"jumps\" over the lazy dog.\n)";
    body += R"("},)";
  }
  body +=
      R"({"role":"user","content":")" + std::string(bytes > body.size() + 60 ? bytes - body.size() - 60 : 1, 'x') + R"("}],"user":"u"})";
  return body;
}

void count_bytes(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
}

void chat(benchmark::State& state) {
  const std::string body = chat_body(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    auto request = read_openai_request(body);
    if (!request) state.SkipWithError("refused");
    benchmark::DoNotOptimize(request);
  }
  count_bytes(state, body.size());
}
BENCHMARK(chat)->Arg(1 << 10)->Arg(4 << 10)->Arg(16 << 10)->Arg(64 << 10)->Arg(256 << 10)->Arg(4 << 20);

void token_array(benchmark::State& state) {
  std::string body = R"({"model":"m","input":[1)";
  for (unsigned i = 0; body.size() < static_cast<std::size_t>(state.range(0)); ++i) body += "," + std::to_string(i * 7919 % 128000);
  body += "]}";
  for (auto _ : state) {
    auto request = read_openai_request(body);
    if (!request) state.SkipWithError("refused");
    benchmark::DoNotOptimize(request);
  }
  count_bytes(state, body.size());
}
BENCHMARK(token_array)->Arg(16 << 10);

void usage_of_answer(benchmark::State& state) {
  const std::string body =
      R"({"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":")" +
      std::string(1500, 'y') +
      R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":300,"total_tokens":312,"prompt_tokens_details":{"cached_tokens":8}}})";
  for (auto _ : state) benchmark::DoNotOptimize(read_usage(body));
}
BENCHMARK(usage_of_answer);

void usage_of_embeddings(benchmark::State& state) {
  std::string body = R"({"object":"list","data":[{"embedding":[0.1)";
  for (int i = 0; i < 1536; ++i) body += ",-0.0123456" + std::to_string(i);
  body += R"(]}],"usage":{"prompt_tokens":12,"total_tokens":12}})";
  for (auto _ : state) benchmark::DoNotOptimize(read_usage(body));
  count_bytes(state, body.size());
}
BENCHMARK(usage_of_embeddings);

}  // namespace
