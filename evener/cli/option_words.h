#pragma once
// How options of the command line are written: lists, factors, durations.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evener/core/result.h"
#include "evener/core/time.h"

namespace evener::cli {

/// The parts between separators, empty ones left out.
[[nodiscard]] std::vector<std::string> split(const std::string& text, char separator);
/// Above 0, at most 1e9.
[[nodiscard]] std::optional<double> read_number(const std::string& text);
/// A whole number of 1 to `most`.
[[nodiscard]] std::optional<std::uint32_t> read_count(const std::string& text, std::uint32_t most);
/// "1 seed", "5 seeds".
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view thing);
/// What is wrong with the text of an option that takes a number of `least` to `most`; empty = nothing. The library's own check takes "nan".
[[nodiscard]] std::function<std::string(const std::string&)> number_of(double least, double most);
[[nodiscard]] Result<Duration> read_duration_option(const char* name, const std::string& text);
/// The same of an option that may be left out: an empty text changes nothing.
[[nodiscard]] Result<void> read_duration_option(const char* name, const std::string& text, std::optional<Duration>& into);

}  // namespace evener::cli
