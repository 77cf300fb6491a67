#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "evener/lab/workload.h"

using namespace evener;

// Whatever the bytes: every line is read or named, times ascend, and the block ids of each request lie inside the trace.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  lab::TraceReading reading = lab::read_mooncake_trace(text, "fuzz");
  if (reading.lines != reading.malformed + reading.trace.requests.size()) std::abort();
  if (reading.problems.size() > lab::TraceReading::ProblemsMax) std::abort();
  Rng rng(size);
  lab::spread_equal_times(reading.trace, rng);
  const lab::Workload workload = lab::workload_of(reading.trace);
  std::vector<std::uint64_t> blocks;
  Duration previous{};
  for (std::size_t i = 0; i < reading.trace.requests.size(); ++i) {
    const lab::TraceRequest& request = reading.trace.requests[i];
    if (request.at < previous || request.input_tokens == 0 || request.input_tokens > lab::TraceTokensMax) std::abort();
    previous = request.at;
    if (std::size_t{request.first_block} + request.blocks > reading.trace.block_ids.size()) std::abort();
    blocks.clear();
    lab::append_blocks(blocks, workload, workload.requests[i], 16);
    if (blocks.size() > request.input_tokens / 16) std::abort();
  }
  return 0;
}
