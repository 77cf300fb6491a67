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

}  // namespace
}  // namespace evener
