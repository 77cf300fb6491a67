#pragma once
// The access log: one JSON line per request. What it says about time is split as an operator asks: waiting for capacity, connecting,
// first token, total. Prompts, answers and keys never enter it.

#include <cstdint>
#include <string>
#include <string_view>

#include "evener/core/time.h"

namespace evener::gateway {

/// Why a request ended, in one word.
enum class EndedBy : std::uint8_t {
  Done,             // answered completely
  ClientGone,       // the client left
  BadRequest,       // its form was refused
  Refused,          // we did not take it: no endpoint, queue, memory, unknown model
  EndpointFailed,   // every allowed attempt failed before anything was sent
  EndpointAborted,  // the endpoint broke off in mid-answer
  Timeout,          // first token, between tokens, or total
  Drained,          // cut off by the end of the drain
};
[[nodiscard]] std::string_view ended_by_name(EndedBy ended);

/// request_id, trace_id, client and pick must need no escapes (we made or checked them). Durations below zero were not reached: null.
struct AccessRecord {
  std::string_view request_id, trace_id, client, method, path, pool, endpoint, model, request_class, tenant, pick, detail;
  std::string_view hedge;           // "won" or "lost" when there was one; constant text
  std::uint16_t status = 0;         // 0 = nothing was sent
  EndedBy ended = EndedBy::Done;
  std::uint32_t attempts = 0;
  bool stream = false;
  bool preempted = false;
  Duration queue{-1}, connect{-1}, first_token{-1}, total{-1};
  std::uint64_t request_bytes = 0, response_bytes = 0, events = 0;
  std::int64_t prompt_tokens = -1, completion_tokens = -1, cached_tokens = -1;  // -1 = the endpoint did not say
  // Of a stream that broke off: how often another endpoint went on, and who broke off first; otherwise the line has none of these.
  std::uint32_t continued = 0;
  std::string_view continued_from;
  // What was expected before, in pools that ask for it; otherwise the line has none of these.
  bool estimated = false;
  std::int64_t prompt_tokens_estimated = 0, cached_tokens_expected = 0;
  Duration first_token_predicted{};  // 0 = nothing had been learned
};

/// Appends the line with its '\n'. `wall_ns` is the wall clock at the end of the request.
void append_access_line(std::string& out, const AccessRecord& record, std::int64_t wall_ns);

}  // namespace evener::gateway
