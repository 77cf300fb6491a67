// What must hold for any stream of events: nothing is lost, counted twice or sent where it must not go, and the same stream gives the same
// decisions. The driver keeps a plain second account of everything and compares after every event.

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "evener/core/hashing.h"
#include "evener/route/recorded_scheduler.h"
#include "evener/route/recording.h"
#include "evener/route/replay.h"
#include "evener/route/scheduler.h"
#include "tests/for_each_seed.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

using Attempt = Scheduler::Attempt;

/// Who looks on: nobody; an auditor, who compares all figures after every event; or somebody who ticks, looks and asks at odd times.
enum class Onlooker : std::uint8_t { None, Auditor, Busy };

class Driver {
 public:
  Driver(std::uint64_t seed, Onlooker onlooker, std::unique_ptr<RecordingSink> recording = nullptr)
      : rng_(seed), looks_(seed + 1), onlooker_(onlooker), scheduler_("pool", random_settings(), seed, std::move(recording)) {
    const std::uint64_t endpoints = 1 + rng_.below(8);
    for (std::uint64_t i = 0; i < endpoints; ++i) put_new();
  }

  void run(int events) {
    for (int i = 0; i < events; ++i) {
      step();
      if (onlooker_ == Onlooker::Busy) look();
      if (onlooker_ == Onlooker::Auditor) compare();
    }
    drain_all();
  }

  std::vector<std::uint64_t> decisions;  // everything that was decided, in order

 private:
  struct Known {
    EndpointSettings settings;
    bool draining = false;
    std::uint32_t in_flight = 0;
  };
  struct Running {
    EndpointId endpoint{};
    Attempt attempt = Attempt::First;
    RequestView request;
    std::vector<EndpointId> tried;
    Share share;
    std::uint64_t cookie = 0;
  };

  PoolSettings random_settings() {
    PoolSettings settings;
    settings.policy = static_cast<PolicyKind>(rng_.below(policy_names().size()));
    if (settings.policy == PolicyKind::Maglev && rng_.below(4) > 0) settings.policy = PolicyKind::LeastRequest;  // slow tables
    settings.queue = {.requests_max = static_cast<std::uint32_t>(rng_.below(12)), .wait_max = from_seconds(0.5 + 5 * rng_.uniform())};
    settings.retry = {.attempts_max = static_cast<std::uint32_t>(1 + rng_.below(4)), .budget_share = 0.2, .budget_min = 2};
    settings.outlier.consecutive_failures = static_cast<std::uint32_t>(rng_.below(5));
    settings.outlier.interval = 3s;
    settings.outlier.base_ejection = 2s;
    settings.outlier.success_rate_min_hosts = 3;
    settings.outlier.success_rate_min_requests = 5;
    settings.slow_start = rng_.below(2) == 0 ? 0s : 4s;
    settings.panic_threshold = rng_.below(2) == 0 ? 0.0 : 0.5;
    for (ClassSettings& one : settings.admission.classes) {
      one.promote_after = from_seconds(rng_.below(2) == 0 ? 0.0 : 2 * rng_.uniform());
      one.wait_max = from_seconds(rng_.below(2) == 0 ? 0.0 : 0.1 + 3 * rng_.uniform());
      one.first_token_objective = from_seconds(rng_.below(2) == 0 ? 0.0 : 4 * rng_.uniform());
      one.refuse_late = rng_.below(2) == 0;
      one.waiting_max = static_cast<std::uint32_t>(rng_.below(8));
      one.reserve = rng_.below(2) == 0 ? 0.0 : 0.2 * rng_.uniform();
      one.sheddable = rng_.below(2) == 0;
    }
    settings.admission.tenant_share_max = 0.1 + 0.9 * rng_.uniform();
    settings.admission.capacity = {
        .enabled = rng_.below(2) == 0, .least = 1, .most = 20, .first = static_cast<std::uint32_t>(1 + rng_.below(6))};
    settings.admission.preempt = rng_.below(2) == 0;
    settings.hedging = {.enabled = rng_.below(2) == 0, .quantile = rng_.uniform(), .delay_min = 1ms, .budget_share = rng_.uniform()};
    if (rng_.below(2) == 0) settings.spend = {.limit = 1 + static_cast<NanoMoney>(rng_.below(2'000'000)), .per = 20s};
    settings_ = settings;
    return settings;
  }

