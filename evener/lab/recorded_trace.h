#pragma once
// A recording of `evener serve --record` as a trace: the requests that came to a pool, with class, tenant, session and prompt blocks, and the
// lengths of the answers that they got. So that a recorded Monday can be run under other policies. What the recorded gateway decided is not
// looked at, except to find out which answer belongs to which request.

#include <string_view>

#include "evener/core/result.h"
#include "evener/lab/trace.h"

namespace evener::lab {

/// Whether these first bytes of a file are those of a recording, of whatever version.
[[nodiscard]] bool is_recording(std::string_view bytes);

struct RecordedTrace {
  TraceReading reading;  // `lines` are requests
  bool cut_off = false;  // the recording has no end: what came after its last whole chunk is missing
};

/// `bytes` are a whole file. `pool` names one of its pools; empty = the only one that had requests. Blocks of prompts are pieces of text, so they
/// count as many tokens as the median request estimates; a prompt is as long as the engine said, else as estimated. A request that was not
/// answered (refused, given up, failed), or whose engine did not say how much it generated, gets the length that was expected of it and
/// counts as guessed. Refused: other versions, damage, an unknown pool, or several without a name.
[[nodiscard]] Result<RecordedTrace> read_recorded_trace(std::string_view bytes, std::string_view file_name, std::string_view pool = {});

}  // namespace evener::lab
