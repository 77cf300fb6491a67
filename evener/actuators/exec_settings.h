#pragma once
// How a command of the operator's is asked for replicas.

#include <map>
#include <string>
#include <vector>

#include "evener/core/time.h"

namespace evener::actuators {

struct ExecSettings {
  std::vector<std::string> command;  // {pool}, {replicas} and {reason} are filled in
  std::vector<std::string> status;   // says what is there; empty = nobody knows but the last wish. {pool} is filled in
  std::map<std::string, std::string> environment;
  std::string directory;
  Duration timeout = std::chrono::seconds(60);

  bool operator==(const ExecSettings&) const = default;
};

}  // namespace evener::actuators