  EndpointSettings random_endpoint() {
    EndpointSettings settings{.weight = 0.1 + rng_.uniform() * 5, .capacity = static_cast<std::uint32_t>(rng_.below(5))};
    for (std::uint64_t model = 1; model <= 3; ++model) {
      if (rng_.below(4) == 0) settings.models.push_back(model);
    }
    if (rng_.below(4) == 0) {
      settings.input_price = rng_.uniform();
      settings.output_price = rng_.uniform();
      settings.external = {.enabled = true, .spill_over = rng_.below(2) == 0, .rates = {.requests_per_minute = 60 * rng_.uniform()}};
      if (rng_.below(2) == 0) settings.external.spend.limit = 1 + static_cast<NanoMoney>(rng_.below(1'000'000));
    }
    return settings;
  }

  void put_new() {
    const EndpointId id{next_id_++};
    const EndpointSettings settings = random_endpoint();
    scheduler_.put_endpoint(id, settings, now_, rng_.below(4) == 0 ? Scheduler::Start::AwaitCheck : Scheduler::Start::Healthy);
    known_[id] = {.settings = settings};
  }

  std::optional<EndpointId> any_endpoint() {
    if (known_.empty()) return std::nullopt;
    auto at = known_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(rng_.below(known_.size())));
    return at->first;
  }

  void note(std::uint64_t what) { decisions.push_back(what); }

  void dispatched(const Dispatch& dispatch, const RequestView& request, Attempt attempt, std::vector<EndpointId> tried,
                  std::uint64_t cookie = 0) {
    REQUIRE(known_.count(dispatch.endpoint) == 1);
    Known& endpoint = known_[dispatch.endpoint];
    REQUIRE_FALSE(endpoint.draining);
    if (endpoint.settings.capacity > 0) REQUIRE(endpoint.in_flight < endpoint.settings.capacity);
    REQUIRE(std::find(tried.begin(), tried.end(), dispatch.endpoint) == tried.end());
    const auto& models = endpoint.settings.models;
    if (request.model != 0 && !models.empty()) REQUIRE(std::find(models.begin(), models.end(), request.model) != models.end());
    REQUIRE(dispatch.candidates >= 1);
    REQUIRE(dispatch.candidates <= known_.size());
    ++endpoint.in_flight;
    tried.push_back(dispatch.endpoint);
    REQUIRE(dispatch.share.tenant == request.tenant);
    REQUIRE(dispatch.share.priority == request.priority);
    running_.push_back({.endpoint = dispatch.endpoint,
                        .attempt = attempt,
                        .request = request,
                        .tried = std::move(tried),
                        .share = dispatch.share,
                        .cookie = cookie});
    note(static_cast<std::uint64_t>(dispatch.endpoint) * 8 + static_cast<std::uint64_t>(dispatch.reason));
    note(static_cast<std::uint64_t>(dispatch.hedge_after.count()));
  }

  void refused(const Refusal& refusal) {
    REQUIRE(refusal.retry_after >= 0s);
    note(hash_combine(static_cast<std::uint64_t>(refusal.reason), static_cast<std::uint64_t>(refusal.retry_after.count())));
  }

  void arrive() {
    const RequestView request{.affinity_key = rng_.below(6),
                              .model = rng_.below(3) == 0 ? 1 + rng_.below(4) : 0,
                              .stream = rng_.below(2) == 0,
                              .priority = static_cast<Priority>(rng_.below(Priorities)),
                              .tenant = rng_.below(3),
                              .prompt_tokens = static_cast<std::uint32_t>(rng_.below(2000)),
                              .output_tokens = static_cast<std::uint32_t>(rng_.below(300)),
                              .blocks = std::span(prompts_[rng_.below(prompts_.size())]).first(rng_.below(PromptBlocks)),
                              .block_tokens = 100};
    const std::uint64_t cookie = ++cookies_;
    const std::size_t of_class = waiting_of_class(request.priority);
    const Decision decision = scheduler_.arrived({.request = request, .cookie = cookie}, now_);
    if (const auto* dispatch = std::get_if<Dispatch>(&decision)) return dispatched(*dispatch, request, Attempt::First, {}, cookie);
    if (const auto* refusal = std::get_if<Refusal>(&decision)) return refused(*refusal);
    waiting_[cookie] = {std::get<Queued>(decision).ticket, request};
    note(1);
    if (waiting_.size() > scheduler_.queued()) release();  // somebody had to make room, and has to be told
    REQUIRE(waiting_.size() <= settings_.queue.requests_max);
    const std::uint32_t waiting_max = settings_.admission.of(request.priority).waiting_max;
    REQUIRE((waiting_max == 0 || of_class < waiting_max));
    preempt();
  }

  std::size_t waiting_of_class(Priority priority) const {
    return static_cast<std::size_t>(
        std::count_if(waiting_.begin(), waiting_.end(), [&](const auto& one) { return one.second.second.priority == priority; }));
  }

  /// Each victim is a background request that runs and has no token yet; it ends.
  void preempt() {
    std::vector<Preempt> victims;
    scheduler_.preempt(victims);
    for (const Preempt& victim : victims) {
      const auto found = std::find_if(running_.begin(), running_.end(), [&](const Running& one) { return one.cookie == victim.cookie; });
      REQUIRE(found != running_.end());
      REQUIRE(found->endpoint == victim.endpoint);
      REQUIRE(found->request.priority == Priority::Background);
      REQUIRE(found->share.awaits_first_token);
      end(static_cast<std::size_t>(found - running_.begin()), {.ending = Ending::Cancelled});
      note(victim.cookie);
    }
  }

  void first_token() {
    if (running_.empty()) return;
    Running& one = running_[rng_.below(running_.size())];
    scheduler_.first_token(one.endpoint, one.share, from_seconds(rng_.exponential(0.3)), now_);
    if (rng_.below(2) == 0) return;
    RateAllowance allowance;
    allowance.of(RateOf::Requests) = {
        .limit = 100, .remaining = static_cast<double>(rng_.below(4)), .reset = from_seconds(rng_.exponential(2)), .window = {}};
    scheduler_.allowance_told(one.endpoint, one.share, allowance, now_);
  }

  /// A second attempt beside the first; both end like any other.
  void hedge() {
    if (running_.empty()) return;
    const Running first = running_[rng_.below(running_.size())];
    if (!first.share.awaits_first_token) return;
    const Decision decision = scheduler_.retry(first.request, first.tried, now_, Attempt::Hedge, ++cookies_);
    REQUIRE_FALSE(std::holds_alternative<Queued>(decision));
    if (const auto* refusal = std::get_if<Refusal>(&decision)) return refused(*refusal);
    REQUIRE((settings_.hedging.enabled && waiting_.empty()));
    dispatched(std::get<Dispatch>(decision), first.request, Attempt::Hedge, first.tried, cookies_);
  }

  Running end(std::size_t at, Outcome outcome) {
    const Running ended = running_[at];
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(at));
    outcome.share = ended.share;
    outcome.blocks = ended.request.blocks;
    scheduler_.finished(ended.endpoint, outcome, ended.attempt, now_);
    if (known_.count(ended.endpoint) == 1) --known_[ended.endpoint].in_flight;
    if (ended.attempt == Attempt::Retry) --retries_;
    return ended;
  }

  void finish_one() {
    if (running_.empty()) return;
    const std::size_t at = rng_.below(running_.size());
    const auto ending = rng_.below(2) == 0 ? Ending::Ok : static_cast<Ending>(rng_.below(8));
    Outcome outcome{.ending = ending, .total = from_seconds(rng_.exponential(0.5))};
    if (rng_.below(2) == 0) outcome.first_token = outcome.total / 2;
    if (ending == Ending::Refused && rng_.below(2) == 0) outcome.retry_after = from_seconds(rng_.exponential(1.0));
    if (rng_.below(2) == 0)
      outcome.usage = TokenUsage{.prompt_tokens = 500, .output_tokens = static_cast<std::uint32_t>(rng_.below(900)), .cached_tokens = 100};
    const Running ended = end(at, outcome);
    const bool lost = ending == Ending::ConnectFailed || ending == Ending::Reset;
    if (ending != Ending::Ok && ending != Ending::Cancelled && ended.attempt != Attempt::Hedge)
      retry(ended, lost ? Attempt::Failover : Attempt::Retry);
  }

  void retry(const Running& ended, Attempt attempt) {
    const Decision decision = scheduler_.retry(ended.request, ended.tried, now_, attempt);
    REQUIRE_FALSE(std::holds_alternative<Queued>(decision));
    if (const auto* refusal = std::get_if<Refusal>(&decision)) {
      REQUIRE((attempt == Attempt::Retry || refusal->reason != RefusalReason::RetryBudget));
      return refused(*refusal);
    }
    REQUIRE(ended.tried.size() < settings_.retry.attempts_max);
    if (attempt == Attempt::Retry) {
      const auto allowed = std::max<double>(settings_.retry.budget_min, settings_.retry.budget_share * in_flight());
      ++retries_;
      REQUIRE(retries_ <= allowed);
    }
    dispatched(std::get<Dispatch>(decision), ended.request, attempt, ended.tried);
  }

  std::uint32_t in_flight() const {
    std::uint32_t all = 0;
    for (const auto& [id, endpoint] : known_) all += endpoint.in_flight;
    return all;
  }

  void release() {
    std::vector<Released> out;
    scheduler_.release(out, now_);
    for (const Released& one : out) {
      REQUIRE(waiting_.count(one.cookie) == 1);  // exactly once
      const RequestView request = waiting_[one.cookie].second;
      waiting_.erase(one.cookie);
      REQUIRE(one.waited >= 0s);
      if (const auto* dispatch = std::get_if<Dispatch>(&one.decision)) {
        const Duration of_class = settings_.admission.of(request.priority).wait_max;
        REQUIRE(one.waited < (of_class > 0s ? of_class : settings_.queue.wait_max));
        dispatched(*dispatch, request, Attempt::First, {}, one.cookie);
      } else {
        refused(std::get<Refusal>(one.decision));
      }
    }
    REQUIRE(scheduler_.queued() == waiting_.size());
  }

  void abandon() {
    if (waiting_.empty()) return;
    auto at = waiting_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(rng_.below(waiting_.size())));
    REQUIRE(scheduler_.abandoned(at->second.first, now_));
    REQUIRE_FALSE(scheduler_.abandoned(at->second.first, now_));
    waiting_.erase(at);
  }

  void step() {
    const Duration pause = rng_.below(3) == 0 ? from_seconds(rng_.exponential(0.4)) : 0ms;
    if (onlooker_ == Onlooker::Busy && pause > 0s) {
      scheduler_.tick(now_ + pause / 3);
      (void)scheduler_.status(now_ + pause / 2);
    }
    now_ += pause;
    const std::uint64_t what = rng_.below(100);
    const std::optional<EndpointId> endpoint = any_endpoint();
    if (what < 35) {
      arrive();
    } else if (what < 70) {
      finish_one();
    } else if (what < 74) {
      first_token();
    } else if (what < 77) {
      hedge();
    } else if (what < 83) {
      if (endpoint) scheduler_.checked(*endpoint, rng_.below(2) == 0 ? Scheduler::Check::Passed : Scheduler::Check::Failed, now_);
    } else if (what < 86) {
      if (endpoint) {
        known_[*endpoint].draining = rng_.below(2) == 0;
        scheduler_.set_drain(*endpoint, known_[*endpoint].draining ? Scheduler::Drain::Yes : Scheduler::Drain::No, now_);
      }
    } else if (what < 88) {
      if (known_.size() < 12) put_new();
    } else if (what < 90) {
      if (endpoint && known_.size() > 1) {
        scheduler_.remove_endpoint(*endpoint, now_);
        known_.erase(*endpoint);
      }
    } else if (what < 93) {
      if (endpoint) {
        known_[*endpoint].settings = random_endpoint();
        scheduler_.put_endpoint(*endpoint, known_[*endpoint].settings, now_);
      }
    } else if (what < 95) {
      if (endpoint) scheduler_.set_weight(*endpoint, rng_.uniform() * 3, now_);
    } else if (what < 98) {
      abandon();
    } else if (what < 99) {
      const std::size_t waiting = waiting_.size();
      PoolSettings settings = random_settings();
      settings.queue.requests_max = settings_.queue.requests_max =
          std::max(settings.queue.requests_max, static_cast<std::uint32_t>(waiting));
      scheduler_.configure(settings, now_);
    } else {
      scheduler_.tick(now_);
    }
    if (rng_.below(4) > 0) release();  // a caller that is late now and then must do no harm
  }

  void look() {
    if (looks_.below(2) == 0) scheduler_.tick(now_);
    if (looks_.below(2) == 0) (void)scheduler_.explain({.affinity_key = looks_.below(5), .model = looks_.below(3)}, now_);
    if (looks_.below(2) == 0) (void)scheduler_.in_panic();
  }

  void compare() {
    REQUIRE(scheduler_.queued() == waiting_.size());
    REQUIRE(scheduler_.in_flight() == in_flight());
    const std::vector<EndpointStatus> all = scheduler_.status(now_);
    REQUIRE(all.size() == known_.size());
    for (const EndpointStatus& one : all) {
      const Known& known = known_[one.id];
      const bool weights = one.weight_effective > 0 && one.weight_effective <= one.weight_configured;
      const bool health = (one.health == Health::Draining) == known.draining && (!one.until || *one.until > now_);
      REQUIRE((one.in_flight == known.in_flight && weights && health));
    }
  }

  /// Everybody ends; nobody may be left behind.
  void drain_all() {
    for (const Running& one : running_) scheduler_.finished(one.endpoint, {.ending = Ending::Cancelled}, one.attempt, now_);
    running_.clear();
    for (auto& [id, endpoint] : known_) endpoint.in_flight = 0;
    now_ += std::max<Duration>(settings_.queue.wait_max, 4s);
    release();
    CHECK(waiting_.empty());
    for (const Running& one : running_) scheduler_.finished(one.endpoint, {.ending = Ending::Cancelled}, one.attempt, now_);
    CHECK(scheduler_.in_flight() == 0);
    CHECK(scheduler_.queued() == 0);
  }

  static constexpr std::size_t PromptBlocks = 12;
  /// Prompts, some with the beginning of others.
  static const std::vector<std::vector<std::uint64_t>>& prompts() {
    static const auto all = [] {
      std::vector<std::vector<std::uint64_t>> made;
      for (std::uint64_t i = 0; i < 20; ++i) {
        std::vector<std::uint64_t>& blocks = made.emplace_back();
        for (std::uint64_t depth = 0; depth < PromptBlocks; ++depth) blocks.push_back(hash_combine(depth < 4 ? i % 3 : i, depth));
      }
      return made;
    }();
    return all;
  }

  const std::vector<std::vector<std::uint64_t>>& prompts_ = prompts();
  Rng rng_;
  Rng looks_;
  Onlooker onlooker_;
  PoolSettings settings_;
  RecordedScheduler scheduler_;
  Instant now_ = Instant{} + 100s;
  std::uint32_t next_id_ = 1;
  std::uint64_t cookies_ = 0;
  double retries_ = 0;
  std::map<EndpointId, Known> known_;
  std::vector<Running> running_;
  std::map<std::uint64_t, std::pair<std::uint64_t, RequestView>> waiting_;  // cookie -> ticket, request
};

