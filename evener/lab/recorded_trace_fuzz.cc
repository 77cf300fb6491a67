// Any bytes as a recording to be read as a trace; and, so that checksums do not keep everything out, as the events of its only chunk.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "evener/lab/recorded_trace.h"
#include "evener/route/recording.h"

using namespace evener;

namespace {

void read(std::string_view bytes) {
  const auto recorded = lab::read_recorded_trace(bytes, "fuzz");
  if (!recorded) {
    if (recorded.error().message.empty()) std::abort();
    return;
  }
  const lab::Trace& trace = recorded->reading.trace;
  if (trace.requests.empty() || recorded->reading.lines != trace.requests.size()) std::abort();
  Duration previous{};
  for (const lab::TraceRequest& request : trace.requests) {
    if (request.at < previous || request.input_tokens == 0 || request.output_tokens == 0) std::abort();
    previous = request.at;
    if (std::size_t{request.first_block} + request.blocks > trace.block_ids.size()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read(bytes);
  read(route::recording_head("fuzz") + route::chunk_of(1, bytes) + route::end_chunk(route::RecordingEnd::Stopped));
  return 0;
}
