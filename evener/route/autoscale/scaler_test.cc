#include "evener/route/autoscale/scaler.h"

#include <doctest/doctest.h>

#include <deque>

#include <utility>

#include "evener/route/autoscale/backlog.h"
#include "evener/route/autoscale/panic_window.h"
#include "evener/route/autoscale/predictive_floor.h"
#include "evener/route/autoscale/target_tracking.h"
#include "tests/for_each_seed.h"

namespace evener::route::autoscale {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

/// Proposes what it is told to.
class Told final : public Controller {
 public:
  explicit Told(const std::optional<std::uint32_t>& replicas) : replicas_(replicas) {}
  [[nodiscard]] std::string_view name() const override { return "told"; }
  [[nodiscard]] std::optional<Proposal> propose(const Reading&) override {
    if (!replicas_) return std::nullopt;
    return Proposal{.replicas = *replicas_, .load = 62.08, .per_replica = 9};
  }

 private:
  const std::optional<std::uint32_t>& replicas_;
};

struct Fixture {
  std::optional<std::uint32_t> proposed;
  Scaler scaler;

  explicit Fixture(ScalerSettings settings) : scaler(std::move(settings), controllers()) {}

  std::vector<std::unique_ptr<Controller>> controllers() {
    std::vector<std::unique_ptr<Controller>> all;
    all.push_back(std::make_unique<Told>(proposed));
    return all;
  }
  Decision at(Duration at, std::uint32_t current, std::optional<std::uint32_t> asked, double arrivals = 1) {
    proposed = asked;
    return scaler.decide({.now = Instant(at), .arrivals_per_s = arrivals, .ready = current});
  }
};

}  // namespace

TEST_CASE("a decision can be read by a person") {
  Fixture pool({.behaviour = {.up = {.policies = {{.most = 2, .period = minutes(1)}}}}});
  const Decision decision = pool.at(minutes(1), 4, 7);
  CHECK(decision.desired == 6);
  CHECK(decision.rule == Rule::Stepped);
  CHECK(decision.explain() == "4 -> 6: told asks for 7 (62.08 at 9 per replica), limited by the step policies");
}

TEST_CASE("without a proposal the pool stays as it is") {
  Fixture pool({});
  const Decision decision = pool.at(minutes(1), 4, std::nullopt);
  CHECK(decision.desired == 4);
  CHECK(decision.explain() == "4 -> 4: nothing known yet");
}

TEST_CASE("a reading right after another decides nothing") {
  Fixture pool({.behaviour = {}});
  CHECK(pool.at(minutes(1), 4, 5).desired == 5);
  CHECK(pool.at(minutes(1) + std::chrono::milliseconds(500), 4, 9).rule == Rule::TooSoon);
}

TEST_CASE("the limits of the pool hold against any proposal") {
  Fixture pool({.least = 2, .most = 8, .behaviour = {}});
  CHECK(pool.at(minutes(1), 4, 20).desired == 8);
  CHECK(pool.at(minutes(2), 4, 0).desired == 2);
  CHECK(pool.at(minutes(3), 4, 0).rule == Rule::Least);
}

TEST_CASE("cool-downs pass before the next change") {
  Fixture pool({.behaviour = {}, .up_cooldown = minutes(1), .down_cooldown = minutes(5)});
  CHECK(pool.at(minutes(1), 4, 6).desired == 6);
  CHECK(pool.at(minutes(1) + seconds(30), 6, 8).rule == Rule::Cooling);
  CHECK(pool.at(minutes(2), 6, 8).desired == 8);
  CHECK(pool.at(minutes(6), 8, 3).desired == 8);
  CHECK(pool.at(minutes(7), 8, 3).desired == 3);
  CHECK(pool.at(minutes(8), 3, 4).desired == 4);  // shrinking makes no growth wait
}

TEST_CASE("a replica lives for its least time") {
  Fixture pool({.behaviour = {}, .minimum_life = minutes(10)});
  CHECK(pool.at(minutes(1), 2, 6).desired == 6);
  const Decision held = pool.at(minutes(5), 6, 1);
  CHECK(held.desired == 4);  // the two old ones may go
  CHECK(held.rule == Rule::Young);
  CHECK(pool.at(minutes(11), 4, 1).desired == 1);
}

