#include "evener/cli/demo/start_time.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

namespace evener::cli::demo {
namespace {

constexpr double OldestAge_s = 24 * 3600;

}  // namespace

StartTime start_time(const char* variable, double program_started_unix_s) {
  const StartTime program{.unix_s = program_started_unix_s};
  if (variable == nullptr) return program;
  const std::string_view text(variable);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return program;
  if (value > program_started_unix_s || value < program_started_unix_s - OldestAge_s) return program;
  return {.unix_s = value, .of_script = true};
}

std::string elapsed_text(double seconds) {
  const double s = std::max(0.0, seconds);
  if (s < 10) return fmt::format("{:.2f} s", s);
  const long long whole = std::llround(s);
  if (whole < 100) return fmt::format("{} s", whole);
  return fmt::format("{} min {} s", whole / 60, whole % 60);
}

}  // namespace evener::cli::demo
