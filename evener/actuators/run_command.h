#pragma once
// Runs a program to its end and keeps what it writes, within a time and a size.

#include <string>

#include "evener/actuators/actuator.h"
#include "evener/actuators/child.h"
#include "evener/core/result.h"
#include "evener/core/time.h"

namespace evener::actuators {

/// Of one command; what it writes beyond that is not kept. Room for as many addresses as count, each on its line.
inline constexpr std::size_t OutputBytesMax = AddressesMax * (AddressBytesMax + 1);

struct CommandEnd {
  std::string output;
  std::string errors;  // the last of them
  std::string how;     // "exit status 1"
  bool succeeded = false;
};

/// Blocks. The error: it could not be started, or took longer than `most` and was killed. `output` and `errors` of the command are ignored.
[[nodiscard]] Result<CommandEnd> run_command(ChildCommand command, Duration most);

}  // namespace evener::actuators
