#include "evener/cli/option_words.h"

#include <fmt/format.h>

#include <cstdlib>

#include "evener/base/config/scalars.h"

namespace evener::cli {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::optional<double> read_number(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(number > 0) || number > 1e9) return std::nullopt;
  return number;
}

std::optional<std::uint32_t> read_count(const std::string& text, std::uint32_t most) {
  const auto number = read_number(text);
  if (!number || *number < 1 || *number > most) return std::nullopt;
  const auto count = static_cast<std::uint32_t>(*number);
  return static_cast<double>(count) == *number ? std::optional(count) : std::nullopt;
}

std::string counted(std::uint64_t count, std::string_view thing) { return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s"); }

std::function<std::string(const std::string&)> number_of(double least, double most) {
  return [least, most](const std::string& text) -> std::string {
    const auto number = config::read_number(text).value;
    if (number && *number >= least && *number <= most) return {};
    return fmt::format("{} is not a number of {:g} to {:g}", text, least, most);
  };
}

Result<Duration> read_duration_option(const char* name, const std::string& text) {
  const auto reading = config::read_duration(text);
  if (reading.value) return *reading.value;
  return fail(
      fmt::format("{} {} is not a duration such as 30s, 500ms or 2m{}{}", name, text, reading.hint.empty() ? "" : "; ", reading.hint),
      Fault::Client);
}

Result<void> read_duration_option(const char* name, const std::string& text, std::optional<Duration>& into) {
  if (text.empty()) return {};
  const auto duration = read_duration_option(name, text);
  if (!duration) return tl::unexpected(duration.error());
  into = *duration;
  return {};
}

}  // namespace evener::cli
