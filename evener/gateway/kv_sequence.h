#pragma once
// The order of one publisher's messages: which are to be applied, which wait for a replay of what is missing before them, and when it must be
// said that events are lost. A publisher counts its messages from 0 and keeps the latest for replay; one that was restarted counts from 0
// again. Without sockets and clock; see kv_subscriber.h for these.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "evener/core/time.h"

namespace evener::gateway {

class KvSequence {
 public:
  static constexpr std::size_t HeldMax = 10'000;  // messages that wait for a replay
  static constexpr std::size_t HeldBytesMax = 64U << 20;
  static constexpr Duration ReplayMax = std::chrono::seconds(2);  // between two messages of a replay

  enum class Replay : std::uint8_t { None, Possible };
  explicit KvSequence(Replay replay) : replay_(replay) {}

  /// What to do, in this order: forget what was known, note that what follows is everything since the cache was empty, ask for a replay,
  /// apply these payloads.
  struct Step {
    bool lost = false;
    bool from_beginning = false;
    std::optional<std::uint64_t> ask_from;
    std::vector<std::string> apply;
  };

  /// The connection to the publisher came up, for the first time or again.
  [[nodiscard]] Step connected(Instant now);
  [[nodiscard]] Step message(std::uint64_t number, std::string payload, Instant now);
  [[nodiscard]] Step replayed(std::uint64_t number, std::string payload, Instant now);
  [[nodiscard]] Step replay_ended(Instant now);
  /// Gives up a replay that does not come.
  [[nodiscard]] Step tick(Instant now);

  [[nodiscard]] bool replaying() const { return asked_.has_value(); }

  struct Counts {
    std::uint64_t applied = 0, repeated = 0, gaps = 0, replayed = 0, holes = 0, restarts = 0, replays_failed = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  void ask(Step& step, std::uint64_t from, Instant now);
  void take(Step& step, std::uint64_t number, std::string payload);
  void lose(Step& step);
  void restart(Step& step, Instant now);
  void accept(Step& step, std::uint64_t number, std::string payload, Instant now);
  void end_replay(Step& step, Instant now);
  [[nodiscard]] bool same_as_last(std::uint64_t number, const std::string& payload) const;

  Replay replay_;
  std::optional<std::uint64_t> last_;  // the latest that was applied
  std::uint64_t last_hash_ = 0;
  std::optional<std::uint64_t> asked_;  // a replay from here on is under way
  bool verified_ = false;               // it comes from the publisher that we followed before
  bool again_ = false;                  // it does not: ask from the beginning when it has ended
  bool may_ask_ = true;                 // no second replay for what the first one did not bring
  Instant deadline_{};
  std::map<std::uint64_t, std::string> held_;
  std::size_t held_bytes_ = 0;
  Counts counts_;
};

}  // namespace evener::gateway
