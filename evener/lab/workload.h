#pragma once
// Workload: the requests of a simulated run, as a value. It may come from a trace or a generator (workloads.h). Requests come at their own
// times whatever happens to the others, except later turns of a session, which come some time after the turn before has ended, and stages,
// each of which begins when all earlier ones are done.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "evener/core/time.h"
#include "evener/lab/trace.h"
#include "evener/route/view.h"

namespace evener::lab {

struct WorkloadRequest {
  static constexpr std::uint32_t NoTurn = 0xffffffffU;

  Duration at{};  // since its stage began; of a later turn: since the turn before it ended
  std::uint32_t input_tokens = 1;
  std::uint32_t output_tokens = 1;  // the engine generates so many; no policy ever sees it
  std::uint32_t first_block = 0;    // into Workload::block_ids
  std::uint32_t blocks = 0;
  std::uint32_t previous_turn = NoTurn;  // index of the request it follows; that one has a smaller index
  std::uint32_t stage = 0;
  std::uint64_t tenant = 0;
  std::uint64_t session = 0;  // 0 = none; else what a client sends as its session key
  route::Priority priority = route::Priority::Standard;
  Duration first_token_objective{};  // 0 = none
  Duration token_objective{};        // 0 = none
};

struct Workload {
  /// First turns are in order of stage, then time; later turns stand anywhere behind the turn that they follow.
  std::vector<WorkloadRequest> requests;
  /// Ids of prompt blocks, all requests one after the other. Chained: equal ids mean that everything before is equal, too.
  std::vector<std::uint64_t> block_ids;
  std::uint32_t block_tokens = 0;  // prompt tokens per id; 0 = no ids

  [[nodiscard]] std::span<const std::uint64_t> blocks(const WorkloadRequest& request) const {
    return std::span(block_ids).subspan(request.first_block, request.blocks);
  }
};

/// When a later turn of a recorded session comes: at its own time, or so long after the answer to the turn before as it did then. A turn that did
/// not wait for that answer, or whose recorder does not say when it ended, keeps its own time.
enum class Turns : std::uint8_t { AsRecorded, AfterAnswers };
/// As recorded. A request that generated nothing becomes one that generates a single token, because an engine answers with at least one.
[[nodiscard]] Workload workload_of(const Trace& trace, Turns turns = Turns::AsRecorded);

/// The hashes of a request's full blocks of `block_tokens`, appended to `out`: recorded blocks are split or put together. Where a block ends
/// inside a recorded one, it counts as shared when the whole recorded one is.
void append_blocks(std::vector<std::uint64_t>& out, const Workload& workload, const WorkloadRequest& request, std::uint32_t block_tokens);

/// Gives the requests that have none these objectives.
void set_objectives(Workload& workload, Duration first_token, Duration token);
/// Keeps the sessions and requests that begin in [from, from + length) of their stage, and lets that stage begin there.
void keep_window(Workload& workload, Duration from, Duration length);
/// Keeps the first so many requests and sessions, each session whole.
void keep_first(Workload& workload, std::uint64_t count);
/// Keeps the sessions and requests that `keeps(first request, index)` holds for; later turns go with their first one.
void keep_if(Workload& workload, const std::function<bool(const WorkloadRequest&, std::uint32_t)>& keeps);
/// Replays `factor` times as fast; think times stay as they are, because people do not think faster. factor > 0.
void speed_up(Workload& workload, double factor);

}  // namespace evener::lab
