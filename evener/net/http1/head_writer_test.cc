#include "evener/net/http1/head_writer.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "evener/net/http1/testing.h"
#include "tests/for_each_seed.h"

namespace {

using namespace evener::net::http1;
using namespace std::string_view_literals;
using evener::for_each_seed;
using evener::Rng;
using testing::Accepted;

/// Whether `action` ends the process by an abort. In a child, for nothing shall survive a broken invariant.
template <class Action>
bool aborts(Action action) {
  std::fflush(nullptr);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    if (std::freopen("/dev/null", "w", stderr) != nullptr) action();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

TEST_CASE("a request head is written line by line") {
  std::string out = "kept ";
  HeadWriter writer(out);
  writer.request_line("POST", "/v1/completions", "a=b");
  writer.header("host", "a:80");
  writer.header("content-length", 18446744073709551615U);
  writer.header("authorization", "Bearer ", "secret");
  writer.header("x-empty", "");
  writer.end();
  CHECK(out ==
        "kept POST /v1/completions?a=b HTTP/1.1\r\nhost: a:80\r\ncontent-length: 18446744073709551615\r\nauthorization: Bearer "
        "secret\r\nx-empty: \r\n\r\n");
  CHECK(writer.size() == out.size() - 5);
}

TEST_CASE("a response head is written with the standard reason or a given one") {
  std::string out;
  HeadWriter standard(out);
  standard.status_line(429);
  standard.end();
  CHECK(out == "HTTP/1.1 429 Too Many Requests\r\n\r\n");
  out.clear();
  HeadWriter given(out);
  given.status_line(503, "Loading model");
  given.end();
  CHECK(out == "HTTP/1.1 503 Loading model\r\n\r\n");
}

TEST_CASE("every status has a reason that is not empty and can be written") {
  for (std::uint16_t status = 100; status <= 599; ++status) {
    CHECK_FALSE(reason_phrase(status).empty());
    std::string out;
    HeadWriter writer(out);
    writer.status_line(status);
    writer.end();
    if (status == 101) continue;
    ResponseHead head;
    CHECK(testing::answer_to_response(out, head) == Accepted);
    CHECK(head.status == status);
  }
  CHECK(reason_phrase(404) == "Not Found");
  CHECK(reason_phrase(599) == "Status");
}

TEST_CASE("a buffer takes a head that fits to the byte, and says so when one byte is missing") {
  const auto write = [](char* buffer, std::size_t capacity) {
    HeadWriter writer(buffer, capacity);
    writer.status_line(200);
    writer.header("a", "b");
    writer.end();
    return writer;
  };
  constexpr std::string_view Expected = "HTTP/1.1 200 OK\r\na: b\r\n\r\n";
  char buffer[64] = {};
  const HeadWriter fits = write(buffer, Expected.size());
  CHECK_FALSE(fits.overflow());
  CHECK(fits.size() == Expected.size());
  CHECK(std::string_view(buffer, fits.size()) == Expected);
  for (std::size_t capacity = 0; capacity < Expected.size(); ++capacity) {
    std::string exact(capacity, '\0');
    CHECK(write(exact.data(), capacity).overflow());
  }
}

TEST_CASE("what would read as something else ends the program") {
  const auto with_header = [](std::string_view name, std::string_view value) {
    return aborts([=] {
      std::string out;
      HeadWriter writer(out);
      writer.request_line("GET", "/");
      writer.header(name, value);
    });
  };
  CHECK_FALSE(with_header("x", "a\tb \xff"));
  CHECK(with_header("x", "a\r\nb: c"));
  CHECK(with_header("x", "a\nb"));
  CHECK(with_header("x", "a\rb"));
  CHECK(with_header("x", "a\0b"sv));
  CHECK(with_header("x:", "a"));
  CHECK(with_header("x y", "a"));
  CHECK(with_header("x\r\n", "a"));
  CHECK(with_header("", "a"));

  const auto with_line = [](std::string_view method, std::string_view path, std::string_view query) {
    return aborts([=] {
      std::string out;
      HeadWriter writer(out);
      writer.request_line(method, path, query);
    });
  };
  CHECK_FALSE(with_line("GET", "/a", "b"));
  CHECK(with_line("GET /", "/a", ""));
  CHECK(with_line("", "/a", ""));
  CHECK(with_line("GET", "", ""));
  CHECK(with_line("GET", "/a b", ""));
  CHECK(with_line("GET", "/a\r\n", ""));
  CHECK(with_line("GET", "/a", "b c"));
  CHECK(with_line("GET", "/a", "b\n"));

  const auto with_status = [](std::uint16_t status, std::string_view reason) {
    return aborts([=] {
      std::string out;
      HeadWriter writer(out);
      writer.status_line(status, reason);
    });
  };
  CHECK(with_status(99, "x"));
  CHECK(with_status(600, "x"));
  CHECK(with_status(200, "x\r\ny"));
}

TEST_CASE("lines out of their order end the program") {
  CHECK(aborts([] {
    std::string out;
    HeadWriter(out).header("a", "b");
  }));
  CHECK(aborts([] {
    std::string out;
    HeadWriter(out).end();
  }));
  CHECK(aborts([] {
    std::string out;
    HeadWriter writer(out);
    writer.status_line(200);
    writer.status_line(200);
  }));
  CHECK(aborts([] {
    std::string out;
    HeadWriter writer(out);
    writer.status_line(200);
    writer.end();
    writer.header("a", "b");
  }));
}

std::string any_of(Rng& rng, std::string_view alphabet, std::size_t least, std::size_t most) {
  std::string out;
  for (std::size_t n = least + rng.below(most - least + 1); n > 0; --n) out += alphabet[rng.below(alphabet.size())];
  return out;
}

TEST_CASE("what the writer writes parses back to exactly the request it was given") {
  for_each_seed(3000, [](Rng& rng) {
    constexpr std::string_view Token = "!#$%&'*+-.^`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    constexpr std::string_view Value = "\t !\"#$%&'()*+,-./0189:;<=>?@AZ[\\]^_`az{|}~\x80\xc3\xff";
    const std::string method = any_of(rng, "ABCXYZ", 1, 8);
    const std::string path = "/" + any_of(rng, "abcXYZ019-._~!$&'()*+,;=:@/[]{}|^`", 0, 40);
    const std::string query = any_of(rng, "abc=&/?-", 0, 10);
    std::string out;
    HeadWriter writer(out);
    writer.request_line(method, path, query);
    writer.header("host", "a");
    struct Pair {
      std::string name, value;
    };
    std::vector<Pair> pairs;
    for (std::size_t n = rng.below(12); n > 0; --n) pairs.push_back({"q" + any_of(rng, Token, 0, 40), any_of(rng, Value, 0, 70)});
    for (const Pair& pair : pairs) writer.header(pair.name, pair.value);
    writer.end();

    CAPTURE(out);
    RequestHead head;
    REQUIRE(testing::answer_to_request(out, head) == Accepted);
    CHECK(head.method == method);
    CHECK(head.path == path);
    CHECK(head.query == query);
    REQUIRE(head.headers.count == pairs.size() + 1);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      CHECK(head.headers.items[i + 1].name == pairs[i].name);
      std::string_view trimmed = pairs[i].value;
      while (!trimmed.empty() && (trimmed.front() == ' ' || trimmed.front() == '\t')) trimmed.remove_prefix(1);
      while (!trimmed.empty() && (trimmed.back() == ' ' || trimmed.back() == '\t')) trimmed.remove_suffix(1);
      CHECK(head.headers.items[i + 1].value == trimmed);
    }
  });
}

TEST_CASE("a request that was accepted and is written anew is the same request, and writing it once more changes nothing") {
  for (const std::string_view bytes :
       {"GET http://a/x?y HTTP/1.1\r\nHost: A\r\nX:  spaced \t\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\r\n"sv,
        "POST / HTTP/1.1\r\nhost:a\r\nTransfer-Encoding: Chunked\r\nTrailer: x\r\n\r\n"sv,
        "POST / HTTP/1.0\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n"sv}) {
    RequestHead first, second, third;
    REQUIRE(testing::answer_to_request(bytes, first) == Accepted);
    const std::string once = testing::rewrite(first);
    CAPTURE(once);
    REQUIRE(testing::answer_to_request(once, second) == Accepted);
    CHECK(second.target == first.target);
    CHECK(second.framing == first.framing);
    CHECK(second.content_length == first.content_length);
    const std::string twice = testing::rewrite(second);
    CHECK(once == twice);
    REQUIRE(testing::answer_to_request(twice, third) == Accepted);
  }
}

}  // namespace
