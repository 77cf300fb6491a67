#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "evener/route/testing/scheduler_fixture.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

/// Keeps the explanation of each request by its cookie.
class Kept final : public Explainer {
 public:
  Explanation* explanation_of(std::uint64_t cookie) override {
    ++asked;
    return &kept[cookie];
  }
  std::map<std::uint64_t, Explanation> kept;
  int asked = 0;
};

struct Explained : SchedulerFixture {
  using SchedulerFixture::SchedulerFixture;
  Kept explainer;
  std::uint64_t cookies = 0;

  /// With its explanation kept.
  Decision arrive(const RequestView& request = {}) {
    scheduler.explain_to(&explainer);
    return scheduler.arrived({.request = request, .cookie = ++cookies}, now);
  }
  const Explanation& last() { return explainer.kept[cookies]; }
  static std::vector<std::string_view> left_out(const Explanation& explanation) {
    std::vector<std::string_view> all;
    for (const EndpointExplanation& one : explanation.endpoints) all.push_back(left_out_name(one.left_out));
    return all;
  }
};

using Reasons = std::vector<std::string_view>;

}  // namespace

TEST_CASE("for every policy the explanation of a choice shows the pool as it was before it, and the cheapest was chosen") {
  for (const std::string_view name : policy_names()) {
    CAPTURE(name);
    PoolSettings settings{.policy = *policy_kind(name)};
    settings.composition.scorers = {{.kind = ScorerKind::UncachedTokens, .weight = 1}, {.kind = ScorerKind::FreeCapacity, .weight = 3}};
    Explained pool(settings);
    pool.with(4);
    std::vector<std::uint32_t> in_flight(5, 0);
    for (int i = 0; i < 30; ++i) {
      const Decision decision = pool.arrive({.affinity_key = 7, .prompt_tokens = 100});
      const auto chosen = static_cast<std::uint32_t>(std::get<Dispatch>(decision).endpoint);
      const Explanation& why = pool.last();
      CHECK(why.policy == name);
      CHECK(why.endpoints_total == 4);
      REQUIRE(why.endpoints.size() == 4);
      const bool compares_all = settings.policy == PolicyKind::Balanced || settings.policy == PolicyKind::LeastRequest ||
                                settings.policy == PolicyKind::Composed || settings.policy == PolicyKind::DynamoCost;
      for (std::uint32_t at = 0; at < 4; ++at) {
        CHECK(why.endpoints[at].id == EndpointId{at + 1});
        CHECK(why.endpoints[at].candidate());
        CHECK(why.endpoints[at].in_flight == in_flight[at + 1]);
        if (compares_all) CHECK(*why.endpoints[chosen - 1].cost <= *why.endpoints[at].cost);
      }
      ++in_flight[chosen];
    }
  }
}

TEST_CASE("a composed choice shows the score that each scorer gave each candidate") {
  PoolSettings settings{.policy = PolicyKind::Composed};
  settings.composition.scorers = {{.kind = ScorerKind::FreeCapacity, .weight = 1}, {.kind = ScorerKind::Price, .weight = 3}};
  Explained pool(settings);
  pool.put(1, {.capacity = 4, .input_price = 10});
  pool.put(2, {.capacity = 4, .input_price = 1});
  pool.put(3, {.capacity = 4, .models = {99}});
  CHECK(pool.endpoint_of(pool.arrive({.model = 5, .prompt_tokens = 100})) == 2);
  const Explanation& why = pool.last();
  CHECK(why.scorers == std::vector<std::string_view>{"free-capacity", "price"});
  CHECK(why.scores == std::vector<float>{1, 0, 1, 1, -1, -1});
  CHECK(*why.endpoints[0].cost == doctest::Approx(0.75));
  CHECK(*why.endpoints[1].cost == doctest::Approx(0.0));
  CHECK(pool.left_out(why) == Reasons{"", "", "model"});
}

TEST_CASE("each endpoint that is left out has its reason, on a retry that it was tried") {
  Explained pool({.check = {.rise = 1, .fall = 3}});
  pool.put(1);
  pool.put(2, {.capacity = 1});
  pool.put(3);
  pool.put(4);
  CHECK(pool.scheduler.arrived({.request = {.affinity_key = 1}}, pool.now).index() == 0);
  while (pool.status(2).in_flight == 0) (void)pool.scheduler.arrived({}, pool.now);
  pool.take_down(3);
  pool.scheduler.explain_to(&pool.explainer);
  const std::array tried = {EndpointId{1}};
  const Decision decision = pool.scheduler.retry({}, tried, pool.now, Scheduler::Attempt::Retry, ++pool.cookies);
  CHECK(pool.endpoint_of(decision) == 4);
  CHECK(pool.left_out(pool.last()) == Reasons{"tried", "capacity", "down", ""});
}

