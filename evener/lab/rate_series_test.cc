#include "evener/lab/rate_series.h"

#include <doctest/doctest.h>

namespace evener::lab {

using std::chrono::minutes;

TEST_CASE("a rate series takes the column that is asked for and its step from the first two lines") {
  const auto reading = read_rate_series("t_seconds,large,small\n0,1,10\n600,2,20\n1200,4,40\n", "rates.csv", "small");
  REQUIRE(reading);
  CHECK(reading->series.step == minutes(10));
  CHECK(reading->series.rates == std::vector<double>{10, 20, 40});
  CHECK(reading->lines == 3);
  CHECK(reading->malformed == 0);
}

TEST_CASE("times may be dates, across a month and a leap day") {
  const auto reading =
      read_rate_series("timestamp,value\r\n2016-02-29 23:30:00,5\r\n2016-03-01 00:00:00,7\r\n2016-03-01 00:30:00,9\r\n", "a");
  REQUIRE(reading);
  CHECK(reading->series.step == minutes(30));
  CHECK(reading->series.rates == std::vector<double>{5, 7, 9});
}

TEST_CASE("a gap is filled in a straight line and counted") {
  const auto reading = read_rate_series("t,rate\n0,10\n60,10\n240,40\n", "a");
  REQUIRE(reading);
  CHECK(reading->series.rates == std::vector<double>{10, 10, 20, 30, 40});
  CHECK(reading->filled == 2);
}

TEST_CASE("lines that cannot be read are named and left out") {
  const auto reading = read_rate_series(
      "t,rate\n0,1\n60,2\nsoon,3\n120\n130,3\n60,3\n120,-3\n120,nan\n120,3x\n180,4\n1e300,4\n2014-13-01 00:00:00,4\n", "a.csv");
  REQUIRE(reading);
  CHECK(reading->malformed == 9);
  CHECK(reading->series.rates == std::vector<double>{1, 2, 3, 4});
  CHECK(reading->problems[0] == "a.csv:4: the time is neither seconds nor of the form 2014-07-01 00:30:00");
  CHECK(reading->problems[1] == "a.csv:5: the line has too few columns");
  CHECK(reading->problems[2] == "a.csv:6: the time is not a whole number of steps after the first");
  CHECK(reading->problems[3] == "a.csv:7: the time is not after the one before");
  CHECK(reading->problems[4] == "a.csv:8: the rate is not a number of 0 to 1e12");
}

TEST_CASE("a series that would need more steps than are kept is not read beyond them") {
  const auto reading = read_rate_series("t,rate\n0,1\n1,2\n10000001,3\n", "a");
  REQUIRE(reading);
  CHECK(reading->series.rates.size() == 2);
  CHECK(reading->problems[0] == "a:4: the time is more than 10000000 steps after the first");
}

TEST_CASE("a file without the column or without two lines is refused") {
  const auto column = read_rate_series("t,large\n0,1\n60,2\n", "a.csv", "small");
  REQUIRE(!column);
  CHECK(column.error().message == "a.csv:1: the header \"t,large\" has no column \"small\" after the time");
  CHECK(!read_rate_series("", "a"));
  CHECK(!read_rate_series("t,rate\n0,1\n", "a"));
}

TEST_CASE("between its moments a series goes in a straight line, and its last rate stays") {
  const RateSeries series{.step = minutes(10), .rates = {10, 20}};
  CHECK(series.at(minutes(0)) == 10);
  CHECK(series.at(minutes(5)) == doctest::Approx(15));
  CHECK(series.at(minutes(30)) == 20);
  CHECK(series.mean() == 15);
}

}  // namespace evener::lab
