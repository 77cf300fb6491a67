// The emulated engines over loopback: what a client of a real inference server would see.

#include "evener/engine/fleet.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "evener/net/http_client.h"

namespace evener::engine {
namespace {

using namespace std::chrono_literals;
using net::HttpClient;
using net::HttpRequest;
using net::HttpResponse;
using net::Reactor;
using net::Task;

constexpr Duration Patience = 20s;  // nothing here should take this long; a hang fails instead of blocking

// A fast engine: a prompt of 100 tokens takes about 1 ms, each token about 0.2 ms.
EngineOptions fast(std::string name = "fast") {
  EngineOptions options;
  options.name = std::move(name);
  options.models = {"m"};
  options.config.step = lab::LinearStep{.prefill_tokens_per_s = 100'000, .base_s = 0.0002, .per_sequence_s = 0, .per_kv_token_s = 0};
  return options;
}

std::unique_ptr<Fleet> start(std::vector<EngineOptions> engines) {
  auto fleet = Fleet::start(std::move(engines));
  REQUIRE(fleet);
  return std::move(*fleet);
}

/// Runs one client coroutine to its end.
void as_client(const std::function<Task<>(Reactor&)>& client) {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    co_await client(reactor);
    reactor.stop();
  };
  reactor.spawn(body());
  reactor.run();
}

struct Exchange {
  std::uint16_t status = 0;  // 0: no answer
  net::HeaderList headers;
  std::string body;          // as far as it came
  bool complete = false;
  std::string error;
};

Task<Exchange> exchange(Reactor& reactor, const std::string& address, HttpRequest request, Duration patience = Patience) {
  HttpClient client(reactor);
  Exchange result;
  const Instant deadline = monotonic_now() + patience;
  const auto connected = co_await client.connect(*net::Address::parse(address), deadline);
  if (!connected) {
    result.error = connected.error().message;
    co_return result;
  }
  const auto head = co_await client.send(request, address, deadline);
  if (!head) {
    result.error = head.error().message;
    co_return result;
  }
  result.status = head->status;
  result.headers = head->headers;
  for (;;) {
    const auto piece = co_await client.read_body(deadline);
    if (!piece) {
      result.error = piece.error().message;
      co_return result;
    }
    if (piece->empty()) break;
    result.body += *piece;
  }
  result.complete = true;
  co_return result;
}

Exchange ask(const std::string& address, HttpRequest request, Duration patience = Patience) {
  Exchange result;
  as_client([&](Reactor& reactor) -> Task<> { result = co_await exchange(reactor, address, std::move(request), patience); });
  return result;
}

HttpRequest get(std::string path) { return {.method = "GET", .path = std::move(path)}; }
HttpRequest post(std::string path, std::string body) {
  return {.method = "POST", .path = std::move(path), .query = {}, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}
HttpRequest chat(std::string_view more, std::size_t prompt_bytes = 40) {
  return post("/v1/chat/completions", R"({"model":"m","messages":[{"role":"user","content":")" + std::string(prompt_bytes, 'x') + "\"}]" + std::string(more) + "}");
}

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

bool has(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }

TEST_CASE("a chat request is answered with as many tokens as it asked for, and the usage says so") {
  const auto fleet = start({fast()});
  const Exchange answer = ask(fleet->address(0), chat(R"(,"max_tokens":9)"));
  CHECK(answer.status == 200);
  CHECK(net::header_value(answer.headers, "x-evener-engine") == "fast");
  CHECK(has(answer.body, R"("usage":{"prompt_tokens":10,"completion_tokens":9,"total_tokens":19,)"));
  CHECK(has(answer.body, R"("finish_reason":"length")"));
  const Exchange chosen = ask(fleet->address(0), chat(R"(,"max_tokens":50,"evener_output_tokens":3)"));
  CHECK(has(chosen.body, R"("completion_tokens":3,)"));
  CHECK(has(chosen.body, R"("finish_reason":"stop")"));
}

TEST_CASE("a stream has one event per token, the usage when asked, and its end mark") {
  const auto fleet = start({fast()});
  const Exchange answer = ask(fleet->address(0), chat(R"(,"stream":true,"stream_options":{"include_usage":true},"max_tokens":20)"));
  CHECK(answer.status == 200);
  CHECK(net::header_value(answer.headers, "content-type") == "text/event-stream; charset=utf-8");
  CHECK(count(answer.body, "\"delta\":{\"content\":\" ") == 20);
  CHECK(count(answer.body, "\"completion_tokens\":20") == 1);
  CHECK(answer.body.ends_with("data: [DONE]\n\n"));
  CHECK(answer.complete);
}

TEST_CASE("completions, embeddings and the Responses API answer, too") {
  const auto fleet = start({fast()});
  CHECK(has(ask(fleet->address(0), post("/v1/completions", R"({"model":"m","prompt":"abcd","max_tokens":2})")).body, R"("completion_tokens":2)"));
  CHECK(has(ask(fleet->address(0), post("/v1/embeddings", R"({"model":"m","input":["abcd","efgh"],"dimensions":4})")).body, R"("total_tokens":2)"));
  const Exchange response = ask(fleet->address(0), post("/v1/responses", R"({"model":"m","input":"abcd","stream":true,"max_output_tokens":4,"evener_output_tokens":3})"));
  CHECK(count(response.body, "event: response.output_text.delta") == 3);
  CHECK(count(response.body, "event: response.completed") == 1);
}

TEST_CASE("a repeated prompt is found in the prefix cache, another salt finds nothing") {
  const auto fleet = start({fast()});
  CHECK(has(ask(fleet->address(0), chat(R"(,"max_tokens":1)", 4000)).body, R"("cached_tokens":0)"));
  CHECK(has(ask(fleet->address(0), chat(R"(,"max_tokens":1)", 4000)).body, R"("cached_tokens":992)"));
  CHECK(has(ask(fleet->address(0), chat(R"(,"max_tokens":1,"cache_salt":"other")", 4000)).body, R"("cached_tokens":0)"));
  CHECK(fleet->snapshot(0).state.totals.prefix_hit_tokens == 992);
}

TEST_CASE("models, health, version and vLLM's metrics are served") {
  EngineOptions options = fast();
  options.models = {"m", "vendor/second"};
  const auto fleet = start({options});
  const std::string address = fleet->address(0);
  CHECK(ask(address, get("/health")).status == 200);
  CHECK(has(ask(address, get("/version")).body, "\"version\""));
  CHECK(has(ask(address, get("/v1/models")).body, R"({"id":"m","object":"model")"));
  CHECK(has(ask(address, get("/v1/models/vendor/second")).body, R"("max_model_len":65536)"));
  CHECK(ask(address, get("/v1/models/x")).status == 404);
  CHECK(ask(address, get("/nothing")).status == 404);
  ask(address, chat(R"(,"max_tokens":5)"));
  const std::string metrics = ask(address, get("/metrics")).body;
  for (const std::string_view line :
       {"vllm:num_requests_running{model_name=\"m\",engine=\"0\"} 0\n", "vllm:num_requests_waiting{model_name=\"m\",engine=\"0\"} 0\n",
        "vllm:kv_cache_usage_perc{model_name=\"m\",engine=\"0\"} 0\n", "vllm:prompt_tokens_total{model_name=\"m\",engine=\"0\"} 10\n",
        "vllm:generation_tokens_total{model_name=\"m\",engine=\"0\"} 5\n", "vllm:time_to_first_token_seconds_count{model_name=\"m\",engine=\"0\"} 1\n",
        "vllm:prefix_cache_queries_total{model_name=\"m\",engine=\"0\"} 10\n",
        "vllm:request_success_total{model_name=\"m\",engine=\"0\",finished_reason=\"length\"} 1\n",
        "vllm:cache_config_info{engine=\"0\",block_size=\"16\",num_gpu_blocks=\"4096\",enable_prefix_caching=\"True\"} 1\n"}) {
    CAPTURE(line);
    CAPTURE(metrics);
    CHECK(has(metrics, line));
  }
}

TEST_CASE("an unknown model, a malformed body and a prompt beyond the context are refused as vLLM refuses them") {
  EngineOptions options = fast();
  options.config.context_tokens_max = 100;
  const auto fleet = start({options});
  const Exchange unknown = ask(fleet->address(0), post("/v1/chat/completions", R"({"model":"x","messages":[{"role":"user","content":"a"}]})"));
  CHECK(unknown.status == 404);
  CHECK(has(unknown.body, R"("code":404)"));
  CHECK(ask(fleet->address(0), post("/v1/chat/completions", "{")).status == 400);
  const Exchange longer = ask(fleet->address(0), chat(R"(,"max_tokens":50)", 400));
  CHECK(longer.status == 400);
  CHECK(has(longer.body, "maximum context length is 100 tokens"));
}

TEST_CASE("several engines in one process differ in strength and count on their own") {
  EngineOptions second = fast("second");
  second.models = {"m"};
  const auto fleet = start({fast("first"), second, fast("third")});
  ask(fleet->address(1), chat(R"(,"max_tokens":2)"));
  CHECK(fleet->snapshot(0).requests == 0);
  CHECK(fleet->snapshot(1).requests == 1);
  CHECK(fleet->snapshot(1).state.totals.generation_tokens == 2);
  CHECK(fleet->name(2) == "third");
}

TEST_CASE("an engine that cannot listen is named and none is started") {
  const auto fleet = start({fast()});
  EngineOptions clash = fast("clash");
  clash.listen = fleet->address(0);
  const auto failed = Fleet::start({fast("fine"), clash});
  REQUIRE(!failed);
  CHECK(failed.error().message.starts_with("engine clash: "));
}

TEST_CASE("a full queue is refused with 503 and Retry-After") {
  EngineOptions options = fast();
  options.config.batch_sequences_max = 1;
  options.config.queue_max = 1;
  options.config.step = lab::LinearStep{.prefill_tokens_per_s = 100'000, .base_s = 0.05};
  const auto fleet = start({options});
  int refused = 0, answered = 0;
  as_client([&](Reactor& reactor) -> Task<> {
    net::Sibling first, second;
    const auto one = [&]() -> Task<> {
      const Exchange answer = co_await exchange(reactor, fleet->address(0), chat(R"(,"max_tokens":10)"));
      (answer.status == 200 ? answered : refused) += 1;
      if (answer.status == 503) CHECK(net::header_value(answer.headers, "retry-after") == "1");
    };
    first.start(one());
    second.start(one());
    co_await one();
    co_await first.join();
    co_await second.join();
  });
  CHECK(answered == 2);
  CHECK(refused == 1);
}

TEST_CASE("a client that leaves mid-stream frees its place and its KV blocks") {
  EngineOptions options = fast();
  options.config.step = lab::LinearStep{.prefill_tokens_per_s = 100'000, .base_s = 0.002};
  const auto fleet = start({options});
  as_client([&](Reactor& reactor) -> Task<> {
    HttpClient client(reactor);
    const Instant deadline = monotonic_now() + Patience;
    co_await client.connect(*net::Address::parse(fleet->address(0)), deadline);
    const HttpRequest request = chat(R"(,"stream":true,"max_tokens":60000)");
    co_await client.send(request, "engine", deadline);
    const auto piece = co_await client.read_body(deadline);
    CHECK(piece);
    CHECK(fleet->snapshot(0).state.gauges.running == 1);
    client.close();
    // The engine learns of it when its loop does; it may take a step or two.
    for (int i = 0; i < 1000 && fleet->snapshot(0).state.gauges.running > 0; ++i) co_await reactor.sleep(1ms);
    CHECK(fleet->snapshot(0).state.gauges.running == 0);
    CHECK(fleet->snapshot(0).state.gauges.kv_used == 0);
    CHECK(fleet->snapshot(0).state.totals.cancelled == 1);
  });
}

TEST_CASE("a slow engine takes the given times as long") {
  EngineOptions options = fast();
  options.config.step = lab::LinearStep{.prefill_tokens_per_s = 1e9, .base_s = 0.001};
  const auto fleet = start({options});
  const auto duration = [&] {
    const Instant begin = monotonic_now();
    CHECK(ask(fleet->address(0), chat(R"(,"max_tokens":100)")).status == 200);
    return seconds(monotonic_now() - begin);
  };
  CHECK(duration() >= 0.1);
  FaultPlan plan;
  plan.slow = 4;
  fleet->set_faults(0, plan);
  CHECK(duration() >= 0.4);
}

TEST_CASE("faults are changed and shown over HTTP while the engine runs") {
  const auto fleet = start({fast()});
  const std::string address = fleet->address(0);
  CHECK(ask(address, post("/fault", R"({"error":1,"error_status":502,"unhealthy":true})")).status == 200);
  CHECK(ask(address, chat("")).status == 502);
  CHECK(ask(address, get("/health")).status == 503);
  CHECK(has(ask(address, get("/fault")).body, R"("error_status":502)"));
  CHECK(ask(address, post("/fault", R"({"errors":1})")).status == 400);
  CHECK(ask(address, chat("")).status == 502);
  CHECK(ask(address, {.method = "DELETE", .path = "/fault"}).status == 200);
  CHECK(ask(address, chat(R"(,"max_tokens":1)")).status == 200);
}

TEST_CASE("an overloaded engine says when to come back") {
  EngineOptions options = fast();
  options.faults.overloaded = 1;
  options.faults.overloaded_status = 429;
  options.faults.retry_after_s = 7;
  const auto fleet = start({options});
  const Exchange answer = ask(fleet->address(0), chat(""));
  CHECK(answer.status == 429);
  CHECK(net::header_value(answer.headers, "retry-after") == "7");
}

TEST_CASE("a reset comes after the given number of tokens, and before anything of an answer that is not streamed") {
  EngineOptions options = fast();
  options.faults.reset = 1;
  options.faults.reset_after_tokens = 4;
  const auto fleet = start({options});
  const Exchange streamed = ask(fleet->address(0), chat(R"(,"stream":true,"max_tokens":20)"));
  CHECK(streamed.status == 200);
  CHECK(!streamed.complete);
  CHECK(count(streamed.body, "\"delta\":{\"content\":\" ") == 4);
  CHECK(!has(streamed.body, "[DONE]"));
  CHECK(ask(fleet->address(0), chat(R"(,"max_tokens":20)")).status == 0);
}

TEST_CASE("garbage is not HTTP, and a half-open engine never answers") {
  EngineOptions garbage = fast("garbage"), half_open = fast("half-open");
  garbage.faults.garbage = 1;
  half_open.faults.half_open = 1;
  const auto fleet = start({garbage, half_open});
  const Exchange nonsense = ask(fleet->address(0), chat(""));
  CHECK(nonsense.status == 0);
  CAPTURE(nonsense.error);
  CHECK(!nonsense.error.empty());
  CHECK(!has(nonsense.error, "timed out"));
  const Exchange nothing = ask(fleet->address(1), chat(""), 300ms);
  CHECK(nothing.status == 0);
  CHECK(has(nothing.error, "timed out"));
  CHECK(ask(fleet->address(1), get("/health")).status == 200);
}

TEST_CASE("stalls hold the first token or the middle of a stream back, then the answer ends complete") {
  EngineOptions options = fast();
  options.faults.stall_s = 0.15;
  const auto fleet = start({options});
  const auto stalled_stream = [&](FaultPlan plan) {
    plan.stall_s = 0.15;
    fleet->set_faults(0, plan);
    const Instant begin = monotonic_now();
    const Exchange answer = ask(fleet->address(0), chat(R"(,"stream":true,"max_tokens":10)"));
    CHECK(answer.body.ends_with("[DONE]\n\n"));
    CHECK(count(answer.body, "\"delta\":{\"content\":\" ") == 10);
    return seconds(monotonic_now() - begin);
  };
  FaultPlan first, middle;
  first.stall_first = 1;
  middle.stall_stream = 1;
  CHECK(stalled_stream(first) >= 0.15);
  CHECK(stalled_stream(middle) >= 0.15);
}

TEST_CASE("an engine taken down resets its streams and refuses connections, and brought up again it serves on the same port") {
  EngineOptions options = fast();
  options.config.step = lab::LinearStep{.prefill_tokens_per_s = 100'000, .base_s = 0.002};
  const auto fleet = start({options});
  const std::string address = fleet->address(0);
  as_client([&](Reactor& reactor) -> Task<> {
    HttpClient client(reactor);
    const Instant deadline = monotonic_now() + Patience;
    co_await client.connect(*net::Address::parse(address), deadline);
    const HttpRequest request = chat(R"(,"stream":true,"max_tokens":60000)");
    co_await client.send(request, "engine", deadline);
    CHECK(co_await client.read_body(deadline));
    fleet->take_down(0);
    bool broken = false;
    while (!broken) {
      const auto piece = co_await client.read_body(deadline);
      REQUIRE((!piece || !piece->empty()));
      broken = !piece;
    }
  });
  CHECK(ask(address, get("/health")).status == 0);
  CHECK(fleet->snapshot(0).down);
  CHECK(fleet->snapshot(0).state.gauges.running == 0);
  REQUIRE(fleet->bring_up(0));
  CHECK(fleet->address(0) == address);
  CHECK(ask(address, chat(R"(,"max_tokens":1)")).status == 200);
}

}  // namespace
}  // namespace evener::engine
