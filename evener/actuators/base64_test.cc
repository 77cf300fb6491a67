#include "evener/actuators/base64.h"

#include <doctest/doctest.h>

#include <string>

namespace evener::actuators {
namespace {

TEST_CASE("base64 reads the examples of RFC 4648 and writes them for URLs without padding") {
  const std::pair<std::string, std::string> examples[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : examples) {
    CHECK(base64_decoded(text) == bytes);
    CHECK(base64url(bytes) == text.substr(0, text.find('=')));
  }
  CHECK(base64url("\xfb\xff") == "-_8");
  CHECK(base64_decoded(" Zm9v\n") == "foo");
}

TEST_CASE("text that is no base64 gives nothing") {
  for (const char* text : {"Z", "Zg=", "Zg===", "=Zg=", "Zm9v=", "Zm9v====", "Z*9v", "Zm 9v", "Zm\n9vZ", "-_8="}) {
    CAPTURE(text);
    CHECK(!base64_decoded(text));
  }
}

}  // namespace
}  // namespace evener::actuators
