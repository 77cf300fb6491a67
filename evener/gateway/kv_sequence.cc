#include "evener/gateway/kv_sequence.h"

#include <utility>

#include "evener/core/hashing.h"

namespace evener::gateway {

bool KvSequence::same_as_last(std::uint64_t number, const std::string& payload) const {
  return last_ && *last_ == number && last_hash_ == hash64(payload);
}

void KvSequence::ask(Step& step, std::uint64_t from, Instant now) {
  step.ask_from = asked_ = from;
  verified_ = false;
  again_ = false;
  deadline_ = now + ReplayMax;
}

void KvSequence::take(Step& step, std::uint64_t number, std::string payload) {
  if (number == 0) step.from_beginning = true;
  last_ = number;
  last_hash_ = hash64(payload);
  ++counts_.applied;
  step.apply.push_back(std::move(payload));
}

void KvSequence::lose(Step& step) {
  // What this very step wanted applied is lost with the rest.
  step.apply.clear();
  step.from_beginning = false;
  step.lost = true;
}

KvSequence::Step KvSequence::connected(Instant now) {
  Step step;
  may_ask_ = true;
  // While we were away it may have been restarted, even have counted past our last number: its replay shows whether that is still there.
  if (replay_ == Replay::Possible && !replaying()) ask(step, last_.value_or(0), now);
  return step;
}

KvSequence::Step KvSequence::message(std::uint64_t number, std::string payload, Instant now) {
  Step step;
  if (replaying()) {
    held_bytes_ += payload.size();
    held_.insert_or_assign(number, std::move(payload));
    if (held_.size() > HeldMax || held_bytes_ > HeldBytesMax) {
      ++counts_.replays_failed;
      end_replay(step, now);
    }
  } else {
    accept(step, number, std::move(payload), now);
  }
  return step;
}

void KvSequence::accept(Step& step, std::uint64_t number, std::string payload, Instant now) {
  if (last_ && number == *last_ + 1) {
    may_ask_ = true;
    take(step, number, std::move(payload));
    return;
  }
  if (same_as_last(number, payload)) {
    ++counts_.repeated;
    return;
  }
  if (last_ && number <= *last_) restart(step, now);
  if (!last_ && number == 0) {
    take(step, number, std::move(payload));
    return;
  }
  if (last_) ++counts_.gaps;
  if (replay_ == Replay::Possible && may_ask_) {
    if (!replaying()) ask(step, last_.value_or(0), now);
    held_bytes_ += payload.size();
    held_.insert_or_assign(number, std::move(payload));
    return;
  }
  if (last_) {
    ++counts_.holes;
    lose(step);
  }
  take(step, number, std::move(payload));
}

void KvSequence::restart(Step& step, Instant) {
  ++counts_.restarts;
  lose(step);
  last_.reset();
  may_ask_ = true;
}

KvSequence::Step KvSequence::replayed(std::uint64_t number, std::string payload, Instant now) {
  Step step;
  if (!replaying() || again_) return step;
  deadline_ = now + ReplayMax;
  if (!last_) {
    // A history whose beginning was dropped by the publisher is better than none; from_beginning tells them apart.
    ++counts_.replayed;
    verified_ = true;
    take(step, number, std::move(payload));
    return step;
  }
  if (!verified_) {
    if (same_as_last(number, payload)) {
      verified_ = true;
      return step;
    }
    // Not the messages that we had: another publisher, or so many later that ours are not kept any more.
    restart(step, now);
    if (number == 0) {
      verified_ = true;
      ++counts_.replayed;
      take(step, number, std::move(payload));
    } else {
      again_ = true;
    }
    return step;
  }
  if (number <= *last_) return step;
  if (number != *last_ + 1) {
    ++counts_.holes;
    lose(step);
  }
  ++counts_.replayed;
  take(step, number, std::move(payload));
  return step;
}

KvSequence::Step KvSequence::replay_ended(Instant now) {
  Step step;
  if (!replaying()) return step;
  if (!again_ && !verified_ && last_) {
    // It has nothing of what we had: it began anew.
    restart(step, now);
    if (*asked_ > 0) again_ = true;
  }
  if (again_) {
    ask(step, 0, now);
    return step;
  }
  end_replay(step, now);
  return step;
}

KvSequence::Step KvSequence::tick(Instant now) {
  Step step;
  if (!replaying() || now < deadline_) return step;
  ++counts_.replays_failed;
  end_replay(step, now);
  return step;
}

/// What came meanwhile goes on from here; what is missing still is not asked for twice.
void KvSequence::end_replay(Step& step, Instant now) {
  asked_.reset();
  may_ask_ = false;
  auto held = std::exchange(held_, {});
  held_bytes_ = 0;
  for (auto& [number, payload] : held) {
    // The replay has brought those up to here.
    if (last_ && number <= *last_) continue;
    accept(step, number, std::move(payload), now);
  }
  may_ask_ = true;
}

}  // namespace evener::gateway
