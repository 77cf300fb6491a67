#include "evener/gateway/kv_sequence.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "evener/core/rng.h"

using namespace evener;
using namespace evener::gateway;
using namespace std::chrono_literals;
using Replay = KvSequence::Replay;
using Applied = std::vector<std::string>;

namespace {

/// Gathers what the steps say.
struct Story {
  explicit Story(Replay replay) : sequence(replay) {}

  KvSequence sequence;
  Instant now{1s};
  Applied applied;
  int lost = 0, beginnings = 0;
  std::vector<std::uint64_t> asked;

  void take(KvSequence::Step step) {
    if (step.lost) {
      ++lost;
      applied.clear();
    }
    if (step.from_beginning) ++beginnings;
    if (step.ask_from) asked.push_back(*step.ask_from);
    applied.insert(applied.end(), step.apply.begin(), step.apply.end());
  }
  static std::string payload(std::uint64_t number, const std::string& of) { return of + std::to_string(number); }
  void live(std::uint64_t number, const std::string& of = "a") { take(sequence.message(number, payload(number, of), now)); }
  void replay(std::uint64_t from, std::uint64_t to, const std::string& of = "a") {
    for (; from < to; ++from) take(sequence.replayed(from, payload(from, of), now));
  }
  void end() { take(sequence.replay_ended(now)); }
  void connect() { take(sequence.connected(now)); }
};

}  // namespace

TEST_CASE("kv sequence: messages from 0 on are applied as they come") {
  Story s(Replay::None);
  s.live(0);
  s.live(1);
  s.live(2);
  CHECK(s.applied == Applied{"a0", "a1", "a2"});
  CHECK(s.beginnings == 1);
  CHECK(s.lost == 0);
}

TEST_CASE("kv sequence: joining late without replay is no loss, but no beginning either") {
  Story s(Replay::None);
  s.live(70);
  s.live(71);
  CHECK(s.applied == Applied{"a70", "a71"});
  CHECK(s.beginnings == 0);
  CHECK(s.lost == 0);
}

TEST_CASE("kv sequence: on connecting the history is asked for, and live messages wait for it") {
  Story s(Replay::Possible);
  s.connect();
  CHECK(s.asked == std::vector<std::uint64_t>{0});
  s.live(3);
  s.live(4);
  CHECK(s.applied.empty());
  s.replay(0, 4);
  s.end();
  CHECK(s.applied == Applied{"a0", "a1", "a2", "a3", "a4"});
  CHECK(s.beginnings == 1);
  CHECK(s.lost == 0);
}

TEST_CASE("kv sequence: a history without its beginning is taken, and is no beginning") {
  Story s(Replay::Possible);
  s.connect();
  s.replay(50, 53);
  s.end();
  s.live(53);
  CHECK(s.applied == Applied{"a50", "a51", "a52", "a53"});
  CHECK(s.beginnings == 0);
}

TEST_CASE("kv sequence: a gap is filled by a replay that begins with what we had") {
  Story s(Replay::Possible);
  s.live(0);
  s.live(1);
  s.live(4);
  CHECK(s.asked == std::vector<std::uint64_t>{1});
  s.live(5);
  s.replay(1, 5);
  s.end();
  CHECK(s.applied == Applied{"a0", "a1", "a2", "a3", "a4", "a5"});
  CHECK(s.lost == 0);
  CHECK(s.sequence.counts().gaps == 1);
  CHECK(s.sequence.counts().holes == 0);
}

TEST_CASE("kv sequence: a gap without replay is a loss, and what follows is applied") {
  Story s(Replay::None);
  s.live(0);
  s.live(2);
  s.live(3);
  CHECK(s.lost == 1);
  CHECK(s.applied == Applied{"a2", "a3"});
  CHECK(s.sequence.counts().holes == 1);
}

TEST_CASE("kv sequence: what the replay does not bring is lost, and not asked for again") {
  Story s(Replay::Possible);
  s.live(0);
  s.live(5);
  s.replay(0, 2);
  s.end();
  CHECK(s.asked.size() == 1);
  CHECK(s.lost == 1);
  CHECK(s.applied == Applied{"a5"});
  s.live(6);
  CHECK(s.applied == Applied{"a5", "a6"});
  s.live(8);  // another gap may be asked for again
  CHECK(s.asked.size() == 2);
}

TEST_CASE("kv sequence: a hole within the replay is a loss") {
  Story s(Replay::Possible);
  s.live(0);
  s.live(5);
  s.replay(0, 2);
  s.replay(3, 6);
  s.end();
  CHECK(s.lost == 1);
  CHECK(s.applied == Applied{"a3", "a4", "a5"});
}

TEST_CASE("kv sequence: a publisher that counts from 0 again was restarted") {
  Story s(Replay::None);
  s.live(0);
  s.live(1);
  s.live(0, "b");
  s.live(1, "b");
  CHECK(s.lost == 1);
  CHECK(s.applied == Applied{"b0", "b1"});
  CHECK(s.beginnings == 2);
  CHECK(s.sequence.counts().restarts == 1);
}

TEST_CASE("kv sequence: a restarted publisher that has counted past us is not taken for the old one") {
  Story s(Replay::Possible);
  s.live(0);
  s.live(1);
  s.connect();
  CHECK(s.asked == std::vector<std::uint64_t>{1});
  s.replay(1, 4, "b");
  s.end();
  CHECK(s.lost == 1);
  CHECK(s.asked == std::vector<std::uint64_t>{1, 0});
  s.replay(0, 4, "b");
  s.end();
  s.live(4, "b");
  CHECK(s.applied == Applied{"b0", "b1", "b2", "b3", "b4"});
  CHECK(s.lost == 1);
}

