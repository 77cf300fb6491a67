#pragma once
// How the replicas of a pool are started as processes on this host.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "evener/core/time.h"

namespace evener::actuators {

inline constexpr std::uint32_t PlacesMax = 256;  // processes of one pool

struct ProcessSettings {
  // In the command, the environment's values and `output`, {port}, {number} (from 0) and {pool} are filled in.
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;
  std::string directory;                             // empty = this process's
  std::string output;                                // file that its output is appended to; empty = standard error of this process
  std::string host = "127.0.0.1";                    // where it listens
  std::uint16_t first_port = 0;                      // place n listens on first_port + n; 0 = on any port that is free
  std::uint32_t most = 8;                            // places
  Duration grace = std::chrono::seconds(30);         // from being asked to end until it is killed
  Duration restart_pause = std::chrono::seconds(1);  // doubled with each start that fails soon, up to RestartPauseMax

  bool operator==(const ProcessSettings&) const = default;
};

}  // namespace evener::actuators
