#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "evener/engine/faults.h"
#include "evener/engine/openai_request.h"
#include "evener/engine/options.h"

using namespace evener;

// Bodies, fault plans and engine texts come from outside: whatever they say, what is accepted lies within the limits, and what is not has a
// reason. The first byte chooses the parser.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 4: {
      const auto plan = engine::read_fault_plan(text);
      if (!plan && plan.error().message.empty()) std::abort();
      if (plan && (plan->error < 0 || plan->error > 1 || plan->slow <= 0 || plan->error_status < 400 || plan->error_status > 599)) std::abort();
      if (plan && !engine::read_fault_plan(engine::fault_plan_json(*plan))) std::abort();
      return 0;
    }
    case 5: {
      const auto options = engine::parse_engine_spec(text);
      if (!options && options.error().message.empty()) std::abort();
      if (options && (options->config.batch_sequences_max == 0 || options->config.kv_blocks == 0 || options->time_scale <= 0)) std::abort();
      return 0;
    }
    default: {
      const auto request = engine::read_api_request(static_cast<engine::ApiKind>(data[0] % 6), text);
      if (!request && request.error().message.empty()) std::abort();
      if (request && (request->prompt_tokens() == 0 || request->output_tokens_max == 0U || request->dimensions > 8192)) std::abort();
      if (request) (void)engine::prompt_block_hashes(request->prompt, request->cache_salt, 16);
      return 0;
    }
  }
}
