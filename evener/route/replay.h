#pragma once
// Replay: feeds the recorded events of one pool to a fresh Scheduler and says what it decides now. The same program decides the same, bit for
// bit; another one may not, and the first difference shows where.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "evener/route/recorded_events.h"
#include "evener/route/scheduler.h"

namespace evener::route {

class Replay {
 public:
  /// The event with the decision that is taken now in place of the recorded one. Nothing when it cannot be: the first event of a pool has to
  /// be Began, and no other may be. Valid until the next call.
  [[nodiscard]] std::optional<recorded::Event> apply(const recorded::Event& event);

 private:
  /// A scheduler borrows the blocks of those that wait, and events do not live that long.
  struct Waiting {
    std::uint64_t ticket = 0;
    std::vector<std::uint64_t> blocks;
  };
  /// Calls `decide(request)` with blocks that last.
  template <class Decide>
  Decision keep_blocks(RequestView& request, std::uint64_t cookie, Decide decide);

  std::optional<Scheduler> scheduler_;
  std::unordered_map<std::uint64_t, Waiting> waiting_;  // by cookie; looked up, never walked for a result
  std::vector<std::uint64_t> blocks_;

  struct Apply;
};

/// Decisions that the event holds: 0 for what only goes in.
[[nodiscard]] std::uint64_t decisions_in(const recorded::Event& event);

/// In words, with all that decides about it: "arrived: 812 prompt tokens, ... -> endpoint 3 (policy, 4 candidates)".
[[nodiscard]] std::string describe(const recorded::Event& event);

}  // namespace evener::route
