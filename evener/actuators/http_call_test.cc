#include "evener/actuators/http_call.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <future>

#include "evener/actuators/testing/local_server.h"

namespace evener::actuators {
namespace {

using namespace std::chrono_literals;
using testing::answer_text;
using testing::Certificate;
using testing::LocalServer;
using testing::make_certificate;

LocalServer::Answer always(std::string bytes) {
  return [bytes = std::move(bytes)](const std::string&) { return bytes; };
}

std::string message_of(const Result<HttpAnswer>& result) {
  return result ? "status " + std::to_string(result->status) : result.error().message;
}

TEST_CASE("a call carries its method, headers and body, and brings back status, headers and body") {
  const LocalServer server(always(answer_text("202 Accepted", "later", "Retry-After:  7 \r\nX-Empty:\r\n")));
  HttpCaller caller({});
  const HttpCall call{.method = "PUT",
                      .url = server.url() + "/a?b=c",
                      .headers = {{"Authorization", Secret("Bearer t")}, {"Content-Type", Secret("text/x")}},
                      .body = "body"};
  const auto answer = caller(call);
  REQUIRE_MESSAGE(answer.has_value(), message_of(answer));
  CHECK(answer->status == 202);
  CHECK(answer->body == "later");
  CHECK(answer->header("retry-after") == "7");
  CHECK(answer->header("x-empty").empty());
  CHECK(answer->header("x-absent").empty());
  const std::string request = server.requests().front();
  CHECK(request.starts_with("PUT /a?b=c HTTP/1.1\r\n"));
  CHECK(request.ends_with("\r\n\r\nbody"));
  CHECK(request.find("\r\nAuthorization: Bearer t\r\n") != std::string::npos);
  CHECK(request.find("\r\nContent-Type: text/x\r\n") != std::string::npos);
  CHECK(request.find("\r\nContent-Length: 4\r\n") != std::string::npos);
  CHECK(request.find("Expect") == std::string::npos);
}

TEST_CASE("a POST without a body says so, and nothing of one call is left in the next") {
  const LocalServer server(always(answer_text("200 OK", "")));
  HttpCaller caller({});
  CHECK(caller({.method = "POST", .url = server.url() + "/first", .headers = {{"X-First", Secret("1")}}}).has_value());
  CHECK(caller({.url = server.url() + "/second"}).has_value());
  const auto requests = server.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].find("Content-Length: 0\r\n") != std::string::npos);
  CHECK(requests[0].find("Content-Type") == std::string::npos);
  CHECK(requests[1].starts_with("GET /second"));
  CHECK(requests[1].find("X-First") == std::string::npos);
}

TEST_CASE("a redirect is an answer like others, and is not followed") {
  const LocalServer other(always(answer_text("200 OK", "elsewhere")));
  const LocalServer server(always(answer_text("307 Temporary Redirect", "", "Location: " + other.url() + "/\r\n")));
  const auto answer = HttpCaller({})({.url = server.url() + "/"});
  REQUIRE(answer.has_value());
  CHECK(answer->status == 307);
  CHECK(other.requests().empty());
}

TEST_CASE("an answer as long as the limit is taken, a longer one ends the call and no retry helps") {
  const LocalServer server(always(answer_text("200 OK", std::string(1000, 'x'))));
  const auto whole = HttpCaller({.answer_bytes_max = 1000})({.url = server.url()});
  REQUIRE(whole.has_value());
  CHECK(whole->body.size() == 1000);
  const auto cut = HttpCaller({.answer_bytes_max = 999})({.url = server.url()});
  REQUIRE(!cut.has_value());
  CHECK(cut.error().may_retry == MayRetry::No);
  CHECK(cut.error().message == "GET " + server.url() + ": the answer is longer than 999 bytes");
}

TEST_CASE("headers beyond the limit are left out") {
  std::string headers;
  for (std::size_t i = 0; i < HttpAnswerHeadersMax + 50; ++i) headers += "X-" + std::to_string(i) + ": v\r\n";
  const LocalServer server(always(answer_text("200 OK", "", headers)));
  const auto answer = HttpCaller({})({.url = server.url()});
  REQUIRE(answer.has_value());
  CHECK(answer->headers.size() == HttpAnswerHeadersMax);
}