TEST_CASE("a request that waits shows why, and when it goes the pool as it is then") {
  Explained pool;
  pool.put(1, {.capacity = 1});
  (void)pool.arrive();
  CHECK(pool.is_queued(pool.arrive()));
  CHECK(pool.left_out(pool.last()) == Reasons{"capacity"});
  CHECK(pool.last().endpoints[0].in_flight == 1);
  pool.put(2, {.capacity = 5});
  REQUIRE(pool.release().size() == 1);
  CHECK(pool.left_out(pool.last()) == Reasons{"capacity", ""});
}

TEST_CASE("room that is kept for more urgent classes is called reserved") {
  PoolSettings settings;
  for (ClassSettings& one : settings.admission.classes) one.reserve = 0.5;
  Explained pool(settings);
  pool.put(1, {.capacity = 4});
  while (!pool.is_queued(pool.arrive({.priority = Priority::Background}))) {}
  CHECK(pool.last().endpoints[0].in_flight < 4);
  CHECK(pool.left_out(pool.last()) == Reasons{"reserved"});
}

TEST_CASE("of a large pool the best that were compared are listed, with the chosen one, in the order of their ids") {
  for (const PolicyKind policy : {PolicyKind::Balanced, PolicyKind::Blend, PolicyKind::LeastRequest, PolicyKind::RoundRobin}) {
    Explained pool({.policy = policy});
    pool.with(300);
    for (int i = 0; i < 50; ++i) {
      const auto chosen = std::get<Dispatch>(pool.arrive({.prompt_tokens = 100})).endpoint;
      const Explanation& why = pool.last();
      CHECK(why.endpoints_total == 300);
      CHECK(!why.endpoints.empty());
      CHECK(why.endpoints.size() <= Explanation::BestMax);
      CHECK(std::any_of(why.endpoints.begin(), why.endpoints.end(), [&](const auto& one) { return one.id == chosen; }));
      CHECK(std::is_sorted(why.endpoints.begin(), why.endpoints.end(), [](const auto& a, const auto& b) { return a.id < b.id; }));
      CHECK(why.scores.size() == why.endpoints.size() * why.scorers.size());
    }
  }
}

TEST_CASE("nobody is asked for a place where there is no cookie, and none is kept without an explainer") {
  Explained pool;
  pool.with(2);
  pool.scheduler.explain_to(&pool.explainer);
  (void)pool.scheduler.arrived({}, pool.now);
  CHECK(pool.explainer.asked == 0);
  (void)pool.arrive();
  CHECK(pool.explainer.asked == 1);
}

TEST_CASE("explaining every decision changes none") {
  for (const std::uint32_t endpoints : {4U, 20U}) {
    for (const std::string_view name : policy_names()) {
      Explained quiet({.policy = *policy_kind(name)}), explained({.policy = *policy_kind(name)});
      quiet.with(endpoints);
      explained.with(endpoints);
      for (std::uint64_t i = 0; i < 200; ++i) {
        const RequestView request{.affinity_key = i % 5, .prompt_tokens = 100};
        CHECK(quiet.send(request) == explained.endpoint_of(explained.arrive(request)));
      }
    }
  }
}

TEST_CASE("predictions are kept with the request and compared with what came: first token, between tokens, last token") {
  SchedulerFixture pool({.policy = PolicyKind::Balanced});
  pool.with(1);
  const auto run = [&](Duration first, Duration total) {
    auto sent =
        std::get<Dispatch>(pool.scheduler.arrived({.request = {.stream = true, .prompt_tokens = 100, .output_tokens = 11}}, pool.now));
    pool.now += first;
    pool.scheduler.first_token(EndpointId{1}, sent.share, first, pool.now);
    pool.now += total - first;
    pool.finish(1, {.ending = Ending::Ok,
                    .first_token = first,
                    .total = total,
                    .share = sent.share,
                    .usage = TokenUsage{.prompt_tokens = 100, .output_tokens = 11}});
    return sent.share;
  };
  for (int i = 0; i < 20; ++i) CHECK(run(100ms, 300ms).streams);
  const Share share = run(200ms, 600ms);
  CHECK(share.predicted_first_token_s == doctest::Approx(0.1).epsilon(0.01));
  CHECK(share.predicted_token_s == doctest::Approx(0.02).epsilon(0.01));
  CHECK(share.predicted_total_s() == doctest::Approx(0.3).epsilon(0.01));
  const PredictionErrors errors = pool.status(1).prediction_errors;
  CHECK(errors.first_token > 0);
  CHECK(errors.token > 0);
  CHECK(errors.total > 0);
  CHECK(errors.total < 0.5);
}
