#pragma once
// What an emulated engine is: its address, its model, its strength and its faults; and the short text in which the command line says so.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "evener/core/result.h"
#include "evener/core/time.h"
#include "evener/engine/faults.h"
#include "evener/engine/kv_publisher.h"
#include "evener/lab/engine_model.h"

namespace evener::engine {

struct EngineOptions {
  std::string name = "engine";              // in x-evener-engine and in reports
  std::string listen = "127.0.0.1:0";       // port 0 picks a free one
  std::vector<std::string> models = {"emulated"};
  lab::EngineConfig config;
  Duration request_overhead{};              // before the engine sees a request
  std::uint32_t output_tokens_default = 128;  // of a request that sets no length
  double time_scale = 1;                    // 10: everything ten times as fast
  FaultPlan faults;
  KvEventsOptions kv_events;                // what its KV cache stores and evicts is published there
  std::uint32_t embedding_dimensions = 256;
  Duration keep_alive = std::chrono::seconds(75);
};

/// "ENGINE[,key=value...]", e.g. "edge,name=box-1,listen=127.0.0.1:9001,slow=3"; ENGINE as in lab::engine_named(). Keys: those of
/// lab::set_engine(), name, listen, port, model (repeatable), time_scale,
/// output_tokens, dimensions, kv_events, kv_replay, kv_topic, kv_encoding (maps or arrays), and every fault.
/// What neither the preset nor a setting says stays as in `base`. An error names the part and what is allowed.
[[nodiscard]] Result<EngineOptions> parse_engine_spec(std::string_view text, EngineOptions base = {});

}  // namespace evener::engine
