#include "evener/cli/progress_bar.h"

#include <doctest/doctest.h>

namespace evener::cli {

TEST_CASE("progress says how far, how fast and how long still") {
  CHECK(progress_line(50, 100, 5, 80, Colour::No) == "[###############...............] 50 of 100 runs, 10/s, 5 s left");
  CHECK(progress_line(1, 101, 1, 80, Colour::No) == "[..............................] 1 of 101 runs, 1/s, 1:40 min left");
  CHECK(progress_line(1, 3601, 2, 80, Colour::No) == "[..............................] 1 of 3601 runs, 0.5/s, 2:00 h left");
  CHECK(progress_line(100, 100, 5, 80, Colour::No) == "[##############################] 100 of 100 runs, 20/s");
}

TEST_CASE("progress stays within the columns of a narrow terminal") {
  for (std::size_t columns = 1; columns < 90; ++columns) CHECK(progress_line(500, 1000, 5, columns, Colour::No).size() <= columns);
  CHECK(progress_line(3, 0, 1, 80, Colour::No) == "3 runs, 3/s");
}

TEST_CASE("progress without colour holds no escape sequence") {
  CHECK(progress_line(1, 2, 1, 80, Colour::No).find('\x1b') == std::string::npos);
  CHECK(progress_line(1, 2, 1, 80, Colour::Yes).find('\x1b') != std::string::npos);
}

}  // namespace evener::cli