TEST_CASE("a pool is emptied only after a time without requests, and one that is empty wakes for the first request that waits") {
  Fixture pool({.least = 0, .behaviour = {}, .idle_before_zero = minutes(10)});
  CHECK(pool.at(minutes(1), 2, 0).desired == 1);
  CHECK(pool.at(minutes(5), 1, 0, 0).desired == 1);
  const Decision emptied = pool.at(minutes(11), 1, 0, 0);
  CHECK(emptied.desired == 0);
  CHECK(emptied.rule == Rule::Idle);
  CHECK(pool.at(minutes(12), 0, 0, 0).desired == 0);
  pool.proposed = 0;
  const Decision woken = pool.scaler.decide({.now = Instant(minutes(13)), .queued = 1});
  CHECK(woken.desired == 1);
  CHECK(woken.rule == Rule::Woken);
}

TEST_CASE("waking waits for no stabilisation, step or cool-down") {
  Fixture pool({.least = 0,
                .behaviour = {.up = {.stabilisation = minutes(5), .policies = {{.most = 1, .period = minutes(5)}}}},
                .up_cooldown = minutes(5)});
  CHECK(pool.at(minutes(1), 0, 3).desired == 3);
}

TEST_CASE("a pool that is not to be emptied keeps its last replica") {
  Fixture pool({.least = 1, .behaviour = {}});
  CHECK(pool.at(minutes(100), 1, 0, 0).desired == 1);
}

TEST_CASE("under a constant load no controller makes a pool grow and shrink in turn") {
  for_each_seed(60, [](Rng& rng) {
    const double load = rng.uniform() * 100, per_replica = 0.5 + rng.uniform() * 10;
    const auto startup = static_cast<int>(rng.below(40));
    const Target target{.measure = Measure::Arrivals, .per_replica = per_replica};
    std::vector<std::unique_ptr<Controller>> controllers;
    const std::uint64_t kind = rng.below(4);
    CAPTURE(kind);
    if (kind == 0) controllers.push_back(std::make_unique<TargetTracking>(TargetTrackingSettings{.target = target}));
    if (kind == 1) controllers.push_back(std::make_unique<PanicWindow>(PanicWindowSettings{.target = target}));
    if (kind == 2) controllers.push_back(std::make_unique<Backlog>(BacklogSettings{.per_replica_per_s = per_replica}));
    if (kind == 3) {
      controllers.push_back(std::make_unique<TargetTracking>(TargetTrackingSettings{.target = target}));
      controllers.push_back(std::make_unique<PredictiveFloor>(PredictiveFloorSettings{.target = target, .startup = startup * seconds(15)}));
    }
    Scaler scaler({.least = 1, .most = 1000}, std::move(controllers));

    std::deque<int> starting;
    auto ready = static_cast<std::uint32_t>(1 + rng.below(40));
    double backlog = 0;
    int reversals = 0, direction = 0, changes_late = 0;
    for (int tick = 0; tick < 1200; ++tick) {
      for (; !starting.empty() && starting.front() <= tick; starting.pop_front()) ++ready;
      backlog = std::max(0.0, backlog + (load - 1.01 * per_replica * ready) * 15);
      const Decision decision = scaler.decide({.now = Instant(tick * seconds(15)),
                                               .arrivals_per_s = load,
                                               .in_flight = load,
                                               .queued = backlog,
                                               .ready = ready,
                                               .starting = static_cast<std::uint32_t>(starting.size())});
      if (decision.desired == decision.current) continue;
      const int now = decision.desired > decision.current ? 1 : -1;
      reversals += direction != 0 && now != direction ? 1 : 0;
      direction = now;
      changes_late += tick > 800 ? 1 : 0;
      for (std::uint32_t i = decision.current; i < decision.desired; ++i) starting.push_back(tick + 1 + startup);
      for (std::uint32_t i = decision.desired; i < decision.current; ++i) {
        if (starting.empty()) {
          --ready;
        } else {
          starting.pop_back();
        }
      }
    }
    CHECK(reversals <= 1);  // a backlog from the start is worked off once
    CHECK(changes_late == 0);
  });
}

}  // namespace evener::route::autoscale
