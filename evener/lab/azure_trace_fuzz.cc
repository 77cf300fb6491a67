#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "evener/lab/trace.h"

using namespace evener;

// Whatever the bytes: every line is read or named, and times start at zero and ascend.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const lab::TraceReading reading = lab::read_azure_trace(text, "fuzz");
  if (reading.lines != reading.malformed + reading.trace.requests.size()) std::abort();
  Duration previous{};
  for (const lab::TraceRequest& request : reading.trace.requests) {
    if (request.at < previous || request.input_tokens == 0) std::abort();
    previous = request.at;
  }
  return 0;
}
