#include "evener/actuators/placeholders.h"

#include <array>

#include <doctest/doctest.h>

namespace evener::actuators {

TEST_CASE("placeholders are filled in, and other braces stay") {
  const std::array values = {Placeholder{"{port}", "8001"}, Placeholder{"{number}", "{port}"}};
  CHECK(filled("--port={port} {\"a\":{port}} {x}", values) == "--port=8001 {\"a\":8001} {x}");
  CHECK(filled("{number}", values) == "{port}");  // what was filled in is not looked at again
  CHECK(filled("", values).empty());
}

}  // namespace evener::actuators
