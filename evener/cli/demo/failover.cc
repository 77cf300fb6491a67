#include "evener/cli/demo/failover.h"

#include <fmt/format.h>

#include <algorithm>

namespace evener::cli::demo {
namespace {

// One look after the last token was computed its bytes may still be on their way.
constexpr unsigned IdleLooks = 2;

std::string requests_text(std::uint32_t count) { return count == 1 ? "1 request" : fmt::format("{} requests", count); }

}  // namespace

Failover::Act Failover::next(const FailoverFacts& facts) {
  switch (stage_) {
    case Stage::Before:
      if (facts.at < times_.hang_at || facts.at >= times_.live) return Act::None;
      stage_ = Stage::Hanging;
      tell(facts.at, victim_ + " hangs: it takes requests and answers none of them");
      return Act::Hang;
    case Stage::Hanging:
      idle_looks_ = facts.computing ? 0 : idle_looks_ + 1;
      if (idle_looks_ < IdleLooks || facts.at >= times_.live) return Act::None;
      stage_ = Stage::Dead;
      killed_at_ = facts.at;
      held_ = facts.held;
      tell(facts.at,
           fmt::format("{} is killed; the {} it held {} to other engines", victim_, requests_text(held_), held_ == 1 ? "goes" : "go"));
      return Act::Kill;
    case Stage::Dead:
      if (!facts.usable && !seen_unusable_) {
        seen_unusable_ = true;
        tell(facts.at, "the gateway has taken " + victim_ + " out; the others carry its load");
      }
      // It stays away long enough to be seen missing, also when it had hung for longer than planned.
      if (facts.at < std::max(times_.revive_at, *killed_at_ + times_.live * 3 / 20)) return Act::None;
      stage_ = Stage::Returning;
      tell(facts.at, victim_ + " starts again; the gateway waits for its health checks");
      return Act::Revive;
    case Stage::Returning:
      if (!revived_) return Act::Revive;
      if (!facts.usable) return Act::None;
      stage_ = Stage::Back;
      back_at_ = facts.at;
      tell(facts.at, victim_ + " takes its share again");
      return Act::None;
    case Stage::Back: return Act::None;
  }
  return Act::None;
}

std::optional<Duration> Failover::away() const {
  if (!killed_at_ || !back_at_) return std::nullopt;
  return *back_at_ - *killed_at_;
}

void Failover::tell(Duration at, const std::string& what) { story_.push_back(fmt::format("{:4.1f} s  {}", seconds(at), what)); }

}  // namespace evener::cli::demo
