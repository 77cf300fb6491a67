#pragma once
// evener scale check: asks the actuators of a configuration what is there, and sets a number on request, without a gateway. So that credentials and
// rights are tried before traffic depends on them.

#include <cstdint>
#include <optional>
#include <string>

namespace evener::cli {

struct ScaleCheckOptions {
  std::string file;
  std::string pool;                       // empty = all that are scaled
  std::string kind;                       // empty = all of it
  std::optional<std::uint32_t> replicas;  // to be set
  bool json = false;
};

/// Prints what was found; the exit code.
int check_scale(const ScaleCheckOptions& options);

}  // namespace evener::cli
