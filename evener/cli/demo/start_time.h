#pragma once
// How long it took from what the user typed until the first request was answered. A script that sets up and builds first says in
// EVENER_STARTED_AT when it was called; without it, or with nonsense in it, the time counts from the start of the program.

#include <string>

namespace evener::cli::demo {

struct StartTime {
  double unix_s = 0;       // seconds since 1970 UTC
  bool of_script = false;  // set-up and build are in it
};

/// `variable` is the value of EVENER_STARTED_AT, null when it is not set. Taken only when it lies in the last day.
[[nodiscard]] StartTime start_time(const char* variable, double program_started_unix_s);

/// "0.21 s", "83 s", "4 min 3 s".
[[nodiscard]] std::string elapsed_text(double seconds);

}  // namespace evener::cli::demo
