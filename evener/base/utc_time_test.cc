#include "evener/base/utc_time.h"

#include <doctest/doctest.h>

#include <string>

namespace evener {
namespace {

std::string text(std::int64_t wall_ns) {
  UtcTimeText buffer;
  return std::string(utc_time(wall_ns, buffer));
}

TEST_CASE("wall-clock time is written as RFC 3339 in UTC with milliseconds") {
  CHECK(text(0) == "1970-01-01T00:00:00.000Z");
  CHECK(text(1'709'251'199'999'999'999) == "2024-02-29T23:59:59.999Z");
  CHECK(text(4'102'444'800'000'000'000) == "2100-01-01T00:00:00.000Z");
  CHECK(text(-1) == "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace evener
