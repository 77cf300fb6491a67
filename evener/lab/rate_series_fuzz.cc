#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "evener/lab/rate_series.h"

using namespace evener;

// Whatever the bytes: every line is read or named, and what was read is a series of finite rates at a step.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto reading = lab::read_rate_series(text, "fuzz");
  if (!reading) return 0;
  if (reading->series.step <= Duration::zero() || reading->series.rates.size() > lab::RateStepsMax) std::abort();
  if (reading->lines - reading->malformed + reading->filled != reading->series.rates.size()) std::abort();
  for (const double rate : reading->series.rates) {
    if (!std::isfinite(rate) || rate < 0) std::abort();
  }
  return 0;
}