TEST_CASE("kv sequence: a restarted publisher that has said nothing yet is noticed when we reconnect") {
  Story s(Replay::Possible);
  s.live(0);
  s.live(1);
  s.connect();
  s.end();
  CHECK(s.lost == 1);
  CHECK(s.asked == std::vector<std::uint64_t>{1, 0});
  s.end();
  s.live(0, "b");
  CHECK(s.applied == Applied{"b0"});
  CHECK(s.lost == 1);
}

TEST_CASE("kv sequence: a connection that only broke loses nothing") {
  Story s(Replay::Possible);
  s.live(0);
  s.live(1);
  s.connect();
  s.replay(1, 3);
  s.end();
  CHECK(s.lost == 0);
  CHECK(s.applied == Applied{"a0", "a1", "a2"});
}

TEST_CASE("kv sequence: a replay that does not come is given up after ReplayMax without a word") {
  Story s(Replay::Possible);
  s.live(0);
  s.live(2);
  s.now += KvSequence::ReplayMax - 1ms;
  s.take(s.sequence.tick(s.now));
  CHECK(s.lost == 0);
  s.replay(0, 1);  // one message buys it more time
  s.now += KvSequence::ReplayMax - 1ms;
  s.take(s.sequence.tick(s.now));
  CHECK(s.lost == 0);
  s.now += 1ms;
  s.take(s.sequence.tick(s.now));
  CHECK(s.lost == 1);
  CHECK(s.applied == Applied{"a2"});
  CHECK(s.sequence.counts().replays_failed == 1);
  s.replay(1, 3);  // too late
  CHECK(s.applied == Applied{"a2"});
}

TEST_CASE("kv sequence: the first history that does not come is no loss") {
  Story s(Replay::Possible);
  s.connect();
  s.live(9);
  s.now += KvSequence::ReplayMax;
  s.take(s.sequence.tick(s.now));
  CHECK(s.lost == 0);
  CHECK(s.applied == Applied{"a9"});
}

TEST_CASE("kv sequence: of messages that wait for a replay there are at most HeldMax") {
  Story s(Replay::Possible);
  s.live(0);
  s.live(2);
  for (std::uint64_t number = 3; number < 2 + KvSequence::HeldMax; ++number) s.live(number);
  CHECK(s.sequence.replaying());
  s.live(2 + KvSequence::HeldMax);
  CHECK_FALSE(s.sequence.replaying());
  CHECK(s.lost == 1);
  CHECK(s.applied.size() == KvSequence::HeldMax + 1);

  Story bytes(Replay::Possible);
  bytes.live(0);
  bytes.take(bytes.sequence.message(2, std::string(KvSequence::HeldBytesMax - 10, 'x'), bytes.now));
  bytes.take(bytes.sequence.message(3, std::string(9, 'x'), bytes.now));
  bytes.take(bytes.sequence.message(4, std::string(1, 'x'), bytes.now));
  CHECK(bytes.sequence.replaying());
  bytes.take(bytes.sequence.message(5, std::string(1, 'x'), bytes.now));
  CHECK_FALSE(bytes.sequence.replaying());
}

TEST_CASE("kv sequence: the same message twice is applied once") {
  Story s(Replay::None);
  s.live(0);
  s.live(0);
  CHECK(s.applied == Applied{"a0"});
  CHECK(s.lost == 0);
}

TEST_CASE("kv sequence: whatever is dropped, what is applied since the last loss is without a hole") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Rng rng(seed);
    Story s(rng.below(2) == 0 ? Replay::None : Replay::Possible);
    std::string publisher = "a";
    std::uint64_t next = 0;
    std::uint64_t buffer_from = 0;
    const auto answer = [&] {
      // The publisher's replay, cut short now and then.
      while (s.sequence.replaying()) {
        if (rng.below(5) == 0) {
          s.now += KvSequence::ReplayMax;
          s.take(s.sequence.tick(s.now));
          continue;
        }
        for (std::uint64_t number = std::max(s.asked.back(), buffer_from); number < next; ++number) s.replay(number, number + 1, publisher);
        s.end();
      }
    };
    for (int step = 0; step < 300; ++step) {
      const std::uint64_t what = rng.below(40);
      if (what == 0) {
        publisher += "'";
        next = buffer_from = 0;
        if (rng.below(2) == 0) s.connect();
      } else if (what == 1) {
        s.connect();
      } else if (what == 2) {
        buffer_from = next - std::min<std::uint64_t>(next, rng.below(10));
      } else if (what < 8) {
        ++next;  // nobody hears of it
      } else {
        s.live(next++, publisher);
        if (rng.below(3) == 0) answer();
      }
    }
    answer();
    // Where a restart hides behind the very number that was due, publishers differ ("a4", "a'5"); the numbers never jump.
    const auto number_of = [](const std::string& text) { return std::stoull(text.substr(text.find_first_of("0123456789"))); };
    for (std::size_t i = 1; i < s.applied.size(); ++i) CHECK(number_of(s.applied[i]) == number_of(s.applied[i - 1]) + 1);
  }
}
