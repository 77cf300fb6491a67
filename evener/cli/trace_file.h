#pragma once
// A trace from a file, whatever its format: public ones, or what `evener serve --record` wrote.

#include <string>
#include <string_view>

#include "evener/core/result.h"
#include "evener/lab/trace.h"

namespace evener::cli {

struct TraceFile {
  std::string path;
  std::string pool;             // of a recording with several
  double malformed_max = 0.01;  // a larger share of lines that cannot be read, and the file is refused
};

/// Says on standard error, as `command`, what of it could not be read and what was guessed.
[[nodiscard]] Result<lab::Trace> read_trace_file(const TraceFile& file, std::string_view command);

}  // namespace evener::cli
