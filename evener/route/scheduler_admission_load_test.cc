// What admission must hold under any load: no idle slot, fairness between tenants, no starvation, urgent requests before others.

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

#include "evener/route/testing/scheduler_fixture.h"
#include "tests/for_each_seed.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

constexpr Priority Realtime = Priority::Realtime, Standard = Priority::Standard, Batch = Priority::Batch, Background = Priority::Background;

std::size_t at(Priority priority) { return static_cast<std::size_t>(priority); }

/// Endpoints that serve each request for as long as its tokens take; requests of several kinds keep the pool at a chosen load.
class Saturated {
 public:
  struct Kind {
    RequestView request;
    double share = 1.0;        // of the arrivals
    double tokens_mean = 500;  // really taken; what is expected of each is `request`'s
    std::size_t backlog = 0;   // > 0: always so many waiting, instead of arrivals
  };
  struct Served {
    double tokens = 0;
    int requests = 0, refused = 0;
    std::vector<double> waits_s;
  };

  Saturated(PoolSettings settings, std::uint64_t seed, std::vector<Kind> kinds, std::uint32_t endpoints, std::uint32_t slots)
      : rng_(seed), kinds_(std::move(kinds)), served(kinds_.size()), scheduler_(std::move(settings), seed) {
    for (std::uint32_t id = 1; id <= endpoints; ++id) scheduler_.put_endpoint(EndpointId{id}, {.capacity = slots}, now_);
    slots_ = endpoints * slots;
  }

  /// `load` = offered tokens as a share of what the slots can do, for kinds without backlog.
  void run(double for_s, double load) {
    const Instant end = now_ + from_seconds(for_s);
    double mean = 0, shares = 0;
    for (const Kind& kind : kinds_) {
      if (kind.backlog > 0) continue;
      mean += kind.share * kind.tokens_mean;
      shares += kind.share;
    }
    if (shares > 0) mean /= shares;
    const double gap_s = mean > 0 ? mean / (load * slots_ * TokensPerSlotAndSecond) : 1e9;
    Instant next_arrival = now_ + from_seconds(rng_.exponential(gap_s));
    while (now_ < end) {
      refill();
      const Instant next_end = ends_.empty() ? Instant::max() : ends_.begin()->first;
      now_ = std::min({next_end, next_arrival, end});
      scheduler_.tick(now_);
      if (now_ == next_end) {
        const Running ended = ends_.begin()->second;
        ends_.erase(ends_.begin());
        Outcome outcome{.ending = Ending::Ok, .first_token = 10ms, .total = 10ms, .share = ended.share};
        outcome.usage = TokenUsage{.prompt_tokens = ended.tokens / 2, .output_tokens = ended.tokens - ended.tokens / 2, .cached_tokens = 0};
        scheduler_.finished(ended.endpoint, outcome, Scheduler::Attempt::First, now_);
        served[ended.kind].tokens += ended.tokens;
      } else if (now_ == next_arrival) {
        arrive(draw());
        next_arrival = now_ + from_seconds(rng_.exponential(gap_s));
      }
      release();
    }
  }

  /// Refused by the client's own will, to see that nothing of it goes on.
  void cancel_some() {
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      if (rng_.below(3) == 0) {
        REQUIRE(scheduler_.abandoned(it->second.ticket, now_));
        cancelled_.insert(it->first);
        it = waiting_.erase(it);
      } else {
        ++it;
      }
    }
  }

  [[nodiscard]] double busy_share() const { return static_cast<double>(ends_.size()) / slots_; }

 private:
  static constexpr double TokensPerSlotAndSecond = 100;
  struct Running {
    EndpointId endpoint{};
    Share share;
    std::size_t kind = 0;
    std::uint32_t tokens = 0;
  };
  struct Waiting {
    std::uint64_t ticket = 0;
    std::size_t kind = 0;
  };

  std::size_t draw() {
    double all = 0;
    for (const Kind& kind : kinds_) all += kind.backlog > 0 ? 0 : kind.share;
    double at = rng_.uniform() * all;
    for (std::size_t i = 0; i < kinds_.size(); ++i) {
      if (kinds_[i].backlog > 0) continue;
      if (at < kinds_[i].share) return i;
      at -= kinds_[i].share;
    }
    return kinds_.size() - 1;
  }

  void refill() {
    for (std::size_t i = 0; i < kinds_.size(); ++i) {
      const auto have =
          static_cast<std::size_t>(std::count_if(waiting_.begin(), waiting_.end(), [&](const auto& one) { return one.second.kind == i; }));
      for (std::size_t k = have; k < kinds_[i].backlog; ++k) arrive(i);
    }
  }

  void arrive(std::size_t kind) {
    const std::uint64_t cookie = ++cookies_;
    const Decision decision = scheduler_.arrived({.request = kinds_[kind].request, .cookie = cookie}, now_);
    if (const auto* dispatch = std::get_if<Dispatch>(&decision)) return start(*dispatch, kind, 0s);
    if (const auto* queued = std::get_if<Queued>(&decision)) {
      waiting_[cookie] = {queued->ticket, kind};
    } else {
      ++served[kind].refused;
    }
  }

  void start(const Dispatch& dispatch, std::size_t kind, Duration waited) {
    const double drawn = 1 + rng_.exponential(kinds_[kind].tokens_mean);
    ends_.emplace(now_ + from_seconds(drawn / TokensPerSlotAndSecond),
                  Running{dispatch.endpoint, dispatch.share, kind, static_cast<std::uint32_t>(drawn)});
    REQUIRE(ends_.size() <= slots_);
    ++served[kind].requests;
    served[kind].waits_s.push_back(seconds(waited));
  }

  void release() {
    std::vector<Released> out;
    scheduler_.release(out, now_);
    for (const Released& one : out) {
      REQUIRE(cancelled_.count(one.cookie) == 0);
      const auto found = waiting_.find(one.cookie);
      REQUIRE(found != waiting_.end());
      const std::size_t kind = found->second.kind;
      waiting_.erase(found);
      if (const auto* dispatch = std::get_if<Dispatch>(&one.decision)) {
        start(*dispatch, kind, one.waited);
      } else {
        ++served[kind].refused;
      }
    }
    // Work conserving: nobody waits beside a free slot, unless it is reserved.
    if (!reserves && !waiting_.empty()) REQUIRE(ends_.size() == slots_);
  }

  Rng rng_;
  std::vector<Kind> kinds_;

 public:
  std::vector<Served> served;
  bool reserves = false;

 private:
  Scheduler scheduler_;
  Instant now_ = Instant{} + 1000s;
  std::uint32_t slots_ = 0;
  std::uint64_t cookies_ = 0;
  std::multimap<Instant, Running> ends_;
  std::map<std::uint64_t, Waiting> waiting_;
  std::set<std::uint64_t> cancelled_;
};

