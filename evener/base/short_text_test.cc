#include "evener/base/short_text.h"

#include <doctest/doctest.h>

#include <string>

namespace evener {
namespace {

TEST_CASE("a short text keeps what fits and cuts the rest") {
  ShortText<4> text;
  CHECK(text.empty());
  text = "abc";
  CHECK(std::string_view(text) == "abc");
  text = "abcdef";
  CHECK(std::string_view(text) == "abcd");
  text = "";
  CHECK(text.empty());
}

TEST_CASE("a text that does not fit inline is kept just the same") {
  ShortText<6, 3> text;
  text = "abc";
  CHECK(std::string_view(text) == "abc");
  text = "defghij";
  CHECK(std::string_view(text) == "defghi");
  text = "klmn";
  CHECK(std::string_view(text) == "klmn");
  text = "op";
  CHECK(std::string_view(text) == "op");
}

}  // namespace
}  // namespace evener
