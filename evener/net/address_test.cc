#include "evener/net/address.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include <string>

#include "evener/net/listener.h"

namespace evener::net {
namespace {

TEST_CASE("an address reads back as it was written") {
  for (const char* text : {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80", "[::]:0", "[2001:db8::7]:8443"}) {
    CAPTURE(text);
    const auto address = Address::parse(text);
    REQUIRE(address.has_value());
    CHECK(address->text() == text);
  }
}

TEST_CASE("what is no literal address with a port is refused, with the text that is wrong") {
  for (const char* text : {"",
                           ":",
                           "127.0.0.1",
                           "127.0.0.1:",
                           ":80",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1:+1",
                           "127.0.0.1:8 0",
                           "127.0.0.1:0x50",
                           "127.0.1:80",
                           "127.0.0.256:80",
                           "::1:80",
                           "[::1]",
                           "[::1]80",
                           "[::1:80",
                           "[]:80",
                           "[::g]:80",
                           "localhost:80",
                           " 127.0.0.1:80",
                           "127.0.0.1:80 "}) {
    CAPTURE(text);
    const auto address = Address::parse(text);
    REQUIRE(!address.has_value());
    CHECK(address.error().fault == Fault::Client);
    CHECK(address.error().message.find('"') != std::string::npos);
  }
}

TEST_CASE("host and port are split at the last colon, brackets belong to IPv6") {
  const auto named = split_host_port("gpu-1.example:8000");
  REQUIRE(named.has_value());
  CHECK(named->host == "gpu-1.example");
  CHECK(named->port == 8000);
  const auto v6 = split_host_port("[fe80::1]:8000");
  REQUIRE(v6.has_value());
  CHECK(v6->host == "fe80::1");
  for (const char* text : {"gpu-1", "gpu-1:", ":8000", "a:b:1", "[fe80::1]", "[fe80::1]:", "[]:1", "gpu:99999"}) {
    CAPTURE(text);
    CHECK(!split_host_port(text).has_value());
  }
}

TEST_CASE("loopback is 127.0.0.0/8 and ::1, and nothing else") {
  for (const char* text : {"127.0.0.1:1", "127.255.3.4:1", "[::1]:1"}) CHECK(Address::parse(text)->is_loopback());
  for (const char* text : {"128.0.0.1:1", "10.0.0.1:1", "0.0.0.0:1", "[::]:1", "[::2]:1"}) CHECK(!Address::parse(text)->is_loopback());
  CHECK(!Address().is_loopback());
}

TEST_CASE("addresses are equal when family, host and port are") {
  CHECK(*Address::parse("127.0.0.1:80") == *Address::parse("127.0.0.1:80"));
  CHECK(*Address::parse("127.0.0.1:80") != *Address::parse("127.0.0.1:81"));
  CHECK(*Address::parse("127.0.0.1:80") != *Address::parse("127.0.0.2:80"));
  CHECK(*Address::parse("[::1]:80") != *Address::parse("127.0.0.1:80"));
  CHECK(*Address::parse("[0:0::1]:80") == *Address::parse("[::1]:80"));
}

TEST_CASE("a port can be set and read in both families") {
  for (const char* text : {"127.0.0.1:80", "[::1]:80"}) {
    Address address = *Address::parse(text);
    address.set_port(51234);
    CHECK(address.port() == 51234);
  }
  CHECK(Address::parse("[::1]:80")->host_text() == "::1");
  CHECK(Address::parse("127.0.0.1:80")->host_text() == "127.0.0.1");
}

TEST_CASE("literals resolve to themselves, with the port asked for") {
  const auto v4 = resolve("127.0.0.1", 8080);
  REQUIRE(v4.has_value());
  REQUIRE(v4->size() == 1);
  CHECK(v4->front() == *Address::parse("127.0.0.1:8080"));
  const auto v6 = resolve("::1", 8081);
  REQUIRE(v6.has_value());
  CHECK(v6->front() == *Address::parse("[::1]:8081"));
}

TEST_CASE("a name that cannot be is an error that names it") {
  const std::string name(300, 'x');  // longer than any name may be: nobody is asked
  const auto found = resolve(name, 80);
  REQUIRE(!found.has_value());
  CHECK(found.error().message.find(name) != std::string::npos);
  CHECK(found.error().may_retry == MayRetry::Yes);
}

TEST_CASE("a bound socket tells its own address, and one without a peer an empty one") {
  const auto fd = listen_on(*Address::parse("127.0.0.1:0"), ReusePort::No);
  REQUIRE(fd.has_value());
  const Address ours = local_address(*fd);
  CHECK(ours.is_loopback());
  CHECK(ours.port() != 0);
  CHECK(peer_address(*fd) == Address());
  CHECK(local_address(-1) == Address());
  ::close(*fd);
}

}  // namespace
}  // namespace evener::net
