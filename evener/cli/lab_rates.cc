#include "evener/cli/lab_rates.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "evener/base/files.h"

namespace evener::cli {
namespace {

constexpr std::size_t RatesBytesMax = std::size_t{1} << 30;

}  // namespace

void declare_rates(CLI::App& app, RatesArguments& arguments) {
  app.add_option("--rates", arguments.file, "CSV: a header, then a time (seconds, or 2014-07-01 00:30:00) and numbers")
      ->type_name("FILE")
      ->required();
  app.add_option("--column", arguments.column, "The column with the rates (default: the second)")->type_name("NAME");
}

Result<lab::RateSeries> read_rates(const RatesArguments& arguments) {
  const auto text = read_file(arguments.file, RatesBytesMax);
  if (!text) return tl::unexpected(text.error());
  auto reading = lab::read_rate_series(*text, arguments.file, arguments.column);
  if (!reading) return tl::unexpected(reading.error());
  for (const std::string& problem : reading->problems) std::cerr << problem << "\n";
  if (reading->malformed > 0) std::cerr << "evener lab: " << reading->malformed << " of " << reading->lines << " lines were left out\n";
  if (reading->filled > 0) std::cerr << "evener lab: " << reading->filled << " missing steps were filled in straight lines\n";
  return std::move(reading->series);
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace evener::cli
