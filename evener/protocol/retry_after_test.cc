#include "evener/protocol/retry_after.h"

#include <doctest/doctest.h>

#include <string>

using namespace evener;
using namespace evener::protocol;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t Now_s = 784'111'777;  // Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110
std::int64_t now_ns() { return Now_s * 1'000'000'000 + 999; }
Duration parsed(std::string_view value) { return parse_retry_after(value, now_ns); }

}  // namespace

TEST_CASE("Retry-After in seconds is taken as it is, up to an hour") {
  CHECK(parsed("0") == 0s);
  CHECK(parsed("120") == 120s);
  CHECK(parsed("3600") == 1h);
  CHECK(parsed("86400") == 1h);
}

TEST_CASE("Retry-After as a date is the time until then, in each of the three forms") {
  CHECK(parsed("Sun, 06 Nov 1994 08:50:07 GMT") == 30s);
  CHECK(parsed("Sunday, 06-Nov-94 08:50:07 GMT") == 30s);
  CHECK(parsed("Sun Nov  6 08:50:07 1994") == 30s);
  CHECK(parsed("Mon, 07 Nov 1994 08:49:37 GMT") == 1h);
}

TEST_CASE("a Retry-After in the past, or malformed, asks for nothing") {
  for (const char* value : {"", "-5", "soon", "1.5", "12 ", " 12", "99999999999999999999", "Sun, 06 Nov 1994 08:49:36 GMT",
                            "Sun, 06 Nov 1994 08:50:07", "Sun, 06 Nov 1994 08:50:07 GMT+1", "Sun, 06 Nov 1994 25:50:07 GMT"}) {
    CAPTURE(value);
    CHECK(parsed(value) == 0s);
  }
  CHECK(parsed(std::string(10'000, '9')) == 0s);
  CHECK(parsed(std::string(10'000, 'S')) == 0s);
}
