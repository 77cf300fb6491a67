// Where a request may go at all: zones, kinds of input, context length.

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "evener/route/fit.h"
#include "evener/route/scheduler.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

constexpr EndpointId Edge{1}, Cloud{2}, Far{3};
constexpr std::uint16_t EdgeZone = 1, CloudZone = 2;
constexpr std::uint64_t EdgeOnly = 1U << EdgeZone;
const Instant T0 = Instant() + 100s;

/// An endpoint at the edge with a small context for text alone, and one in the cloud for everything.
struct TwoZones {
  Scheduler scheduler;
  explicit TwoZones(PolicyKind policy = PolicyKind::LeastRequest, std::uint32_t edge_capacity = 0)
      : scheduler({.policy = policy, .check = {.enabled = true, .rise = 1, .fall = 1}}, 1) {
    scheduler.put_endpoint(Edge, {.capacity = edge_capacity, .models = {}, .zone = EdgeZone, .modalities = Text, .context_tokens_max = 4000}, T0);
    scheduler.put_endpoint(Cloud, {.models = {}, .zone = CloudZone, .context_tokens_max = 128'000}, T0);
  }
  Decision arrived(const RequestView& request, std::uint64_t cookie = 1) { return scheduler.arrived({.request = request, .cookie = cookie}, T0); }
};

EndpointId endpoint_of(const Decision& decision) {
  const auto* dispatch = std::get_if<Dispatch>(&decision);
  return dispatch == nullptr ? EndpointId{} : dispatch->endpoint;
}
std::string_view refusal_of(const Decision& decision) {
  const auto* refusal = std::get_if<Refusal>(&decision);
  return refusal == nullptr ? "none" : refusal_name(refusal->reason);
}

}  // namespace

TEST_CASE("a request that may go to one zone goes there however busy it is") {
  TwoZones pool;
  for (int i = 0; i < 50; ++i) REQUIRE(endpoint_of(pool.arrived({.zones = EdgeOnly})) == Edge);
  CHECK(endpoint_of(pool.arrived({})) == Cloud);
}

TEST_CASE("when no endpoint of its zones is up the request is refused, not sent elsewhere") {
  TwoZones pool;
  pool.scheduler.checked(Edge, Scheduler::Check::Failed, T0);
  CHECK(refusal_of(pool.arrived({.zones = EdgeOnly})) == "zone_unavailable");
  CHECK(endpoint_of(pool.arrived({})) == Cloud);
  pool.scheduler.remove_endpoint(Edge, T0);
  CHECK(refusal_of(pool.arrived({.zones = EdgeOnly})) == "zone_unavailable");
}

TEST_CASE("an endpoint without a zone gets no request that is bound to zones") {
  TwoZones pool;
  pool.scheduler.put_endpoint(Far, {.models = {}}, T0);
  pool.scheduler.set_drain(Edge, Scheduler::Drain::Yes, T0);
  CHECK(refusal_of(pool.arrived({.zones = EdgeOnly})) == "zone_unavailable");
}

TEST_CASE("a request for an adapter goes where that is, or where any is loaded, and is refused where neither is") {
  constexpr std::uint64_t Sql = 11, Poems = 12, Rare = 13;
  Scheduler scheduler({.policy = PolicyKind::RoundRobin}, 1);
  scheduler.put_endpoint(Edge, {.models = {}, .adapters = {Poems, Sql}}, T0);
  scheduler.put_endpoint(Cloud, {.models = {}}, T0);
  const auto chosen = [&](std::uint64_t adapter) { return endpoint_of(scheduler.arrived({.request = {.adapter = adapter}}, T0)); };
  for (int i = 0; i < 4; ++i) CHECK(chosen(Sql) == Edge);
  CHECK(chosen(0) != chosen(0));
  CHECK(refusal_of(scheduler.arrived({.request = {.adapter = Rare}}, T0)) == "adapter_unknown");
  CHECK(scheduler.explain({.adapter = Sql}, T0).endpoints[1].left_out == LeftOut::Adapter);

  const std::vector<std::uint64_t> reported = {Rare};
  scheduler.adapters_reported(Cloud, reported, T0);
  CHECK(chosen(Rare) == Cloud);
  scheduler.adapters_reported(Cloud, {}, T0);
  CHECK(refusal_of(scheduler.arrived({.request = {.adapter = Rare}}, T0)) == "adapter_unknown");

  scheduler.put_endpoint(Far, {.models = {}, .any_adapter = true}, T0);
  for (int i = 0; i < 4; ++i) CHECK(chosen(Rare) == Far);
  CHECK(chosen(Sql) != chosen(Sql));  // Edge has it and Far may load it
}

TEST_CASE("an endpoint that would have to load the adapter scores lower than one that has it") {
  Scheduler scheduler({.policy = PolicyKind::Composed, .composition = {.filters = {}, .scorers = {{.kind = ScorerKind::Adapter}}}}, 1);
  scheduler.put_endpoint(Edge, {.models = {}, .any_adapter = true}, T0);
  scheduler.put_endpoint(Cloud, {.models = {}, .any_adapter = true}, T0);
  const std::vector<std::uint64_t> reported = {99, 11};
  scheduler.adapters_reported(Cloud, reported, T0);
  for (int i = 0; i < 8; ++i) CHECK(endpoint_of(scheduler.arrived({.request = {.adapter = 11}}, T0)) == Cloud);
  scheduler.remove_endpoint(Edge, T0);
  scheduler.put_endpoint(Far, {.models = {}, .any_adapter = true}, T0);  // what its view borrows stays where it is
  CHECK(endpoint_of(scheduler.arrived({.request = {.adapter = 99}}, T0)) == Cloud);
}

TEST_CASE("a retry and a failover stay in the request's zones") {
  TwoZones pool;
  const RequestView request{.zones = EdgeOnly};
  const auto first = std::get<Dispatch>(pool.arrived(request));
  pool.scheduler.finished(first.endpoint, {.ending = Ending::ConnectFailed, .share = first.share}, Scheduler::Attempt::First, T0);
  const std::vector<EndpointId> tried = {Edge};
  CHECK(refusal_of(pool.scheduler.retry(request, tried, T0, Scheduler::Attempt::Failover, 1)) == "attempts_exhausted");
  CHECK(refusal_of(pool.scheduler.retry(request, tried, T0, Scheduler::Attempt::Retry, 1)) == "attempts_exhausted");
}

TEST_CASE("a request that waits for its zone does not hold up one that can go elsewhere") {
  TwoZones pool(PolicyKind::LeastRequest, 1);
  const auto first = std::get<Dispatch>(pool.arrived({.zones = EdgeOnly}));
  CHECK(std::holds_alternative<Queued>(pool.arrived({.zones = EdgeOnly}, 7)));
  CHECK(endpoint_of(pool.arrived({}, 8)) == Cloud);
  pool.scheduler.finished(Edge, {.share = first.share}, Scheduler::Attempt::First, T0);
  std::vector<Released> released;
  pool.scheduler.release(released, T0);
  REQUIRE(released.size() == 1);
  CHECK(released[0].cookie == 7);
  CHECK(std::get<Dispatch>(released[0].decision).endpoint == Edge);
}

TEST_CASE("a request in the queue is refused when its zone goes down, while the other zone is up") {
  TwoZones pool(PolicyKind::LeastRequest, 1);
  (void)pool.arrived({.zones = EdgeOnly});
  REQUIRE(std::holds_alternative<Queued>(pool.arrived({.zones = EdgeOnly}, 7)));
  pool.scheduler.checked(Edge, Scheduler::Check::Failed, T0);
  std::vector<Released> released;
  pool.scheduler.release(released, T0);
  REQUIRE(released.size() == 1);
  CHECK(std::get<Refusal>(released[0].decision).reason == RefusalReason::ZoneUnavailable);
}

TEST_CASE("input that an endpoint does not take goes to one that does, or is refused for what it is") {
  TwoZones pool;
  for (int i = 0; i < 20; ++i) REQUIRE(endpoint_of(pool.arrived({.modalities = Text | Image})) == Cloud);
  CHECK(refusal_of(pool.arrived({.modalities = Text | Image, .zones = EdgeOnly})) == "modality_unsupported");
}

TEST_CASE("prompt and bound together have to fit into the context") {
  TwoZones pool;
  for (int i = 0; i < 20; ++i) REQUIRE(endpoint_of(pool.arrived({.output_tokens_max = 2000, .prompt_tokens = 2001})) == Cloud);
  for (int i = 0; i < 20; ++i) REQUIRE(endpoint_of(pool.arrived({.output_tokens_max = 2000, .prompt_tokens = 2000})) == Edge);
}

TEST_CASE("where none fits by the estimate, one that may fit is asked, and what cannot fit is refused") {
  TwoZones pool;
  CHECK(endpoint_of(pool.arrived({.prompt_tokens = 160'000})) == Cloud);
  CHECK(refusal_of(pool.arrived({.prompt_tokens = 180'000})) == "context_too_long");
  CHECK(refusal_of(pool.arrived({.prompt_tokens = 6'000, .zones = EdgeOnly})) == "context_too_long");
}

TEST_CASE("a request that fits only where nobody is up waits for no other") {
  TwoZones pool;
  pool.scheduler.set_drain(Cloud, Scheduler::Drain::Yes, T0);
  CHECK(refusal_of(pool.arrived({.prompt_tokens = 10'000})) == "all_down");
}

TEST_CASE("an explanation names what keeps a request from an endpoint") {
  TwoZones pool;
  const auto why_not_edge = [&](const RequestView& request) {
    return std::string(left_out_name(pool.scheduler.explain(request, T0).endpoints[0].left_out));
  };
  CHECK(why_not_edge({}) == "");
  CHECK(why_not_edge({.zones = 1U << CloudZone}) == "zone");
  CHECK(why_not_edge({.modalities = Audio}) == "modality");
  CHECK(why_not_edge({.prompt_tokens = 5000}) == "context");
}

TEST_CASE("what is configured of an endpoint can change while it serves") {
  TwoZones pool;
  pool.scheduler.put_endpoint(Edge, {.models = {}, .zone = CloudZone}, T0);
  CHECK(refusal_of(pool.arrived({.zones = EdgeOnly})) == "zone_unavailable");
  pool.scheduler.put_endpoint(Cloud, {.models = {}, .zone = EdgeZone}, T0);
  CHECK(endpoint_of(pool.arrived({.zones = EdgeOnly})) == Cloud);
}

TEST_CASE("no policy sends a request where it does not fit") {
  for (std::size_t kind = 0; kind < policy_names().size(); ++kind) {
    CAPTURE(policy_names()[kind]);
    TwoZones pool(static_cast<PolicyKind>(kind));
    pool.scheduler.put_endpoint(Far, {.models = {}, .zone = EdgeZone}, T0);
    for (std::uint64_t i = 0; i < 50; ++i) {
      (void)pool.arrived({.affinity_key = i});
      REQUIRE(endpoint_of(pool.arrived({.affinity_key = i, .zones = EdgeOnly})) != Cloud);
      REQUIRE(endpoint_of(pool.arrived({.affinity_key = i, .modalities = Image, .zones = EdgeOnly})) == Far);
    }
  }
}

TEST_CASE("bounds hold exactly for the requests that fit everywhere") {
  const std::vector<EndpointView> endpoints = {{.zone = 1, .modalities = Text, .context_tokens_max = 100}, {.zone = 2}, {}};
  const FitBounds bounds = fit_bounds(endpoints);
  for (const std::uint32_t tokens : {1U, 100U, 101U}) {
    for (const std::uint64_t zones : {0U, 2U, 6U, 7U}) {
      for (const std::uint8_t modalities : {std::uint8_t{Text}, std::uint8_t{Text | Image}}) {
        const RequestView request{.prompt_tokens = tokens, .modalities = modalities, .zones = zones};
        const bool everywhere = std::all_of(endpoints.begin(), endpoints.end(), [&](const auto& one) { return unfit(request, one) == Unfit::No; });
        CAPTURE(tokens);
        CAPTURE(zones);
        CHECK(bounds.hold(request) == everywhere);
      }
    }
  }
}
