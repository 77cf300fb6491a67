#pragma once
// Runs `evener lab` within a test.

#include <string>
#include <vector>

#include "evener/cli/command.h"

namespace evener::cli {

/// Its exit code. What it prints goes where the test prints.
inline int lab(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  arguments.insert(arguments.begin(), "lab");
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return lab_command(static_cast<int>(argv.size()), argv.data());
}

}  // namespace evener::cli
