#include "evener/cli/demo/start_time.h"

#include <doctest/doctest.h>

namespace evener::cli::demo {
namespace {

TEST_CASE("the start is when the script was called, fractions included") {
  const StartTime start = start_time("1700000000.25", 1700000083.5);
  CHECK(start.of_script);
  CHECK(start.unix_s == doctest::Approx(1700000000.25).epsilon(1e-12));
}

TEST_CASE("without a script, or with a time that cannot be its start, it is the start of the program") {
  for (const char* variable :
       {static_cast<const char*>(nullptr), "", "yesterday", "1700000000x", "nan", "inf", "1700000099", "1600000000", "-5"}) {
    const StartTime start = start_time(variable, 1700000083.5);
    CHECK_FALSE(start.of_script);
    CHECK(start.unix_s == 1700000083.5);
  }
}

TEST_CASE("short times have fractions of a second, long ones minutes") {
  CHECK(elapsed_text(0.256) == "0.26 s");
  CHECK(elapsed_text(83.4) == "83 s");
  CHECK(elapsed_text(243) == "4 min 3 s");
  CHECK(elapsed_text(-1) == "0.00 s");
}

}  // namespace
}  // namespace evener::cli::demo
