#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "evener/lab/trace.h"

using namespace evener;

// Whatever the bytes: every line is read, named or of a failed request, and times start at zero and ascend. So it is with whatever format the
// text looks like.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto read : {lab::read_burstgpt_trace, lab::read_trace}) {
    const lab::TraceReading reading = read(text, "fuzz");
    if (reading.lines != reading.malformed + reading.failed + reading.trace.requests.size()) std::abort();
    Duration previous{};
    for (const lab::TraceRequest& request : reading.trace.requests) {
      if (request.at < previous || request.input_tokens == 0 || request.took < Duration::zero()) std::abort();
      previous = request.at;
    }
  }
  return 0;
}
