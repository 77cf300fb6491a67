#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "evener/cli/command.h"

namespace evener::cli {
namespace {

int demo(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  arguments.insert(arguments.begin(), "demo");
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return demo_command(static_cast<int>(argv.size()), argv.data());
}

TEST_CASE("wrong options of the demo end it before anything is started") {
  CHECK(demo({"--policy", "fastest"}) == Usage);
  CHECK(demo({"--seconds", "7"}) == Usage);
  CHECK(demo({"--seconds", "3601"}) == Usage);
  CHECK(demo({"--seed", "-1"}) == Usage);
  CHECK(demo({"--what"}) == Usage);
  CHECK(demo({"extra"}) == Usage);
}

}  // namespace
}  // namespace evener::cli
