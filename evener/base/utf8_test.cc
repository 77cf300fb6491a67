#include "evener/base/utf8.h"

#include <doctest/doctest.h>

#include <string>

namespace evener {
namespace {

std::string valid(std::string_view text) {
  std::string out;
  append_valid_utf8(out, text);
  return out;
}

TEST_CASE("well-formed text of every sequence length passes unchanged") {
  const std::string text = "a \xC2\x80 \xC3\xA9 \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xF0\x90\x80\x80 \xF4\x8F\xBF\xBF z";
  CHECK(valid(text) == text);
}

TEST_CASE("each byte outside a well-formed sequence becomes one replacement character") {
  const std::string r(Utf8Replacement);
  CHECK(valid("\x80") == r);                          // continuation alone
  CHECK(valid("a\xFFz") == "a" + r + "z");            // never a lead byte
  CHECK(valid("\xC0\xAF") == r + r);                  // overlong slash
  CHECK(valid("\xE0\x9F\xBF") == r + r + r);          // overlong in three bytes
  CHECK(valid("\xED\xA0\x80") == r + r + r);          // surrogate
  CHECK(valid("\xF4\x90\x80\x80") == r + r + r + r);  // above U+10FFFF
}

TEST_CASE("a sequence cut off by the end of the text is replaced, not read past") {
  const std::string r(Utf8Replacement);
  CHECK(valid("x\xE2\x82") == "x" + r + r);
  CHECK(valid("\xF0\x9F\x98") == r + r + r);
}

}  // namespace
}  // namespace evener