RequestView sized(Priority priority, std::uint64_t tenant, std::uint32_t tokens) {
  return {.priority = priority, .tenant = tenant, .prompt_tokens = tokens / 2, .output_tokens = tokens - tokens / 2};
}

double p99(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(0.99 * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

}  // namespace

TEST_CASE("no slot stays free while somebody waits, and cancelled requests never go") {
  for_each_seed(20, [](Rng& rng) {
    std::vector<Saturated::Kind> kinds;
    for (const Priority priority : {Realtime, Standard, Batch, Background}) {
      kinds.push_back({.request = sized(priority, 1 + rng.below(3), 400), .tokens_mean = 100 + 900 * rng.uniform()});
    }
    Saturated pool({}, rng.next(), kinds, 3, 4);
    for (int i = 0; i < 20; ++i) {
      pool.run(20, 0.5 + rng.uniform());
      pool.cancel_some();
    }
  });
}

TEST_CASE("equal tenants with a backlog get equal tokens within 5 %, however different their requests, and others by their weights") {
  for_each_seed(3, [](Rng& rng) {
    PoolSettings settings{.queue = {.requests_max = 1000, .wait_max = 1h}};
    settings.admission.tenants = {{.tenant = 4, .weight = 3.0}};
    std::vector<Saturated::Kind> kinds;
    const std::array<double, 4> mean = {100, 3000, 800, 800};
    for (std::uint64_t tenant = 1; tenant <= 4; ++tenant) {
      // What is expected of each request is wrong by up to a factor of eight: only the correction at its end makes it fair.
      kinds.push_back({.request = sized(Standard, tenant, 800), .tokens_mean = mean[tenant - 1], .backlog = 5 * tenant});
    }
    Saturated pool(settings, rng.next(), kinds, 4, 8);
    pool.run(3000, 1);
    const double tokens = pool.served[0].tokens;
    CHECK(pool.served[1].tokens / tokens == doctest::Approx(1.0).epsilon(0.05));
    CHECK(pool.served[2].tokens / tokens == doctest::Approx(1.0).epsilon(0.05));
    CHECK(pool.served[3].tokens / tokens == doctest::Approx(3.0).epsilon(0.05));
  });
}

TEST_CASE("no class starves: with realtime requests alone beyond capacity, every other class still gets some") {
  PoolSettings settings{.queue = {.requests_max = 1000, .wait_max = 10min}};
  std::vector<Saturated::Kind> kinds;
  for (const Priority priority : {Realtime, Standard, Batch, Background})
    kinds.push_back({.request = sized(priority, 0, 500), .backlog = 20});
  Saturated pool(settings, 1, kinds, 2, 4);
  pool.run(2000, 1);
  int others = 0;
  for (const Priority priority : {Standard, Batch, Background}) {
    CHECK(pool.served[at(priority)].requests > 20);
    others += pool.served[at(priority)].requests;
  }
  CHECK(others < pool.served[at(Realtime)].requests / 8);
}

TEST_CASE("at 150 % of capacity realtime requests wait hardly longer than at 70 %, and hardly any capacity is lost") {
  PoolSettings settings{.queue = {.requests_max = 500}};
  settings.admission.classes[at(Realtime)].reserve = 0.04;
  const std::vector<Saturated::Kind> kinds = {{.request = sized(Realtime, 1, 500), .share = 0.2},
                                              {.request = sized(Standard, 2, 500), .share = 0.4},
                                              {.request = sized(Batch, 3, 500), .share = 0.5},
                                              {.request = sized(Background, 4, 500), .share = 0.4}};
  const auto tokens = [](const Saturated& pool) {
    double all = 0;
    for (const auto& one : pool.served) all += one.tokens;
    return all;
  };
  Saturated calm(settings, 1, kinds, 8, 16), over(settings, 1, kinds, 8, 16), full({.queue = {.requests_max = 500}}, 1, kinds, 8, 16);
  calm.reserves = over.reserves = true;
  calm.run(500, 0.7);
  over.run(500, 1.5);
  full.run(500, 1.5);  // without reserve
  CHECK(p99(calm.served[0].waits_s) == 0);
  CHECK(p99(over.served[0].waits_s) < 0.1);
  CHECK(p99(over.served[1].waits_s) < 1);
  CHECK(over.served[0].refused == 0);
  CHECK(tokens(over) > 0.95 * tokens(full));
  CHECK(over.served[3].refused > over.served[2].refused);
  CHECK(over.served[1].refused == 0);
}
