// The generator against scripted servers on loopback.

#include "evener/load/generator.h"

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "evener/base/clock.h"
#include "evener/load/target.h"
#include "evener/net/http_server.h"

namespace evener::load {
namespace {

using namespace std::chrono_literals;
using net::HttpReply;
using net::HttpRequest;
using net::Task;

class ScriptedServer {
 public:
  explicit ScriptedServer(net::HttpHandler handler)
      : server_(reactor_, *net::listen_on(*net::Address::parse("127.0.0.1:0"), net::ReusePort::No), std::move(handler)),
        thread_([this] { reactor_.run(); }) {}
  ~ScriptedServer() {
    reactor_.stop();
    thread_.join();
  }
  [[nodiscard]] std::string url() const { return "http://" + server_.address().text(); }

 private:
  net::Reactor reactor_;
  net::HttpServer server_;
  std::thread thread_;
};

const std::string Event = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
const std::string Done = "data: [DONE]\n\n";

Task<> answer_stream(HttpReply& reply, std::string events, net::HeaderList more = {}) {
  more.emplace_back("Content-Type", "text/event-stream");
  if (co_await reply.start(200, std::move(more)) && co_await reply.chunk(std::move(events))) co_await reply.finish();
}

LoadOptions options_for(const ScriptedServer& server, std::uint64_t requests, double rate = 1000) {
  LoadOptions options;
  options.url = server.url();
  options.model = "m";
  options.workload.arrival = OpenLoop{.spacing = OpenLoop::Spacing::Fixed, .rate_per_s = rate};
  options.workload.requests_max = requests;
  options.workload.input_tokens = {.min = 10, .max = 10};
  options.workload.output_tokens = {.min = 3, .max = 3};
  return options;
}

LoadReport run(const LoadOptions& options, const LoadCallbacks& callbacks = {}, std::stop_token stop = {}) {
  auto report = run_load(options, callbacks, stop);
  REQUIRE(report);
  return std::move(*report);
}

TEST_CASE("every request of the workload is sent once, over kept connections, whatever the number of threads") {
  for (const unsigned threads : {1U, 3U}) {
    std::mutex mutex;
    std::multiset<std::string> bodies;
    const ScriptedServer server([&](const HttpRequest& request, HttpReply& reply) -> Task<> {
      {
        const std::lock_guard lock(mutex);
        bodies.insert(request.body);
      }
      co_await answer_stream(reply, Event + Event + Event + Done, {{"x-evener-endpoint", "e1"}});
    });
    LoadOptions options = options_for(server, 60);
    options.connections_max = 20;
    options.threads = threads;
    const LoadReport report = run(options);
    CHECK(report.succeeded == 60);
    CHECK(report.failed == 0);
    CHECK(bodies.size() == 60);
    CHECK(std::set<std::string>(bodies.begin(), bodies.end()).size() == 60);
    CHECK(report.output_tokens == 180);
    CHECK(report.endpoints.at("e1").requests == 60);
    CHECK(report.connections_opened <= 20);
    CHECK(report.itl.count() == 120);
  }
}

TEST_CASE("the request carries model, length, stream, prompt, headers and key, at the path below the URL") {
  HttpRequest seen;
  const ScriptedServer server([&](const HttpRequest& request, HttpReply& reply) -> Task<> {
    seen = request;
    co_await answer_stream(reply, Event + Done);
  });
  LoadOptions options = options_for(server, 1);
  options.url += "/base/v1/";
  options.api_key = "secret";
  options.headers = {{"x-tenant", "t"}};
  CHECK(run(options).succeeded == 1);
  CHECK(seen.path == "/base/v1/chat/completions");
  CHECK(net::header_value(seen.headers, "authorization") == "Bearer secret");
  CHECK(net::header_value(seen.headers, "x-tenant") == "t");
  CHECK(seen.body.starts_with(R"({"model":"m","max_tokens":3,"ignore_eos":true,"stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":" )"));
}

TEST_CASE("a server that falls behind shows in the latencies, not in the rate at which requests were meant to come") {
  // One connection, 50 ms per answer, one request every 10 ms: the last of 10 waits for nine answers, about 500 ms less 90 ms of schedule.
  const ScriptedServer server([](const HttpRequest&, HttpReply& reply) -> Task<> {
    co_await reply.reactor().sleep(50ms);
    co_await answer_stream(reply, Event + Done);
  });
  LoadOptions options = options_for(server, 10, 100);
  options.connections_max = 1;
  const LoadReport report = run(options);
  CHECK(report.succeeded == 10);
  CHECK(report.overdue >= 8);
  CHECK(seconds(Duration(static_cast<std::int64_t>(report.e2e.max()))) >= 0.40);
  CHECK(seconds(Duration(static_cast<std::int64_t>(report.lateness.max()))) >= 0.35);
}

TEST_CASE("a closed loop has exactly as many requests in flight as connections, and ends with the duration") {
  std::atomic<int> in_flight{0}, most{0};
  const ScriptedServer server([&](const HttpRequest&, HttpReply& reply) -> Task<> {
    most = std::max(most.load(), ++in_flight);
    co_await reply.reactor().sleep(10ms);
    --in_flight;
    co_await answer_stream(reply, Event + Done);
  });
  LoadOptions options = options_for(server, 0);
  options.workload.arrival = ClosedLoop{.connections = 3};
  options.duration = 300ms;
  const LoadReport report = run(options);
  CHECK(most == 3);
  CHECK(report.succeeded >= 3);
  CHECK(report.connections_opened == 3);
  CHECK(report.failed == 0);
}

TEST_CASE("an open loop with a duration sends what is due until then and no more") {
  const ScriptedServer server([](const HttpRequest&, HttpReply& reply) -> Task<> { co_await answer_stream(reply, Event + Done); });
  LoadOptions options = options_for(server, 0, 100);
  options.duration = 205ms;
  CHECK(run(options).succeeded == 21);
}

TEST_CASE("each way to fail is counted under its own name") {
  const auto outcome = [](net::HttpHandler handler, Streaming streaming = Streaming::Yes, Duration timeout = 20s) {
    const ScriptedServer server(std::move(handler));
    LoadOptions options = options_for(server, 1);
    options.streaming = streaming;
    options.request_timeout = timeout;
    const LoadReport report = run(options);
    REQUIRE(report.requests() == 1);
    for (std::size_t i = 0; i < Failures; ++i) {
      if (report.failures[i] > 0) return std::string(name_of(static_cast<Failure>(i)));
    }
    return std::string("none");
  };
  const auto with_status = [](std::uint16_t status) {
    return [status](const HttpRequest&, HttpReply& reply) -> Task<> { co_await reply.respond({.status = status, .body = "{}"}); };
  };
  const auto with_stream = [](std::string events) {
    return [events](const HttpRequest&, HttpReply& reply) -> Task<> { co_await answer_stream(reply, events); };
  };
  CHECK(outcome(with_status(503)) == "refused");
  CHECK(outcome(with_status(429)) == "refused");
  CHECK(outcome(with_status(404)) == "client");
  CHECK(outcome(with_status(500)) == "server");
  CHECK(outcome(with_status(302)) == "malformed");
  CHECK(outcome(with_status(200)) == "malformed");  // not a stream
  CHECK(outcome(with_stream(Event + Done)) == "none");
  CHECK(outcome(with_stream(Event)) == "truncated");
  CHECK(outcome(with_stream(Event + "data: {\"error\":{\"message\":\"x\"}}\n\n")) == "stream_error");
  CHECK(outcome(with_stream("data: nonsense\n\n" + Done)) == "malformed");
  CHECK(outcome(with_status(200), Streaming::No) == "none");
  CHECK(outcome([](const HttpRequest&, HttpReply& reply) -> Task<> { co_await reply.respond({.body = "<html>"}); }, Streaming::No) == "malformed");
  CHECK(outcome([](const HttpRequest&, HttpReply& reply) -> Task<> { co_await reply.raw("not HTTP\r\n\r\n"); }) == "malformed");
  CHECK(outcome([](const HttpRequest&, HttpReply& reply) -> Task<> {
          reply.abort();
          co_return;
        }) == "broken");
  CHECK(outcome([](const HttpRequest&, HttpReply& reply) -> Task<> {
          co_await reply.start(200, {{"Content-Type", "text/event-stream"}});
          co_await reply.chunk(Event);
          reply.abort();
        }) == "broken");
  CHECK(outcome([](const HttpRequest&, HttpReply& reply) -> Task<> { co_await reply.reactor().sleep(10s); }, Streaming::Yes, 200ms) == "timed_out");
}

TEST_CASE("a server that does not exist is a finding, not a refusal") {
  std::string url;
  {
    const ScriptedServer gone([](const HttpRequest&, HttpReply&) -> Task<> { co_return; });
    url = gone.url();
  }
  LoadOptions options;
  options.url = url;
  options.model = "m";
  options.workload.requests_max = 3;
  options.workload.arrival = OpenLoop{.spacing = OpenLoop::Spacing::Fixed, .rate_per_s = 1000};
  const LoadReport report = run(options);
  CHECK(report.failures[static_cast<std::size_t>(Failure::Connect)] == 3);
}

TEST_CASE("a request on a kept connection that the server has closed meanwhile is sent again, and that is counted") {
  std::atomic<int> asked{0};
  const ScriptedServer server([&](const HttpRequest&, HttpReply& reply) -> Task<> {
    if (++asked == 2) {
      reply.abort();
      co_return;
    }
    co_await answer_stream(reply, Event + Done);
  });
  LoadOptions options = options_for(server, 3);
  options.workload.arrival = ClosedLoop{.connections = 1};
  const LoadReport report = run(options);
  CHECK(report.succeeded == 3);
  CHECK(report.resent == 1);
  CHECK(report.connections_opened == 2);
}

TEST_CASE("stopping cancels what is in flight and sends nothing more") {
  std::stop_source source;
  const ScriptedServer server([&](const HttpRequest&, HttpReply& reply) -> Task<> {
    source.request_stop();
    co_await reply.reactor().sleep(60s);
  });
  LoadOptions options = options_for(server, 1'000'000, 100);
  const LoadReport report = run(options, {}, source.get_token());
  CHECK(report.cancelled >= 1);
  CHECK(report.failed == 0);
  CHECK(report.succeeded == 0);
}

TEST_CASE("arrivals beyond the waiting limit are not sent, and counted") {
  const ScriptedServer server([](const HttpRequest&, HttpReply& reply) -> Task<> {
    co_await reply.reactor().sleep(100ms);
    co_await answer_stream(reply, Event + Done);
  });
  LoadOptions options = options_for(server, 20, 10'000);
  options.connections_max = 1;
  options.waiting_max = 2;
  const LoadReport report = run(options);
  CHECK(report.succeeded + report.not_sent == 20);
  CHECK(report.not_sent >= 15);
}

TEST_CASE("progress is told while the run goes on, with counts that add up") {
  const ScriptedServer server([](const HttpRequest&, HttpReply& reply) -> Task<> { co_await answer_stream(reply, Event + Done); });
  LoadOptions options = options_for(server, 60, 100);
  std::vector<LoadProgress> told;
  std::uint64_t records = 0;
  run(options, {.progress = [&](const LoadProgress& progress) { told.push_back(progress); }, .request = [&](const RequestRecord&) { ++records; }});
  REQUIRE(!told.empty());
  CHECK(told.front().planned_requests == 60);
  CHECK(told.front().planned_s == doctest::Approx(0.6));
  for (const LoadProgress& progress : told) CHECK(progress.sent == progress.succeeded + progress.failed + progress.in_flight);
  CHECK(records == 60);
}

TEST_CASE("options that make no sense are refused with a reason") {
  const auto message = [](LoadOptions options) { return run_load(options).error().message; };
  LoadOptions options;
  options.model = "m";
  CHECK(message(options) == "this load would never end: give a duration or a number of requests");
  options.workload.requests_max = 1;
  options.model = "";
  CHECK(message(options) == "the model's name is missing");
  options.model = "m";
  options.threads = 0;
  CHECK(message(options) == "the number of threads is 0; it must be 1..256");
  options.threads = 1;
  options.url = "https://127.0.0.1";
  CHECK(message(options).starts_with("https://127.0.0.1: https is not supported"));
  options.url = "http://127.0.0.1:x";
  CHECK(message(options).starts_with("http://127.0.0.1:x: "));
}

TEST_CASE("a URL gives host, port and what stands before /v1") {
  const auto plain = resolve_target("http://127.0.0.1:9000");
  REQUIRE(plain);
  CHECK(plain->host == "127.0.0.1:9000");
  CHECK(plain->base_path.empty());
  CHECK(plain->addresses.front().port() == 9000);
  CHECK(resolve_target("127.0.0.1")->addresses.front().port() == 80);
  CHECK(resolve_target("http://[::1]:81/a/v1")->base_path == "/a");
  CHECK(resolve_target("http://[::1]")->addresses.front().port() == 80);
}

TEST_CASE("a run describes itself in one line") {
  LoadOptions options;
  options.workload.arrival = OpenLoop{.rate_per_s = 12.5};
  options.workload.input_tokens = {.min = 10, .max = 20};
  options.duration = 30s;
  CHECK(describe(options) == "Poisson 12.5 requests/s, 30 s, 10 to 20 tokens in, 64 out, chat streamed, seed 1");
  options.workload.arrival = ClosedLoop{.connections = 4};
  options.streaming = Streaming::No;
  options.api = Api::Completions;
  CHECK(describe(options) == "closed loop, 4 connections, 30 s, 10 to 20 tokens in, 64 out, completions, seed 1");
}

}  // namespace
}  // namespace evener::load
