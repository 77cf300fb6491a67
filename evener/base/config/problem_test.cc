#include "evener/base/config/problem.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>

namespace evener::config {
namespace {

TEST_CASE("an error is one line with file, line, column and message, and a caret for the terminal") {
  Problems problems("evener.yaml", "pools:\n  - weigth: 0\n");
  problems.add({2, 13}, {"pools", std::size_t{0}, "weight"}, "pools[0].weight is 0; it must be 1..2");
  const ConfigError error = problems.take().at(0);
  CHECK(one_line(error) == "evener.yaml:2:13: pools[0].weight is 0; it must be 1..2");
  CHECK(with_caret(error) ==
        "evener.yaml:2:13: pools[0].weight is 0; it must be 1..2\n"
        "  2 |   - weigth: 0\n"
        "    |             ^\n");
  CHECK(error.path == "pools[0].weight");
}

TEST_CASE("the caret counts characters, keeps tabs, and control characters of the file do not reach the terminal") {
  Problems problems("f", "\t\xC3\xA9\x1b[2J: x\r\n");
  problems.add({1, 8}, {}, "m");
  CHECK(with_caret(problems.take().at(0)) == "f:1:8: m\n  1 | \t\xC3\xA9?[2J: x\n    | \t     ^\n");
}

TEST_CASE("an error without a place has no line and no caret") {
  Problems problems("f", "a: 1\n");
  problems.add({}, {}, "m");
  CHECK(with_caret(problems.take().at(0)) == "f: m\n");
}

TEST_CASE("errors come in the order of the file, and those beyond the limit are counted") {
  Problems problems("f", "");
  for (std::uint32_t i = 0; i < Problems::ErrorsMax + 7; ++i) problems.add({1000 - i, 1}, {}, "m");
  const auto errors = problems.take();
  REQUIRE(errors.size() == Problems::ErrorsMax + 1);
  CHECK(errors[0].line < errors[1].line);
  CHECK(one_line(errors.back()) == "f: 7 more problems are not shown");
}

TEST_CASE("a path writes odd keys in brackets") {
  CHECK(Path({"aliases", "gpt-4.1"}).text() == "aliases[\"gpt-4.1\"]");
  CHECK(Path({"pools", std::size_t{2}, "first_token"}).text() == "pools[2].first_token");
  CHECK(Path({std::size_t{0}}).text() == "[0]");
}

TEST_CASE("the nearest word is proposed when it is near and alone") {
  constexpr std::array<std::string_view, 5> words = {"weight", "url", "models", "rise", "fall"};
  CHECK(nearest_word("weigth", words) == "weight");
  CHECK(nearest_word("Url", words) == "url");
  CHECK(nearest_word("model", words) == "models");
  CHECK(nearest_word("wait", words) == "");
  CHECK(nearest_word("completely-different", words) == "");
  constexpr std::array<std::string_view, 2> twins = {"red", "rod"};
  CHECK(nearest_word("rid", twins) == "");
  CHECK(nearest_word(std::string(100000, 'x'), words) == "");
}

TEST_CASE("long values are cut between characters") {
  const std::string value = shown(std::string(59, 'x') + "\xC3\xA9 and more");
  CHECK(value == "\"" + std::string(59, 'x') + "...\"");
}

}  // namespace
}  // namespace evener::config
