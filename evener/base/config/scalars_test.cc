#include "evener/base/config/scalars.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace evener::config {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;

TEST_CASE("durations are written with a unit, parts from large to small, and zero without one") {
  CHECK(read_duration("2s").value == Duration(std::chrono::seconds(2)));
  CHECK(read_duration("500ms").value == Duration(milliseconds(500)));
  CHECK(read_duration("10m").value == Duration(minutes(10)));
  CHECK(read_duration("1.5h").value == Duration(minutes(90)));
  CHECK(read_duration("1m30s").value == Duration(std::chrono::seconds(90)));
  CHECK(read_duration("1h0.5ms7us").value == Duration(hours(1) + microseconds(507)));
  CHECK(read_duration("0").value == Duration::zero());
  CHECK(read_duration("0s").value == Duration::zero());
  CHECK(read_duration("0.1s").value == Duration(milliseconds(100)));
}

TEST_CASE("what is no duration is refused") {
  for (const char* text : {"", "s", "-2s", "2 s", "2S", "30s1m", "2s3s", "1.s", ".5s", "02s", "2ns", "2d", "1e3s", "2sec", "999999999h", "2s ", "1m30"}) {
    CAPTURE(text);
    CHECK(!read_duration(text).value.has_value());
  }
}

TEST_CASE("common slips in durations are told what to write") {
  CHECK(read_duration("30").hint == "write the unit: 30s or 30ms");
  CHECK(read_duration("1d").hint == "the largest unit is h: a day is 24h");
  CHECK(read_duration("2sec").hint == "the units are h, m, s, ms and us, without a space");
}

TEST_CASE("sizes are bytes or binary units, and the decimal ones are told apart") {
  CHECK(read_size("0").value == 0);
  CHECK(read_size("4096").value == 4096);
  CHECK(read_size("64KiB").value == 65536);
  CHECK(read_size("32MiB").value == 33554432);
  CHECK(read_size("1GiB").value == 1073741824);
  CHECK(read_size("32MB").hint == "write 32MiB");
  CHECK(read_size("1.5GiB").hint == "write a whole number of a smaller unit");
  for (const char* text : {"", "MiB", "-1", "1 KiB", "1kib", "0x10", "010", "20000000000GiB", "18446744073709551616"}) {
    CAPTURE(text);
    CHECK(!read_size(text).value.has_value());
  }
}

TEST_CASE("whole numbers have no sign, no point, no leading zero") {
  CHECK(read_whole_number("0").value == 0);
  CHECK(read_whole_number("18446744073709551615").value == UINT64_MAX);
  for (const char* text : {"", "-1", "+1", "1.0", "1e3", "0x10", "0o7", "18446744073709551616", "1_000", "one"}) {
    CAPTURE(text);
    CHECK(!read_whole_number(text).value.has_value());
  }
  CHECK(read_whole_number("0123").hint == "write 123, without leading zeros");
  CHECK(read_whole_number("000").hint == "write 0, without leading zeros");
  CHECK(read_whole_number("100_000").hint == "write 100000");
}

TEST_CASE("numbers are as in JSON") {
  CHECK(read_number("0").value == 0.0);
  CHECK(read_number("-0.5").value == -0.5);
  CHECK(read_number("1e-3").value == 0.001);
  for (const char* text : {"", "-", "+1", ".5", "1.", "01", ".inf", ".nan", "nan", "inf", "0x1p3", "1e", "1e400", "1,5"}) {
    CAPTURE(text);
    CHECK(!read_number(text).value.has_value());
  }
  CHECK(read_number(".5").hint == "write 0.5");
  CHECK(read_number("50%").hint == "write it as a share: 50% is 0.5");
}

TEST_CASE("unquoted scalars are numbers and booleans exactly where YAML 1.2 says so") {
  for (const char* text : {"1", "-1", "+1", "0123", "1.10", "1.", ".5", "1e5", "0x1F", "0o17", ".inf", "-.INF", ".nan"}) {
    CAPTURE(text);
    CHECK(plain_kind(text) == PlainKind::Number);
  }
  for (const char* text : {"true", "False", "TRUE"}) CHECK(plain_kind(text) == PlainKind::Boolean);
  for (const char* text : {"no", "yes", "on", "1.2.3", "1s", "e5", ".", "-", "0x", "0o9", "gpt-4.1", "12:30", "nan"}) {
    CAPTURE(text);
    CHECK(plain_kind(text) == PlainKind::Text);
  }
}

TEST_CASE("what is shown reads back as the same value") {
  for (const std::int64_t ns : {0LL, 1000LL, 1'500'000LL, 2'000'000'000LL, 75'000'000'000LL, 600'000'000'000LL, 86'400'000'000'000LL}) {
    const std::string text = show_duration(Duration(ns));
    CAPTURE(text);
    CHECK(read_duration(text).value == Duration(ns));
  }
  CHECK(show_duration(std::chrono::seconds(75)) == "75s");
  CHECK(show_duration(std::chrono::seconds(600)) == "10m");
  for (const std::uint64_t bytes : {0ULL, 1ULL, 1024ULL, 33554432ULL, 1073741824ULL, 1073741825ULL}) CHECK(read_size(show_size(bytes)).value == bytes);
  CHECK(show_size(32U << 20) == "32MiB");
  for (const double number : {0.0, 0.001, 1.9, 1000.0, 1e-9, 123456.75}) CHECK(read_number(show_number(number)).value == number);
}

}  // namespace
}  // namespace evener::config
