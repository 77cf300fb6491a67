#pragma once
// Logs of requests that an engine has served, read for calibration: the access log of `evener serve`, and CSV with the columns arrival_s,
// input_tokens, output_tokens, ttft_s and e2e_s in any order, others ignored, as load generators write it.

#include <string>
#include <string_view>
#include <vector>

#include "evener/core/result.h"
#include "evener/lab/served_log.h"

namespace evener::cli {

struct ServedLog {
  std::vector<lab::ServedRequest> requests;  // in order of arrival, the first at zero
  std::uint64_t lines = 0;                   // with content, a header not counted
  std::uint64_t malformed = 0;               // lines that could not be read
  std::uint64_t passed_over = 0;             // well-formed, but they say nothing of the engine's times: see read_served_log()
  std::vector<std::string> problems;         // the first ProblemsMax malformed lines, each "file:line: what is wrong"
  static constexpr std::size_t ProblemsMax = 20;
  static constexpr std::uint32_t TokensMax = 1U << 24;
};

/// `endpoint`: which one of an access log; empty = all lines have the same one, or it is an error that names them. Of an access log only streams
/// count that were done at the first attempt and whose usage is known, since nobody knows when else the first token came.
[[nodiscard]] Result<ServedLog> read_served_log(std::string_view text, std::string_view file_name, std::string_view endpoint = {});

}  // namespace evener::cli
