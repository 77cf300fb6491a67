#include "evener/actuators/http_stream.h"

#include <doctest/doctest.h>

#include <future>

#include "evener/actuators/testing/local_server.h"

namespace evener::actuators {
namespace {

using namespace std::chrono_literals;
using testing::answer_text;
using testing::LocalServer;
using State = ByteStream::State;

TEST_CASE("a stream gives what has come, does not wait for more, and knows its end") {
  std::promise<void> rest;
  LocalServer server([](const std::string&) { return std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfirst"); });
  server.after_answer([&rest](const LocalServer::Write& write) {
    rest.get_future().wait();
    write("rest");
  });
  const auto stream = open_http_stream({.timeout = 10s}, {.url = server.url(), .headers = {{"X-A", Secret("b")}}});
  std::string bytes;
  while (bytes.empty()) {
    const auto state = stream->read(bytes);
    REQUIRE(state.has_value());
    CHECK(*state == State::Open);
  }
  CHECK(bytes == "first");
  CHECK(server.requests().front().find("X-A: b\r\n") != std::string::npos);
  rest.set_value();
  bytes.clear();
  Result<State> state = State::Open;
  while (state && *state == State::Open) state = stream->read(bytes);
  REQUIRE(state.has_value());
  CHECK(bytes == "rest");
}

TEST_CASE("a stream that is refused, broken off, or goes to nobody, ends with an error") {
  const auto end_of = [](const std::string& url) {
    const auto stream = open_http_stream({.timeout = 10s}, {.url = url});
    std::string bytes;
    Result<State> state = State::Open;
    while (state && *state == State::Open) state = stream->read(bytes);
    return state ? "ended" : state.error().message;
  };
  const LocalServer refusing([](const std::string&) { return answer_text("403 Forbidden", "no"); });
  CHECK(end_of(refusing.url()) == refusing.url() + ": status 403");
  const LocalServer cut_off([](const std::string&) { return std::string("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"); });
  CHECK(end_of(cut_off.url()) != "ended");
  const LocalServer whole([](const std::string&) { return answer_text("200 OK", "all"); });
  CHECK(end_of(whole.url()) == "ended");
  CHECK(end_of(LocalServer([](const std::string&) { return std::string(); }).url()) != "ended");
  CHECK(end_of("ftp://127.0.0.1/").find("scheme is ftp") != std::string::npos);
}

TEST_CASE("a server that does not begin to answer in time is given up") {
  std::promise<void> released;
  const LocalServer silent([&](const std::string&) {
    released.get_future().wait();
    return std::string();
  });
  const auto stream = open_http_stream({.timeout = 50ms}, {.url = silent.url()});
  std::string bytes;
  const auto state = stream->read(bytes);
  released.set_value();
  REQUIRE(!state.has_value());
  CHECK(state.error().may_retry == MayRetry::Yes);
}

}  // namespace
}  // namespace evener::actuators
