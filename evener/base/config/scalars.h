#pragma once
// How numbers, durations and sizes are written in configuration, and how they are shown. Strict on purpose: no octal, no hexadecimal, no
// infinity, a unit wherever one is needed. Each reader gives the value or, for the common slips, what to write instead.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "evener/core/time.h"

namespace evener::config {

/// A value, or nothing and perhaps a hint such as "write 2s".
template <class T>
struct Reading {
  std::optional<T> value;
  std::string hint;
};

/// 12, 0; no sign, no leading zeros.
[[nodiscard]] Reading<std::uint64_t> read_whole_number(std::string_view text);
/// As in JSON: 12, -0.5, 1e-3.
[[nodiscard]] Reading<double> read_number(std::string_view text);
/// 2s, 500ms, 1m30s, 1.5h, 0. Units: h m s ms us, each at most once, in this order.
[[nodiscard]] Reading<Duration> read_duration(std::string_view text);
/// 64KiB, 32MiB, 1GiB, 4096 (bytes).
[[nodiscard]] Reading<std::uint64_t> read_size(std::string_view text);

/// What the core schema of YAML 1.2 takes an unquoted scalar for; texts that look like something else must be quoted.
enum class PlainKind : std::uint8_t { Text, Number, Boolean };
[[nodiscard]] PlainKind plain_kind(std::string_view text);

// In the largest unit that divides them.
[[nodiscard]] std::string show_duration(Duration duration);
[[nodiscard]] std::string show_size(std::uint64_t bytes);
[[nodiscard]] std::string show_number(double number);

}  // namespace evener::config
