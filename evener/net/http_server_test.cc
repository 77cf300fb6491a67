#include "evener/net/http_server.h"

#include <memory>
#include <string>
#include <vector>

#include "evener/net/testing.h"

namespace evener::net {
namespace {

using namespace std::chrono_literals;
using testing::next_turn;
using testing::recv_text;
using testing::run_until_ended;
using testing::send_text;

/// A server that answers "METHOD path?query [body]", and what it was asked.
struct Site {
  explicit Site(Reactor& owner, HttpServerLimits limits = {}) : reactor(owner) {
    server = std::make_unique<HttpServer>(
        reactor, testing::listen_anywhere(), [this](const HttpRequest& request, HttpReply& reply) { return handler(request, reply); },
        limits);
  }

  Task<> echo(const HttpRequest& request, HttpReply& reply) {
    asked.push_back(request.method + " " + request.path + "?" + request.query + " [" + request.body + "]");
    co_await reply.respond({.status = 200, .headers = {{"X-Kind", "echo"}}, .body = asked.back()});
  }
  /// Sends the bytes on a connection of its own and returns all that comes back until the server closes or `enough` has come.
  Task<std::string> exchange(std::string bytes, std::string_view enough = {}) {
    Socket socket;
    const int connected = co_await Socket::connect(socket, reactor, server->address(), reactor.now() + 5s);
    CHECK(connected == 0);
    const long sent = co_await send_text(socket, std::move(bytes));
    CHECK(sent > 0);
    std::string got;
    while (enough.empty() || got.find(enough) == std::string::npos) {
      char piece[4096];
      const long count = co_await socket.recv(piece);
      if (count <= 0) break;
      got.append(piece, static_cast<std::size_t>(count));
    }
    co_return got;
  }

