#include "evener/cli/demo/terminal.h"

#include <doctest/doctest.h>

#include <vector>

namespace evener::cli::demo {
namespace {

TEST_CASE("a frame goes over the old one, and what was below it is cleared") {
  const std::vector<std::string> lines = {"one", "two"};
  CHECK(frame_bytes(lines, 24) == "\x1b[H\x1b[2Kone\r\n\x1b[2Ktwo\r\n\x1b[J");
}

TEST_CASE("a low terminal shows the first lines and does not scroll") {
  const std::vector<std::string> lines = {"one", "two", "three"};
  CHECK(frame_bytes(lines, 2) == "\x1b[H\x1b[2Kone\r\n\x1b[2Ktwo");
  CHECK(frame_bytes(lines, 3) == "\x1b[H\x1b[2Kone\r\n\x1b[2Ktwo\r\n\x1b[2Kthree");
}

TEST_CASE("the first locale variable that is set and not empty decides about UTF-8") {
  CHECK(is_utf8_locale(nullptr, nullptr, "en_US.UTF-8"));
  CHECK(is_utf8_locale("", "C.utf8", nullptr));
  CHECK_FALSE(is_utf8_locale("C", "en_US.UTF-8", "en_US.UTF-8"));
  CHECK_FALSE(is_utf8_locale(nullptr, nullptr, nullptr));
}

}  // namespace
}  // namespace evener::cli::demo
