#pragma once
// When requests come, whatever happens to the earlier ones: the open loop. Poisson, at a fixed rate, or as recorded.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "evener/core/rng.h"
#include "evener/core/time.h"

namespace evener::lab {

/// Not thread-safe. Instants since the start of the run, ascending. Poisson and fixed rate never end.
class Arrivals {
 public:
  /// Independent requests, `rate_per_s` > 0 on average; the first one comes after an exponential time, too.
  static Arrivals poisson(double rate_per_s, std::uint64_t seed) { return Arrivals(Poisson{.mean_s = 1 / rate_per_s, .rng = Rng(seed)}); }
  /// The k-th request at k / rate_per_s, computed from k, so that rounding never adds up.
  static Arrivals fixed(double rate_per_s) { return Arrivals(Fixed{.rate_per_s = rate_per_s}); }
  /// As recorded (ascending); ends after the last.
  static Arrivals recorded(std::vector<Duration> times) { return Arrivals(Recorded{.times = std::move(times)}); }

  [[nodiscard]] std::optional<Duration> next() {
    return std::visit([](auto& process) { return process.next(); }, process_);
  }

 private:
  struct Poisson {
    double mean_s;
    Rng rng;
    double now_s = 0;
    std::optional<Duration> next() {
      now_s += rng.exponential(mean_s);
      return Duration(std::llround(now_s * 1e9));
    }
  };
  struct Fixed {
    double rate_per_s;
    std::uint64_t count = 0;
    std::optional<Duration> next() { return Duration(std::llround(static_cast<double>(count++) / rate_per_s * 1e9)); }
  };
  struct Recorded {
    std::vector<Duration> times;
    std::size_t index = 0;
    std::optional<Duration> next() { return index < times.size() ? std::optional(times[index++]) : std::nullopt; }
  };
  using Process = std::variant<Poisson, Fixed, Recorded>;
  explicit Arrivals(Process process) : process_(std::move(process)) {}

  Process process_;
};

}  // namespace evener::lab