constexpr int Events = 400;

}  // namespace

TEST_CASE("through any stream of events every request is accounted for, and rules of capacity, drain and retries hold") {
  for_each_seed(150, [](Rng& rng) { Driver(rng.next(), Onlooker::Auditor).run(Events); });
}

TEST_CASE("the same stream of events gives the same decisions") {
  for_each_seed(50, [](Rng& rng) {
    const std::uint64_t seed = rng.next();
    Driver one(seed, Onlooker::None), again(seed, Onlooker::None);
    one.run(Events);
    again.run(Events);
    CHECK(one.decisions == again.decisions);
    CHECK(one.decisions.size() > 50);
  });
}

TEST_CASE("how often somebody ticks, looks or asks for an explanation changes no decision") {
  for_each_seed(100, [](Rng& rng) {
    const std::uint64_t seed = rng.next();
    Driver alone(seed, Onlooker::None), watched(seed, Onlooker::Busy);
    alone.run(Events);
    watched.run(Events);
    CHECK(alone.decisions == watched.decisions);
  });
}

namespace {

class Chunks final : public RecordingSink {
 public:
  explicit Chunks(std::string& bytes) : bytes_(bytes) {}
  bool take(std::string_view payload) override {
    bytes_ += payload;
    return true;
  }

 private:
  std::string& bytes_;
};

}  // namespace

TEST_CASE("a recorded stream of events replays to the same decisions, bit for bit, and being recorded changes none") {
  for_each_seed(100, [](Rng& rng) {
    const std::uint64_t seed = rng.next();
    std::string bytes;
    Driver alone(seed, Onlooker::None);
    alone.run(Events);
    {
      Driver recorded(seed, Onlooker::Busy, std::make_unique<Chunks>(bytes));
      recorded.run(Events);
      CHECK(alone.decisions == recorded.decisions);
    }
    EventReader reader(bytes);
    Replay replay;
    std::string again;
    std::uint64_t decisions = 0;
    while (const auto event = reader.next()) {
      const auto replayed = replay.apply(*event);
      REQUIRE(replayed);
      decisions += decisions_in(*event);
      write_event(again, *replayed);
    }
    CHECK_FALSE(reader.bad());
    CHECK(decisions > 50);
    CHECK(again == bytes);
  });
}