TEST_CASE("a server that does not answer in time, breaks off, or is not there: a retry may help") {
  std::promise<void> released;
  {
    const LocalServer silent([&](const std::string&) {
      released.get_future().wait();
      return std::string();
    });
    const auto late = HttpCaller({.timeout = 50ms})({.url = silent.url()});
    released.set_value();
    REQUIRE(!late.has_value());
    CHECK(late.error().may_retry == MayRetry::Yes);
  }
  const LocalServer closing(always(""));
  const LocalServer cut_off(always("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"));
  const std::string gone = LocalServer(always("")).url();
  for (const std::string& url : {closing.url(), cut_off.url(), gone}) {
    const auto answer = HttpCaller({})({.url = url});
    REQUIRE(!answer.has_value());
    CHECK(answer.error().may_retry == MayRetry::Yes);
    CHECK(answer.error().fault == Fault::Endpoint);
  }
}

TEST_CASE("proxies of the environment are not used") {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  const LocalServer server(always(answer_text("200 OK", "")));
  CHECK(HttpCaller({})({.url = server.url()}).has_value());
  ::unsetenv("http_proxy");
}

TEST_CASE("what is no URL, holds a password, or would carry credentials without TLS is refused before anything is sent") {
  const auto refused = [](const std::string& url, std::string_view why) {
    CAPTURE(url);
    const auto answer = HttpCaller({.timeout = 1s})({.url = url});
    CHECK(!answer.has_value());
    CHECK(message_of(answer).find(why) != std::string::npos);
    CHECK(message_of(answer).find("secret") == std::string::npos);
  };
  refused("", "no URL");
  refused("127.0.0.1", "no URL");
  refused("https://" + std::string(HttpUrlBytesMax, 'a'), "no URL");
  refused("ftp://127.0.0.1/secret", "its scheme is ftp");
  refused("file:///etc/secret", "");
  refused("https://user:secret@127.0.0.1/", "user or password");
  refused("http://192.0.2.1/secret", "https only");
  refused("http://127.evil.example/", "https only");
  refused("http://0xC0000201/", "https only");
  CHECK(check_call_url("http://192.0.2.1/", PlainHttp::Anywhere).empty());
  CHECK(check_call_url("http://169.254.169.254/latest", PlainHttp::LocalOnly).empty());
  CHECK(check_call_url("http://[::1]:80/", PlainHttp::LocalOnly).empty());
  CHECK(check_call_url("https://192.0.2.1/", PlainHttp::LocalOnly).empty());
}

TEST_CASE("a header with a line break is refused") {
  const LocalServer server(always(answer_text("200 OK", "")));
  CHECK(!HttpCaller({})({.url = server.url(), .headers = {{"X-A", Secret("1\r\nX-B: 2")}}}).has_value());
  CHECK(!HttpCaller({})({.url = server.url(), .headers = {{"X-A\n", Secret("1")}}}).has_value());
  CHECK(server.requests().empty());
}

TEST_CASE("a server is trusted only with a certificate of the given authority, for the name in the URL") {
  const Certificate authority = make_certificate("authority"), other = make_certificate("other authority");
  const Certificate own = make_certificate("server", &authority, "DNS:localhost");
  const LocalServer server(always(answer_text("200 OK", "trusted")), {.own = own});
  const auto good = HttpCaller({.ca_data = authority.certificate_pem()})({.url = server.url("localhost")});
  CHECK_MESSAGE(good.has_value(), message_of(good));
  const auto refused = [&](HttpSettings settings, const std::string& host) {
    const auto answer = HttpCaller(std::move(settings))({.url = server.url(host)});
    CHECK(!answer.has_value());
    if (!answer) CHECK(answer.error().may_retry == MayRetry::No);
  };
  refused({}, "localhost");
  refused({.ca_data = other.certificate_pem()}, "localhost");
  refused({.ca_data = authority.certificate_pem()}, "127.0.0.1");
  refused({.ca_file = "/nonexistent/ca.pem"}, "localhost");
  CHECK(server.requests().size() == 1);
}

TEST_CASE("a client certificate is shown to a server that asks for one") {
  const Certificate authority = make_certificate("authority"), clients = make_certificate("authority of clients");
  const Certificate own = make_certificate("server", &authority, "IP:127.0.0.1"), client = make_certificate("client", &clients);
  const LocalServer server(always(answer_text("200 OK", "known")), {.own = own, .clients = &clients});
  const auto known = HttpCaller({.ca_data = authority.certificate_pem(),
                                 .certificate = Secret(client.certificate_pem()),
                                 .key = Secret(client.key_pem())})({.url = server.url()});
  CHECK_MESSAGE(known.has_value(), message_of(known));
  CHECK(!HttpCaller({.ca_data = authority.certificate_pem()})({.url = server.url()}).has_value());
  CHECK(server.requests().size() == 1);
}

}  // namespace
}  // namespace evener::actuators
