#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "evener/cli/served_log_reader.h"

using namespace evener;

// Whatever the bytes: every line is read, named or passed over, arrivals ascend from zero, and times and lengths can be simulated.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto log = cli::read_served_log(text, "fuzz");
  if (!log) return 0;
  if (log->lines != log->malformed + log->passed_over + log->requests.size()) std::abort();
  Duration previous{};
  for (const lab::ServedRequest& request : log->requests) {
    if (request.arrival < previous || request.input_tokens == 0 || request.output_tokens == 0) std::abort();
    if (request.first_token < Duration::zero() || request.total < request.first_token || request.cached_tokens > request.input_tokens)
      std::abort();
    previous = request.arrival;
  }
  return 0;
}
