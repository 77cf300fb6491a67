#pragma once
// evener lab replay: decides once more what a gateway has recorded, and compares.

#include <string>

namespace evener::cli {

/// Exit code: Ok when every decision is the same, Findings when one is not, Failure when the file cannot be read.
[[nodiscard]] int replay_recording(const std::string& path, bool json);

}  // namespace evener::cli