  Reactor& reactor;
  std::vector<std::string> asked;
  HttpHandler handler = [this](const HttpRequest& request, HttpReply& reply) { return echo(request, reply); };
  std::unique_ptr<HttpServer> server;
};

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

bool is_status(std::string_view answer, std::string_view status) { return answer.starts_with("HTTP/1.1 " + std::string(status) + " "); }

TEST_CASE("requests sent in one piece are answered one by one, in order, on one connection") {
  Reactor reactor;
  Site site(reactor);
  const auto body = [&]() -> Task<> {
    const std::string got = co_await site.exchange(
        "GET /one?a=1 HTTP/1.1\r\nHost: h\r\n\r\n"
        "POST /two HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
        "POST /three HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
        "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        "GET /after-the-last HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(count_of(got, "HTTP/1.1 200 OK") == 4);
    CHECK(count_of(got, "Connection: close") == 1);
    CHECK(got.ends_with("GET /last? []"));
  };
  run_until_ended(reactor, body());
  CHECK(site.asked == std::vector<std::string>{"GET /one?a=1 []", "POST /two? [hello]", "POST /three? [abcde]", "GET /last? []"});
}

TEST_CASE("a request that arrives byte by byte is the same request") {
  Reactor reactor;
  Site site(reactor);
  const auto body = [&]() -> Task<> {
    Socket socket;
    co_await Socket::connect(socket, reactor, site.server->address(), reactor.now() + 5s);
    for (const char byte : std::string("POST /slow HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc")) {
      co_await send_text(socket, std::string(1, byte));
      co_await next_turn(reactor);
    }
    const std::string got = co_await recv_text(socket);
    CHECK(got.ends_with("POST /slow? [abc]"));
  };
  run_until_ended(reactor, body());
}

TEST_CASE("HEAD is answered with the length of the body and no body, whole or streamed") {
  Reactor reactor;
  Site site(reactor);
  const auto body = [&]() -> Task<> {
    const std::string got = co_await site.exchange(
        "HEAD /whole HTTP/1.1\r\nHost: h\r\n\r\n"
        "GET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    CHECK(got.find("Content-Length: 15\r\n") != std::string::npos);
    CHECK(got.find("HEAD /whole") == std::string::npos);
    CHECK(got.ends_with("GET /next? []"));

    site.handler = [](const HttpRequest&, HttpReply& reply) -> Task<> {
      co_await reply.start(200, {});
      co_await reply.chunk("must not be seen");
      co_await reply.finish();
    };
    const std::string streamed = co_await site.exchange("HEAD /streamed HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    CHECK(is_status(streamed, "200"));
    CHECK(streamed.ends_with("\r\n\r\n"));
    CHECK(count_of(streamed, "\r\n\r\n") == 1);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("an HTTP/1.0 client gets a streamed answer without chunks, ended by the close") {
  Reactor reactor;
  Site site(reactor);
  site.handler = [](const HttpRequest&, HttpReply& reply) -> Task<> {
    co_await reply.start(200, {{"Content-Type", "text/plain"}});
    co_await reply.chunk("one,");
    co_await reply.chunk("two");
    co_await reply.finish();
  };
  const auto body = [&]() -> Task<> {
    const std::string old = co_await site.exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(old.find("chunked") == std::string::npos);
    CHECK(old.find("Connection: close\r\n") != std::string::npos);
    CHECK(old.ends_with("\r\n\r\none,two"));
    const std::string present = co_await site.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "0\r\n\r\n");
    CHECK(present.ends_with("Transfer-Encoding: chunked\r\n\r\n4\r\none,\r\n3\r\ntwo\r\n0\r\n\r\n"));
  };
  run_until_ended(reactor, body());
}

TEST_CASE("a head beyond its limit gets 431, complete or not, and one at the limit is taken") {
  Reactor reactor;
  Site site(reactor, {.head_bytes = 512});
  const std::string start = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: ";
  const auto of_size = [&](std::size_t bytes) { return start + std::string(bytes - start.size() - 4, 'x') + "\r\n\r\n"; };
  const auto body = [&]() -> Task<> {
    const std::string at_limit = co_await site.exchange(of_size(512));
    CHECK(is_status(at_limit, "200"));
    const std::string complete = co_await site.exchange(of_size(513));
    CHECK(is_status(complete, "431"));
    const std::string endless = co_await site.exchange(start + std::string(1000, 'x'));
    CHECK(is_status(endless, "431"));
    CHECK(endless.find("Connection: close\r\n") != std::string::npos);
  };
  run_until_ended(reactor, body());
  CHECK(site.asked.size() == 1);
}

TEST_CASE("a body beyond its limit gets 413, announced or chunked, and one at the limit is taken") {
  Reactor reactor;
  Site site(reactor, {.body_bytes = 10});
  const auto body = [&]() -> Task<> {
    const std::string post = "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
    const std::string at_limit = co_await site.exchange(post + "Content-Length: 10\r\n\r\n0123456789");
    CHECK(is_status(at_limit, "200"));
    const std::string announced = co_await site.exchange(post + "Content-Length: 11\r\n\r\n");
    CHECK(is_status(announced, "413"));
    const std::string chunked = co_await site.exchange(post + "Transfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n678901\r\n");
    CHECK(is_status(chunked, "413"));
  };
  run_until_ended(reactor, body());
  CHECK(site.asked.size() == 1);
}

TEST_CASE("a client that does not finish its head or its body in time gets 408") {
  Reactor reactor;
  Site site(reactor, {.head_timeout = 5ms, .body_idle = 5ms});
  const auto body = [&]() -> Task<> {
    const std::string head = co_await site.exchange("GET / HTTP/1.1\r\nHost:");
    CHECK(is_status(head, "408"));
    const std::string rest = co_await site.exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n012");
    CHECK(is_status(rest, "408"));
  };
  run_until_ended(reactor, body());
  CHECK(site.asked.empty());
}

TEST_CASE("a connection that asks nothing is closed without a word when its time is over") {
  Reactor reactor;
  Site site(reactor, {.keep_alive = 5ms});
  const auto body = [&]() -> Task<> {
    Socket socket;
    co_await Socket::connect(socket, reactor, site.server->address(), reactor.now() + 5s);
    const std::string got = co_await recv_text(socket);
    CHECK(got.empty());
    const std::string kept = co_await site.exchange("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(is_status(kept, "200"));
    CHECK(kept.find("close") == std::string::npos);
    while (site.server->connections() > 0) co_await next_turn(reactor);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("what is no request gets the parser's status and the connection ends") {
  Reactor reactor;
  Site site(reactor);
  struct Case {
    const char* bytes;
    const char* status;
  };
  const auto body = [&]() -> Task<> {
    for (const Case& c : {Case{"GET / HTTP/1.1\n\n", "400"}, Case{"GET / HTTP/1.1\r\n\r\n", "400"},
                          Case{"GET / HTTP/2.0\r\nHost: h\r\n\r\n", "505"}, Case{"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", "501"},
                          Case{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
                          Case{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "400"}}) {
      CAPTURE(c.bytes);
      const std::string got = co_await site.exchange(c.bytes);
      CHECK(is_status(got, c.status));
    }
  };
  run_until_ended(reactor, body());
  CHECK(site.asked.empty());
}

TEST_CASE("a client that waits for permission to send its body is told to go on") {
  Reactor reactor;
  Site site(reactor);
  const auto body = [&]() -> Task<> {
    Socket socket;
    co_await Socket::connect(socket, reactor, site.server->address(), reactor.now() + 5s);
    co_await send_text(socket, "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    const std::string permission = co_await recv_text(socket, 25);
    CHECK(permission == "HTTP/1.1 100 Continue\r\n\r\n");
    co_await send_text(socket, "abc");
    const std::string got = co_await recv_text(socket);
    CHECK(got.ends_with("[abc]"));
  };
  run_until_ended(reactor, body());
}

TEST_CASE("a handler that ends without an answer, or in the middle of one, has its connection closed") {
  Reactor reactor;
  Site site(reactor);
  const auto body = [&]() -> Task<> {
    site.handler = [](const HttpRequest&, HttpReply&) -> Task<> { co_return; };
    const std::string nothing = co_await site.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(nothing.empty());
    site.handler = [](const HttpRequest&, HttpReply& reply) -> Task<> {
      co_await reply.start(200, {});
      co_await reply.chunk("half");
    };
    const std::string half = co_await site.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(half.ends_with("4\r\nhalf\r\n"));
  };
  run_until_ended(reactor, body());
}

TEST_CASE("abort() resets the connection at once, and every call after it is false") {
  Reactor reactor;
  Site site(reactor);
  int told = 0;
  bool all_false = true;
  site.handler = [&](const HttpRequest&, HttpReply& reply) -> Task<> {
    co_await reply.start(200, {});
    reply.abort();
    CHECK(reply.client_gone());
    CHECK(&reply.reactor() == &reactor);
    reply.on_client_gone({.notify = [](void* count) { ++*static_cast<int*>(count); }, .context = &told});
    const bool chunk = co_await reply.chunk("x");
    const bool finish = co_await reply.finish();
    const bool respond = co_await reply.respond({});
    const bool raw = co_await reply.raw("x");
    all_false = !chunk && !finish && !respond && !raw;
    reply.abort();
  };
  const auto body = [&]() -> Task<> {
    Socket socket;
    co_await Socket::connect(socket, reactor, site.server->address(), reactor.now() + 5s);
    co_await send_text(socket, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    long last = 1;
    while (last > 0) {
      char bytes[512];
      last = co_await socket.recv(bytes);
    }
    CHECK(last == -ECONNRESET);
    while (site.server->connections() > 0) co_await next_turn(reactor);
  };
  run_until_ended(reactor, body());
  CHECK(told == 1);
  CHECK(all_false);
}

TEST_CASE("raw bytes go out as they are, and the connection ends with them") {
  Reactor reactor;
  Site site(reactor);
  site.handler = [](const HttpRequest&, HttpReply& reply) -> Task<> { co_await reply.raw("HTTP/9.9 what\n\n"); };
  const auto body = [&]() -> Task<> {
    const std::string got = co_await site.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(got == "HTTP/9.9 what\n\n");
  };
  run_until_ended(reactor, body());
}

TEST_CASE("a handler is told once that its client has gone, and not after it has ended") {
  Reactor reactor;
  Site site(reactor);
  struct Told {
    explicit Told(Reactor& loop) : event(loop) {}
    Event event;
    int times = 0;
  } told(reactor);
  bool gone = false;
  site.handler = [&](const HttpRequest& request, HttpReply& reply) -> Task<> {
    reply.on_client_gone({.notify =
                              [](void* self) {
                                ++static_cast<Told*>(self)->times;
                                static_cast<Told*>(self)->event.set();
                              },
                          .context = &told});
    if (request.path == "/long") {
      const auto result = co_await told.event.wait_until(reply.reactor().now() + 10s);
      CHECK(result == Event::Result::Set);
      gone = reply.client_gone();
    } else {
      co_await reply.respond({});
    }
  };
  const auto body = [&]() -> Task<> {
    {
      Socket leaving;
      co_await Socket::connect(leaving, reactor, site.server->address(), reactor.now() + 5s);
      co_await send_text(leaving, "GET /long HTTP/1.1\r\nHost: h\r\n\r\n");
      while (site.server->connections() == 0) co_await next_turn(reactor);
      co_await next_turn(reactor);
    }
    while (site.server->connections() > 0) co_await next_turn(reactor);
    CHECK(gone);
    CHECK(told.times == 1);
    const std::string answered = co_await site.exchange("GET /short HTTP/1.1\r\nHost: h\r\n\r\n", "\r\n\r\n");
    CHECK(is_status(answered, "200"));
    while (site.server->connections() > 0) co_await next_turn(reactor);
    CHECK(told.times == 1);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("connections beyond the limit are closed at once, and the others go on") {
  Reactor reactor;
  Site site(reactor, {.connections = 2});
  const auto body = [&]() -> Task<> {
    std::vector<Socket> sockets(2);
    for (Socket& socket : sockets) { co_await Socket::connect(socket, reactor, site.server->address(), reactor.now() + 5s); }
    while (site.server->connections() < 2) co_await next_turn(reactor);
    Socket one_more;
    co_await Socket::connect(one_more, reactor, site.server->address(), reactor.now() + 5s);
    const std::string nothing = co_await recv_text(one_more);
    CHECK(nothing.empty());
    co_await send_text(sockets[0], "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const std::string got = co_await recv_text(sockets[0]);
    CHECK(is_status(got, "200"));
    while (site.server->connections() > 1) co_await next_turn(reactor);
    const std::string room_again = co_await site.exchange("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    CHECK(is_status(room_again, "200"));
  };
  run_until_ended(reactor, body());
}

TEST_CASE("where the longest waiting makes room, connections that ask nothing or half of a request keep nobody out") {
  Reactor reactor;
  Site site(reactor, {.connections = 2, .when_full = WhenFull::CloseLongestWaiting});
  const auto body = [&]() -> Task<> {
    std::vector<Socket> sockets(2);
    for (Socket& socket : sockets) co_await Socket::connect(socket, reactor, site.server->address(), reactor.now() + 5s);
    while (site.server->connections() < 2) co_await next_turn(reactor);
    co_await send_text(sockets[1], "GET / HTTP/1.1\r\nHost: h");
    for (int i = 0; i < 2; ++i) {
      const std::string got = co_await site.exchange("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
      CHECK(is_status(got, "200"));
    }
    const std::string first = co_await recv_text(sockets[0]);
    CHECK(first.empty());
    co_await send_text(sockets[1], "\r\nConnection: close\r\n\r\n");  // there was room for the second exchange
    const std::string second = co_await recv_text(sockets[1]);
    CHECK(is_status(second, "200"));
    while (site.server->connections() > 0) co_await next_turn(reactor);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("a connection whose request is being answered makes room for nobody") {
  Reactor reactor;
  Site site(reactor, {.connections = 1, .when_full = WhenFull::CloseLongestWaiting});
  Event proceed(reactor);
  site.handler = [&](const HttpRequest&, HttpReply& reply) -> Task<> {
    co_await proceed.wait_uninterrupted();
    co_await reply.respond({.status = 200, .headers = {}, .body = "late"});
  };
  const auto body = [&]() -> Task<> {
    Socket busy, refused;
    co_await Socket::connect(busy, reactor, site.server->address(), reactor.now() + 5s);
    co_await send_text(busy, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    while (site.server->connections() < 1) co_await next_turn(reactor);
    for (int i = 0; i < 3; ++i) co_await next_turn(reactor);
    co_await Socket::connect(refused, reactor, site.server->address(), reactor.now() + 5s);
    const std::string nothing = co_await recv_text(refused);
    CHECK(nothing.empty());
    proceed.set();
    const std::string got = co_await recv_text(busy);
    CHECK(got.ends_with("late"));
  };
  run_until_ended(reactor, body());
}

TEST_CASE("a stopped server accepts nobody, and says close with the answers it still gives") {
  Reactor reactor;
  Site site(reactor);
  const auto body = [&]() -> Task<> {
    Socket kept;
    co_await Socket::connect(kept, reactor, site.server->address(), reactor.now() + 5s);
    co_await send_text(kept, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
    char bytes[1024];
    const long first = co_await kept.recv(bytes);
    CHECK(first > 0);
    site.server->stop();
    site.server->stop();
    co_await next_turn(reactor);
    co_await next_turn(reactor);
    Socket refused;
    const int connected = co_await Socket::connect(refused, reactor, site.server->address(), reactor.now() + 5s);
    CHECK(connected == -ECONNREFUSED);
    co_await send_text(kept, "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string last = co_await recv_text(kept);
    CHECK(last.find("Connection: close\r\n") != std::string::npos);
    CHECK(last.ends_with("GET /2? []"));
  };
  run_until_ended(reactor, body());
}

TEST_CASE("a client that takes nothing of its answer is given up") {
  Reactor reactor;
  Site site(reactor, {.send_idle = 5ms});
  bool sent = true;
  site.handler = [&](const HttpRequest&, HttpReply& reply) -> Task<> {
    sent = co_await reply.respond({.status = 200, .headers = {}, .body = std::string(64 << 20, 'x')});
  };
  const auto body = [&]() -> Task<> {
    Socket socket;
    co_await Socket::connect(socket, reactor, site.server->address(), reactor.now() + 5s);
    co_await send_text(socket, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    while (site.server->connections() == 0) co_await next_turn(reactor);
    while (site.server->connections() > 0) co_await next_turn(reactor);
    CHECK(!sent);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("connections may outlive the server object") {
  Reactor reactor;
  auto site = std::make_unique<Site>(reactor);
  const auto body = [&]() -> Task<> {
    Socket socket;
    co_await Socket::connect(socket, reactor, site->server->address(), reactor.now() + 5s);
    co_await next_turn(reactor);
    site->server.reset();
    co_await send_text(socket, "GET /still HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string got = co_await recv_text(socket);
    CHECK(got.ends_with("GET /still? []"));
  };
  run_until_ended(reactor, body());
}

}  // namespace
}  // namespace evener::net
