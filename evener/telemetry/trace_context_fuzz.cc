// Any bytes as a traceparent: what is sent on is always valid, and continues the trace only where the input was valid.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "evener/telemetry/trace_context.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace evener::telemetry;
  const std::string_view given(reinterpret_cast<const char*>(data), size);
  const TraceContext first = continue_trace(given, 1, 2, 3);
  require(first.traceparent().size() == 55);
  require(first.traceparent().substr(3, 32) == first.trace_id() && first.traceparent().substr(36, 16) == first.span_id());
  if (first.continued()) require(given.size() >= 55 && given.substr(3, 32) == first.trace_id());
  // The next hop takes our own output.
  const TraceContext second = continue_trace(first.traceparent(), 4, 5, 6);
  require(second.continued() && second.trace_id() == first.trace_id() && second.traceparent().substr(52) == first.traceparent().substr(52));
  return 0;
}
