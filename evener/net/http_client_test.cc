#include "evener/net/http_client.h"

#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "evener/net/http_server.h"
#include "evener/net/testing.h"
#include "tests/for_each_seed.h"

namespace evener::net {
namespace {

using namespace std::chrono_literals;
using testing::next_turn;
using testing::run_until_ended;

constexpr std::size_t EnoughBytes = 64 << 20;

/// A server whose handler each test writes.
struct Site {
  Site(Reactor& reactor, HttpHandler handle)
      : handler(std::move(handle)), server(reactor, testing::listen_anywhere(), [this](const HttpRequest& request, HttpReply& reply) {
          ++requests;
          return handler(request, reply);
        }) {}
  int requests = 0;
  HttpHandler handler;
  HttpServer server;
};

/// Answers every request with these bytes, whatever they are.
HttpHandler raw_answer(std::string bytes) {
  return [bytes](const HttpRequest&, HttpReply& reply) -> Task<> { co_await reply.raw(bytes); };
}

TEST_CASE("requests go one after another over one connection, with method, path, query, headers and body") {
  Reactor reactor;
  std::vector<std::string> seen;
  std::size_t connections_most = 0;
  Site site(reactor, [&](const HttpRequest& request, HttpReply& reply) -> Task<> {
    seen.push_back(request.method + " " + request.path + " " + request.query + " " + std::string(header_value(request.headers, "x-mark")) +
                   " " + std::string(header_value(request.headers, "HOST")) + " " + request.body);
    connections_most = std::max(connections_most, site.server.connections());
    co_await reply.respond({.status = 201, .headers = {{"X-Answer", "yes"}}, .body = "thanks"});
  });
  const auto body = [&]() -> Task<> {
    HttpClient client(reactor);
    CHECK(!client.connected());
    const auto connected = co_await client.connect(site.server.address(), reactor.now() + 5s);
    CHECK(connected.has_value());
    for (int i = 0; i < 3; ++i) {
      CHECK(client.connected());
      const HttpRequest request{.method = "POST", .path = "/p", .query = "q=1", .headers = {{"X-Mark", "m"}}, .body = "body"};
      const auto response = co_await client.fetch(request, "name", EnoughBytes, reactor.now() + 5s);
      CHECK(response.has_value());
      if (!response) co_return;
      CHECK(response->status == 201);
      CHECK(header_value(response->headers, "x-answer") == "yes");
      CHECK(response->body == "thanks");
    }
  };
  run_until_ended(reactor, body());
  CHECK(seen == std::vector<std::string>(3, "POST /p q=1 m name body"));
  CHECK(connections_most == 1);
}

TEST_CASE("chunks of any size arrive as the one body they make") {
  for_each_seed(20, [](Rng& rng) {
    Reactor reactor;
    std::string all;
    Site site(reactor, [&](const HttpRequest&, HttpReply& reply) -> Task<> {
      co_await reply.start(200, {});
      const std::uint64_t chunks = rng.below(20);
      for (std::uint64_t i = 0; i < chunks; ++i) {
        std::string piece(rng.below(rng.below(2) == 0 ? 40 : 60'000), '\0');
        for (char& c : piece) c = static_cast<char>(rng.next());
        all += piece;
        const bool sent = co_await reply.chunk(std::move(piece));
        CHECK(sent);
      }
      co_await reply.finish();
    });
    const auto body = [&]() -> Task<> {
      HttpClient client(reactor);
      co_await client.connect(site.server.address(), reactor.now() + 5s);
      for (int i = 0; i < 2; ++i) {
        all.clear();
        const auto response = co_await client.fetch({}, "h", EnoughBytes, reactor.now() + 10s);
        CHECK(response.has_value());
        if (response) CHECK((response->body == all));
        CHECK(client.connected());
      }
    };
    run_until_ended(reactor, body());
  });
}

TEST_CASE("an answer to HEAD has no body, whatever length it announces, and the connection is kept") {
  Reactor reactor;
  Site site(reactor, [](const HttpRequest&, HttpReply& reply) -> Task<> {
    co_await reply.respond({.status = 200, .headers = {}, .body = std::string(5000, 'x')});
  });
  const auto body = [&]() -> Task<> {
    HttpClient client(reactor);
    co_await client.connect(site.server.address(), reactor.now() + 5s);
    const auto head = co_await client.fetch({.method = "HEAD"}, "h", EnoughBytes, reactor.now() + 5s);
    CHECK(head.has_value());
    if (head) CHECK(head->body.empty());
    CHECK(client.connected());
    const auto get = co_await client.fetch({}, "h", EnoughBytes, reactor.now() + 5s);
    CHECK(get.has_value());
    if (get) CHECK(get->body.size() == 5000);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("interim answers are passed over, and an answer without length ends with the connection") {
  Reactor reactor;
  Site site(reactor,
            raw_answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil the end"));
  const auto body = [&]() -> Task<> {
    HttpClient client(reactor);
    co_await client.connect(site.server.address(), reactor.now() + 5s);
    const auto response = co_await client.fetch({}, "h", EnoughBytes, reactor.now() + 5s);
    CHECK(response.has_value());
    if (response) {
      CHECK(response->status == 200);
      CHECK(response->body == "until the end");
    }
    CHECK(!client.connected());
    const auto next = co_await client.fetch({}, "h", EnoughBytes, reactor.now() + 5s);
    CHECK(!next.has_value());
    const auto connected = co_await client.connect(site.server.address(), reactor.now() + 5s);
    CHECK(connected.has_value());
    CHECK(client.connected());
  };
  run_until_ended(reactor, body());
}

TEST_CASE("broken answers are the endpoint's fault, close the connection and may be tried again") {
  Reactor reactor;
  Site site(reactor, raw_answer(""));
  const auto body = [&]() -> Task<> {
    for (const char* bytes : {"", "HTTP/1.1 200", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
                              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n",
                              "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"}) {
      CAPTURE(bytes);
      site.handler = raw_answer(bytes);
      HttpClient client(reactor);
      co_await client.connect(site.server.address(), reactor.now() + 5s);
      const auto response = co_await client.fetch({}, "h", EnoughBytes, reactor.now() + 5s);
      CHECK(!response.has_value());
      if (!response) {
        CHECK(response.error().fault == Fault::Endpoint);
        CHECK(response.error().may_retry == MayRetry::Yes);
      }
      CHECK(!client.connected());
    }
  };
  run_until_ended(reactor, body());
}

TEST_CASE("an answer's head beyond 64 KiB and a body beyond the caller's limit are refused") {
  Reactor reactor;
  Site site(reactor, raw_answer("HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x')));
  const auto body = [&]() -> Task<> {
    HttpClient client(reactor);
    co_await client.connect(site.server.address(), reactor.now() + 5s);
    const auto head = co_await client.fetch({}, "h", EnoughBytes, reactor.now() + 5s);
    CHECK(!head.has_value());
    if (!head) CHECK(head.error().message.find("64 KiB") != std::string::npos);

    site.handler = [](const HttpRequest&, HttpReply& reply) -> Task<> {
      co_await reply.respond({.status = 200, .headers = {}, .body = "12345"});
    };
    co_await client.connect(site.server.address(), reactor.now() + 5s);
    const auto fits = co_await client.fetch({}, "h", 5, reactor.now() + 5s);
    CHECK(fits.has_value());
    const auto too_large = co_await client.fetch({}, "h", 4, reactor.now() + 5s);
    CHECK(!too_large.has_value());
    CHECK(!client.connected());
  };
  run_until_ended(reactor, body());
}

TEST_CASE("an answer that does not come by the deadline is an error, and the server sees its client go") {
  Reactor reactor;
  bool gone = false;
  Event left(reactor);
  Site site(reactor, [&](const HttpRequest&, HttpReply& reply) -> Task<> {
    reply.on_client_gone({.notify = [](void* event) { static_cast<Event*>(event)->set(); }, .context = &left});
    co_await left.wait_until(Instant::max());
    gone = reply.client_gone();
  });
  const auto body = [&]() -> Task<> {
    HttpClient client(reactor);
    co_await client.connect(site.server.address(), reactor.now() + 5s);
    const Instant deadline = monotonic_now() + 10ms;
    const auto response = co_await client.fetch({}, "h", EnoughBytes, deadline);
    CHECK(!response.has_value());
    CHECK(monotonic_now() >= deadline);
    CHECK(!client.connected());
    while (site.server.connections() > 0) co_await next_turn(reactor);
  };
  run_until_ended(reactor, body());
  CHECK(gone);
}

TEST_CASE("cancel() ends a request that waits for its answer") {
  Reactor reactor;
  Event never(reactor);
  Site site(reactor, [&](const HttpRequest&, HttpReply&) -> Task<> { co_await never.wait_until(Instant::max()); });
  const auto body = [&]() -> Task<> {
    HttpClient client(reactor);
    co_await client.connect(site.server.address(), reactor.now() + 5s);
    reactor.post([&] { client.cancel(); });
    const auto response = co_await client.fetch({}, "h", EnoughBytes, reactor.now() + 5s);
    CHECK(!response.has_value());
    CHECK(!client.connected());
  };
  run_until_ended(reactor, body());
}

TEST_CASE("a kept connection that the server has closed meanwhile is not connected any more") {
  Reactor reactor;
  Site site(reactor, [](const HttpRequest&, HttpReply& reply) -> Task<> { co_await reply.respond({}); });
  const auto body = [&]() -> Task<> {
    HttpClient client(reactor);
    co_await client.connect(site.server.address(), reactor.now() + 5s);
    const auto response = co_await client.fetch({}, "h", EnoughBytes, reactor.now() + 5s);
    CHECK(response.has_value());
    CHECK(client.connected());
    site.server.stop();
    const auto last = co_await client.fetch({}, "h", EnoughBytes, reactor.now() + 5s);
    CHECK(last.has_value());
    CHECK(!client.connected());
  };
  run_until_ended(reactor, body());
}

TEST_CASE("connecting where nobody listens is an error that names the address") {
  Reactor reactor;
  const int fd = testing::listen_anywhere();
  const Address address = local_address(fd);
  ::close(fd);
  const auto body = [&]() -> Task<> {
    HttpClient client(reactor);
    const auto connected = co_await client.connect(address, reactor.now() + 5s);
    CHECK(!connected.has_value());
    if (!connected) CHECK(connected.error().message.find(address.text()) != std::string::npos);
    const auto response = co_await client.fetch({}, "h", EnoughBytes, reactor.now() + 5s);
    CHECK(!response.has_value());
  };
  run_until_ended(reactor, body());
}

TEST_CASE("a header's value is found whatever its case, and the first one counts") {
  const HeaderList headers = {{"Content-Type", "a"}, {"X-Two", "first"}, {"x-two", "second"}};
  CHECK(header_value(headers, "content-TYPE") == "a");
  CHECK(header_value(headers, "X-TWO") == "first");
  CHECK(header_value(headers, "X-Tw").empty());
  CHECK(header_value({}, "X").empty());
}

}  // namespace
}  // namespace evener::net
