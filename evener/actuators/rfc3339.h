#pragma once
// The moments at which clouds say that credentials end: 2026-03-01T12:00:00Z.

#include <cstdint>
#include <optional>
#include <string>

namespace evener::actuators {

/// Seconds since 1970; fractions of a second are passed over, and only UTC is read. Nothing if it is something else.
[[nodiscard]] std::optional<std::int64_t> read_utc_time(const std::string& text);

}  // namespace evener::actuators
