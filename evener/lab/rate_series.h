#pragma once
// A series of request rates (or of any load) in steps of equal length, read from a CSV. A line that cannot be read is named and counted; a gap is
// filled in a straight line and counted. Pure: the text comes in as bytes.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "evener/core/result.h"
#include "evener/core/time.h"

namespace evener::lab {

struct RateSeries {
  Duration step{};
  std::vector<double> rates;  // of the moments 0, step, 2 * step, ...; between them the load goes in a straight line

  /// At `at` after the first moment; the last rate holds for ever.
  [[nodiscard]] double at(Duration at) const;
  [[nodiscard]] double mean() const;
  [[nodiscard]] double peak() const;
};

struct RateReading {
  RateSeries series;
  std::uint64_t lines = 0;            // with content, header not counted
  std::uint64_t malformed = 0;        // lines left out
  std::uint64_t filled = 0;           // steps that the file has no line for
  std::vector<std::string> problems;  // the first ProblemsMax malformed lines, each "file:line: what is wrong"
  static constexpr std::size_t ProblemsMax = 20;
};

/// Steps of a series; 19 years of minutes.
inline constexpr std::size_t RateStepsMax = 10'000'000;

/// A header with the names of the columns; then lines with a time (seconds, or 2014-07-01 00:30:00 in UTC) in the first column and a number of
/// at least 0 in the one called `column` (without a name: the second). The first two lines that can be read say the step. Refused when the
/// column is missing or fewer than two lines can be read.
[[nodiscard]] Result<RateReading> read_rate_series(std::string_view text, std::string_view file_name, std::string_view column = {});

}  // namespace evener::lab
