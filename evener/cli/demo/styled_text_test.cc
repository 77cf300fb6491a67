#include "evener/cli/demo/styled_text.h"

#include <doctest/doctest.h>

namespace evener::cli::demo {
namespace {

TEST_CASE("a line is cut at the terminal's width, counted in characters and not in bytes") {
  StyledLine line({.color = false, .unicode = true, .width = 6});
  line.add("███").add("●●●●●");
  CHECK(line.text() == "███●●●");
  CHECK(line.column() == 6);
}

TEST_CASE("colours take no column, and without colour there is no escape code") {
  StyledLine colored({.color = true, .unicode = true, .width = 4});
  colored.add("ab", Ink::Good).add("cdef", Ink::Bad);
  CHECK(colored.text() == "\x1b[32mab\x1b[0m\x1b[31mcd\x1b[0m");
  StyledLine plain({.color = false, .unicode = true, .width = 4});
  plain.add("ab", Ink::Good).add("cdef", Ink::Bad);
  CHECK(plain.text() == "abcd");
}

TEST_CASE("fields stand at the left or at the right of their width, and longer ones push on") {
  StyledLine line({.width = 40});
  line.add_left("ab", 4).add_right("7", 3).add_right("12345", 3).add("|");
  CHECK(line.text() == "ab    712345|");
}

TEST_CASE("a bar shows eighths of a cell where the terminal can, and never exceeds its width") {
  const TextStyle unicode{.unicode = true};
  CHECK(bar(2.5, 8, unicode) == "██▌");
  CHECK(bar(0, 8, unicode).empty());
  CHECK(bar(0.2, 8, unicode) == "▎");
  CHECK(bar(99, 3, unicode) == "███");
  CHECK(bar(-1, 3, unicode).empty());
  CHECK(bar(2.6, 8, TextStyle{.unicode = false}) == "###");
}

TEST_CASE("text breaks at blanks, and a word longer than a line stays whole") {
  CHECK(wrapped("one two three", 7) == std::vector<std::string>{"one two", "three"});
  CHECK(wrapped("a /very/long/path b", 6) == std::vector<std::string>{"a", "/very/long/path", "b"});
  CHECK(wrapped("", 6).empty());
}

TEST_CASE("times are written in the unit that suits them, and unknown ones as a dash") {
  CHECK(time_text(0.00123) == "1.2 ms");
  CHECK(time_text(0.0994) == "99.4 ms");
  CHECK(time_text(0.0996) == "100 ms");
  CHECK(time_text(0.9994) == "999 ms");
  CHECK(time_text(0.9996) == "1.00 s");
  CHECK(time_text(2.344) == "2.34 s");
  CHECK(time_text(-1) == "-");
}

}  // namespace
}  // namespace evener::cli::demo
