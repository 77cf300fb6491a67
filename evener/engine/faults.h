#pragma once
// What an emulated engine does wrong on purpose: the ways in which real ones fail a gateway. A plan gives each fault a probability; for each
// request the dice are thrown once, from a seed, so that a failing run can be repeated.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "evener/core/result.h"
#include "evener/core/rng.h"
#include "evener/core/time.h"

namespace evener::engine {

/// Probabilities are per request, 0..1.
struct FaultPlan {
  double slow = 1;               // every step takes this many times as long, for all requests
  double error = 0;              // answers with error_status
  std::uint16_t error_status = 500;
  double overloaded = 0;         // answers with overloaded_status and Retry-After
  std::uint16_t overloaded_status = 503;
  std::uint32_t retry_after_s = 1;
  double garbage = 0;            // answers bytes that are not HTTP
  double half_open = 0;          // takes the request and never answers
  double reset = 0;              // resets the connection after reset_after_tokens
  std::uint32_t reset_after_tokens = 5;
  double stall_first = 0;        // nothing for stall_s before the first token
  double stall_stream = 0;       // nothing for stall_s after stall_after_tokens
  std::uint32_t stall_after_tokens = 5;
  double stall_s = 30;
  std::uint32_t kv_drop_every = 0;  // every n-th batch of KV events is not published; 0 = all are
  bool unhealthy = false;        // health checks answer 503, requests are served
  std::uint64_t seed = 1;
};

/// Sets one field from its name and a number, as on the command line ("slow=3"). Refuses unknown names and values out of range, and says
/// what is allowed.
[[nodiscard]] Result<void> set_fault(FaultPlan& plan, std::string_view name, double value);
[[nodiscard]] bool is_fault_name(std::string_view name);

/// {"slow":3,"error":0.1,...}: what is not named is at its default. All errors are the client's.
[[nodiscard]] Result<FaultPlan> read_fault_plan(std::string_view json);
[[nodiscard]] std::string fault_plan_json(const FaultPlan& plan);

/// What befalls one request.
struct FaultDraw {
  enum class Answer : std::uint8_t { Normal, Error, Overloaded, Garbage, HalfOpen } answer = Answer::Normal;
  bool stall_first = false;
  std::optional<std::uint32_t> reset_after_tokens, stall_after_tokens;
};
/// Always takes the same number of draws, so that one fault's probability does not move the others.
[[nodiscard]] FaultDraw draw_faults(const FaultPlan& plan, Rng& rng);

}  // namespace evener::engine
