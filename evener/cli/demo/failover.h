#pragma once
// The accident of the demo as a script: one engine hangs, then its process dies, later it comes back. It hangs first because an answer that
// has begun to stream cannot be moved to another engine by anybody: those it had begun are let out, and what it still holds when it dies
// are requests that nothing was answered to, which the gateway can save. Decides and tells only; who calls it acts.

#include <cstdint>
#include <optional>
#include <string>

#include "evener/cli/demo/scenario.h"

namespace evener::cli::demo {

/// The world at one look.
struct FailoverFacts {
  Duration at{};           // since the load began
  bool computing = false;  // the victim still works on answers
  std::uint32_t held = 0;  // requests at the victim, as the gateway counts them
  bool usable = true;      // the gateway would send it requests
};

class Failover {
 public:
  enum class Act : std::uint8_t { None, Hang, Kill, Revive };

  Failover(std::string victim, const Timetable& times) : victim_(std::move(victim)), times_(times) {}

  /// Call a few times per second. What to do to the victim now; done once it is returned, except that revived() has to confirm Revive.
  [[nodiscard]] Act next(const FailoverFacts& facts);
  /// The port may be in use for a moment, then Revive is asked for again.
  void revived() { revived_ = true; }

  /// What the viewer is told, newest last: one sentence for each thing that happened.
  [[nodiscard]] const std::vector<std::string>& story() const { return story_; }
  [[nodiscard]] bool killed() const { return killed_at_.has_value(); }
  [[nodiscard]] bool back() const { return stage_ == Stage::Back; }
  /// How many requests it held when it died.
  [[nodiscard]] std::uint32_t held() const { return held_; }
  /// From the death until the gateway sent it requests again; nothing when it did not come to that.
  [[nodiscard]] std::optional<Duration> away() const;

 private:
  enum class Stage : std::uint8_t { Before, Hanging, Dead, Returning, Back };

  void tell(Duration at, const std::string& what);

  std::string victim_;
  Timetable times_;
  Stage stage_ = Stage::Before;
  unsigned idle_looks_ = 0;
  bool seen_unusable_ = false, revived_ = false;
  std::optional<Duration> killed_at_, back_at_;
  std::uint32_t held_ = 0;
  std::vector<std::string> story_;
};

}  // namespace evener::cli::demo
