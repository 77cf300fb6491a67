// Cost of one typical request head: scanning, parsing, writing anew. For instruction counts run it under
// `valgrind --tool=callgrind --toggle-collect=...` with one benchmark and a fixed number of iterations.

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "evener/net/http1/chunked.h"
#include "evener/net/http1/testing.h"

namespace {

using namespace evener::net::http1;

// 10 headers, 376 bytes.
constexpr std::string_view Request =
    "POST /v1/chat/completions HTTP/1.1\r\n"
    "Host: inference.example.com:8080\r\n"
    "User-Agent: OpenAI/Python 1.51.0\r\n"
    "Accept: application/json\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Connection: keep-alive\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 1843\r\n"
    "Authorization: Bearer sk-0123456789abcdefghijklmnopqrstuvwxyz\r\n"
    "X-Stainless-Lang: python\r\n"
    "X-Request-Id: 7c1f6a4e-5f0b-4a55-9d20-2f6e0c2f9c11\r\n"
    "\r\n";
constexpr std::string_view Response =
    "HTTP/1.1 200 OK\r\ndate: Mon, 01 Jan 2024 00:00:00 GMT\r\nserver: uvicorn\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    "transfer-encoding: chunked\r\n\r\n";

void scan(benchmark::State& state) {
  for (auto _ : state) {
    HeadScanner scanner;
    benchmark::DoNotOptimize(scanner.scan(Request));
  }
}
BENCHMARK(scan);

void parse_request(benchmark::State& state) {
  RequestHead head;
  for (auto _ : state) {
    benchmark::DoNotOptimize(parse_request_head(Request, head));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(parse_request);

void parse_response(benchmark::State& state) {
  ResponseHead head;
  for (auto _ : state) {
    benchmark::DoNotOptimize(parse_response_head(Response, Method::Post, head));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(parse_response);

void write_request(benchmark::State& state) {
  RequestHead head;
  if (parse_request_head(Request, head) != nullptr) state.SkipWithError("refused");
  char buffer[1024];
  for (auto _ : state) {
    HeadWriter writer(buffer, sizeof buffer);
    writer.request_line(head.method, head.path, head.query);
    for (const Header& header : head.headers) {
      if (!header.hop_by_hop) writer.header(header.name, header.value);
    }
    writer.end();
    benchmark::DoNotOptimize(writer.size());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(write_request);

/// One chunk of 200 bytes per read, as an engine streams tokens.
void chunk_per_event(benchmark::State& state) {
  const std::string chunk = "c8\r\n" + std::string(200, 'x') + "\r\n";
  ChunkedDecoder decoder;
  for (auto _ : state) {
    std::string_view rest = chunk;
    for (;;) {
      const ChunkedDecoder::Step step = decoder.next(rest);
      if (step.kind == ChunkedDecoder::Kind::NeedMore) break;
      rest.remove_prefix(step.bytes.size());
    }
    benchmark::DoNotOptimize(rest.data());
  }
}
BENCHMARK(chunk_per_event);

}  // namespace
