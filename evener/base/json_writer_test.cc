#include "evener/base/json_writer.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace evener {
namespace {

template <class V>
std::string written(const V& v) {
  std::string out;
  JsonWriter(out).value(v);
  return out;
}

std::string fixed(double number, int decimals) {
  std::string out;
  JsonWriter(out).fixed(number, decimals);
  return out;
}

TEST_CASE("commas stand between items and nowhere else") {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.member("a", 1).key("b").begin_array().value(true).value("x").begin_object().end_object().begin_array().end_array().end_array();
  json.key("c").begin_object().member("d", 2).member("e", 3).end_object();
  json.key("f").null().key("g").raw("[1]");
  CHECK(!json.complete());
  json.end_object();
  CHECK(json.complete());
  CHECK(out == R"({"a":1,"b":[true,"x",{},[]],"c":{"d":2,"e":3},"f":null,"g":[1]})");
}

TEST_CASE("strings are escaped so that any bytes give valid JSON") {
  CHECK(written("plain") == "\"plain\"");
  CHECK(written("q\" b\\ n\n r\r t\t") == R"("q\" b\\ n\n r\r t\t")");
  CHECK(written(std::string_view("\0\x01\x1f\x7f", 4)) == "\"\\u0000\\u0001\\u001f\x7f\"");
  CHECK(written("\xC3\xA9\xF0\x9F\x90\xB4") == "\"\xC3\xA9\xF0\x9F\x90\xB4\"");
  CHECK(written("a\xFFz\xE2\x82") == "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST_CASE("integers of every width are written in full, and a character type is no letter") {
  CHECK(written(std::int8_t{-128}) == "-128");
  CHECK(written(std::uint8_t{200}) == "200");
  CHECK(written(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(written(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
}

TEST_CASE("a double reads back as the same double, and what JSON cannot say is null") {
  CHECK(written(0.1) == "0.1");
  CHECK(written(1e22) == "1e+22");
  CHECK(written(3.0) == "3");
  CHECK(std::stod(written(1.0 / 3)) == 1.0 / 3);
  CHECK(written(std::numeric_limits<double>::infinity()) == "null");
  CHECK(written(std::numeric_limits<double>::quiet_NaN()) == "null");
}

TEST_CASE("fixed decimals are rounded and lose their trailing zeros") {
  CHECK(fixed(0.25, 6) == "0.25");
  CHECK(fixed(1.23456789, 6) == "1.234568");
  CHECK(fixed(2.0, 3) == "2");
  CHECK(fixed(100.0, 0) == "100");
  CHECK(fixed(-0.0000001, 3) == "0");
  CHECK(fixed(1e300, 3) == "1e+300");
  CHECK(fixed(std::numeric_limits<double>::quiet_NaN(), 3) == "null");
}

TEST_CASE("nesting goes to the limit and the brackets match") {
  std::string out;
  JsonWriter json(out);
  for (unsigned i = 0; i < JsonWriter::DepthMax; ++i) json.begin_array();
  for (unsigned i = 0; i < JsonWriter::DepthMax; ++i) json.end_array();
  CHECK(json.complete());
  CHECK(out == std::string(JsonWriter::DepthMax, '[') + std::string(JsonWriter::DepthMax, ']'));
}

TEST_CASE("a writer appends to what the string holds already") {
  std::string out = "prefix ";
  JsonWriter(out).value(7);
  CHECK(out == "prefix 7");
}

}  // namespace
}  // namespace evener
