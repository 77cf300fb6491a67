#pragma once
// The rate series that the scaling commands of the lab read from a file, and the lists in their arguments.

#include <string>
#include <vector>

#include "evener/core/result.h"
#include "evener/lab/rate_series.h"

namespace CLI {
class App;
}

namespace evener::cli {

/// The series that the commands read.
struct RatesArguments {
  std::string file, column;
};

void declare_rates(CLI::App& app, RatesArguments& arguments);
/// Says on standard error what of the file could not be read.
[[nodiscard]] Result<lab::RateSeries> read_rates(const RatesArguments& arguments);

[[nodiscard]] std::vector<std::string> split_list(const std::string& text);

}  // namespace evener::cli
