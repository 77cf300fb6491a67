#pragma once
// A configuration file of `evener serve`, read by the commands that need one.

#include <string>

#include "evener/core/result.h"
#include "evener/gateway/config.h"

namespace evener::cli {

/// The configuration; or its problems as text for people, the operator's fault, when the file could be read.
[[nodiscard]] Result<gateway::Config> read_config_file(const std::string& path);

}  // namespace evener::cli
