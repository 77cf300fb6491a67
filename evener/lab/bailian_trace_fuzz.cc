#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "evener/lab/trace.h"

using namespace evener;

// Whatever the bytes: every line is read or named, every request has a session, times ascend, and block ids lie inside the trace.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const lab::TraceReading reading = lab::read_bailian_trace(text, "fuzz");
  if (reading.lines != reading.malformed + reading.trace.requests.size()) std::abort();
  if (reading.problems.size() > lab::TraceReading::ProblemsMax) std::abort();
  Duration previous{};
  for (const lab::TraceRequest& request : reading.trace.requests) {
    if (request.at < previous || request.input_tokens == 0 || request.session == 0) std::abort();
    previous = request.at;
    if (std::size_t{request.first_block} + request.blocks > reading.trace.block_ids.size()) std::abort();
  }
  return 0;
}
