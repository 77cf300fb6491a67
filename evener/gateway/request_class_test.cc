#include "evener/gateway/request_class.h"

#include <doctest/doctest.h>

#include <string>

#include "evener/gateway/config.h"
#include "evener/gateway/config_schema.h"

namespace evener::gateway {
namespace {

using route::Priority;

struct Classified {
  route::RequestView view;
  std::string tenant;
};

Classified of(const std::string& headers, const ClassesConfig& classes = {}, std::optional<protocol::PriorityHint> tier = {},
              const TenantsConfig& tenants = {}) {
  const std::string head = "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
  net::http1::RequestHead parsed;
  REQUIRE(net::http1::parse_request_head(head, parsed) == nullptr);
  Classified result;
  result.tenant = classify(result.view, classes, tenants, parsed.headers, tier);  // it stands in `head`
  return result;
}

TEST_CASE("a request without a word about itself is of the default class and of no tenant") {
  const Classified plain = of("");
  CHECK(plain.view.priority == Priority::Standard);
  CHECK(plain.view.tenant == 0);
  CHECK(plain.tenant.empty());
  CHECK(of("", {.fallback = Priority::Batch}).view.priority == Priority::Batch);
}

TEST_CASE("the class header counts first, then the service tier, and words that nobody knows count for nothing") {
  CHECK(of("x-evener-class: Realtime\r\n").view.priority == Priority::Realtime);
  CHECK(of("x-evener-class: background\r\n", {}, protocol::PriorityHint::Realtime).view.priority == Priority::Background);
  CHECK(of("", {}, protocol::PriorityHint::Batch).view.priority == Priority::Batch);
  CHECK(of("x-evener-class: purple\r\n", {}, protocol::PriorityHint::Batch).view.priority == Priority::Batch);
  CHECK(of("x-evener-class: purple\r\n").view.priority == Priority::Standard);
}

TEST_CASE("an operator's own words and header work, before the usual meaning of a word") {
  ClassesConfig classes{.header = "x-lane"};
  classes.batch.names = {"nightly", "realtime"};
  CHECK(of("x-lane: Nightly\r\n", classes).view.priority == Priority::Batch);
  CHECK(of("x-lane: realtime\r\n", classes).view.priority == Priority::Batch);
  CHECK(of("x-evener-class: background\r\n", classes).view.priority == Priority::Standard);
}

TEST_CASE("nobody gets a class above the ceiling by asking for it") {
  const ClassesConfig classes{.max = Priority::Batch};
  CHECK(of("x-evener-class: realtime\r\n", classes).view.priority == Priority::Batch);
  CHECK(of("", classes, protocol::PriorityHint::Realtime).view.priority == Priority::Batch);
  CHECK(of("x-evener-class: background\r\n", classes).view.priority == Priority::Background);
  CHECK(of("", classes).view.priority == Priority::Standard);
}

TEST_CASE("tenants are told apart by the whole of their names") {
  const Classified one = of("x-evener-tenant: team-a\r\n");
  CHECK(one.tenant == "team-a");
  CHECK(one.view.tenant == tenant_hash("team-a"));
  CHECK(one.view.tenant != of("x-evener-tenant: team-b\r\n").view.tenant);
  const std::string shared(TenantLoggedMax, 'x');
  const Classified first = of("x-evener-tenant: " + shared + "1\r\n"), second = of("x-evener-tenant: " + shared + "2\r\n");
  CHECK(first.tenant == shared + "1");
  CHECK(second.tenant == shared + "2");
  CHECK(first.view.tenant != second.view.tenant);
  CHECK(of("x-team: a\r\n", {}, {}, {.header = "x-team"}).tenant == "a");
}

TEST_CASE("a request has its class's objectives where it brings none of its own") {
  ClassesConfig classes;
  classes.batch.rules.first_token_objective = std::chrono::seconds(20);
  classes.batch.rules.token_objective = std::chrono::milliseconds(500);
  const Classified usual = of("x-evener-class: batch\r\n", classes);
  CHECK(usual.view.first_token_objective == std::chrono::seconds(20));
  CHECK(usual.view.token_objective == std::chrono::milliseconds(500));
  const Classified own = of("x-evener-class: batch\r\nx-evener-first-token-ms: 3000\r\nx-evener-token-ms: 40\r\n", classes);
  CHECK(own.view.first_token_objective == std::chrono::seconds(3));
  CHECK(own.view.token_objective == std::chrono::milliseconds(40));
  CHECK(of("x-evener-token-ms: 60001\r\n", classes).view.token_objective == Duration::zero());
  CHECK(of("", classes).view.first_token_objective == Duration::zero());
}

TEST_CASE("a request may bring an objective of its own, in milliseconds") {
  CHECK(of("x-evener-first-token-ms: 250\r\n").view.first_token_objective == std::chrono::milliseconds(250));
  for (const char* wrong : {"0", "-1", "fast", "250ms", "3600001", "99999999999"}) {
    CHECK(of(std::string("x-evener-first-token-ms: ") + wrong + "\r\n").view.first_token_objective == Duration::zero());
  }
}

TEST_CASE("classes, tenants and learned capacity of the file reach the scheduler's settings") {
  const auto config = read_config("e.yaml", R"(
pools:
  - name: chat
    models: ["*"]
    classes:
      header: x-lane
      default: batch
      max: standard
      realtime: {names: [live], first_token_objective: 2s, token_objective: 50ms, refuse_late: false, promote_after: 0s, wait_max: 3s, waiting_max: 7, reserve: 0.1, sheddable: true}
      background: {promote_after: 1m}
    tenants: {header: x-team, share_max: 0.25, weights: {a: 2, b: 0.5}}
    learned_capacity: {enabled: true, least: 2, most: 50, first: 5, slowdown_max: 4}
    endpoints: [{url: "http://127.0.0.1:8001"}]
)");
  REQUIRE(config);
  const PoolConfig& pool = config->pools[0];
  CHECK(pool.classes.header == "x-lane");
  CHECK(pool.classes.fallback == Priority::Batch);
  CHECK(pool.classes.max == Priority::Standard);
  CHECK(pool.classes.realtime.names == std::vector<std::string>{"live"});
  const route::AdmissionSettings settings = admission_settings(pool);
  const route::ClassSettings realtime{.first_token_objective = std::chrono::seconds(2),
                                      .token_objective = std::chrono::milliseconds(50),
                                      .refuse_late = false,
                                      .promote_after = Duration::zero(),
                                      .wait_max = std::chrono::seconds(3),
                                      .waiting_max = 7,
                                      .reserve = 0.1,
                                      .sheddable = true};
  CHECK(settings.of(Priority::Realtime) == realtime);
  CHECK(settings.of(Priority::Background).promote_after == std::chrono::minutes(1));
  CHECK(settings.of(Priority::Background).sheddable);
  CHECK(settings.of(Priority::Batch) == route::default_classes()[2]);
  CHECK(settings.tenant_share_max == 0.25);
  REQUIRE(settings.tenants.size() == 2);
  CHECK(settings.tenants[0].tenant < settings.tenants[1].tenant);
  for (const route::TenantWeight& one : settings.tenants) CHECK(one.weight == (one.tenant == tenant_hash("a") ? 2.0 : 0.5));
  CHECK(settings.capacity == route::LearnedCapacitySettings{.enabled = true, .least = 2, .most = 50, .first = 5, .slowdown_max = 4});
}

TEST_CASE("reserves that leave nothing, bounds in the wrong order and names that mean two classes are refused") {
  const auto problems = [](const std::string& section) {
    const auto config =
        read_config("e.yaml", "pools:\n  - name: chat\n    models: [\"*\"]\n    endpoints: [{url: \"http://127.0.0.1:8001\"}]\n" + section);
    REQUIRE_FALSE(config);
    REQUIRE(config.error().size() == 1);
    return config.error()[0].message;
  };
  CHECK(problems("    classes: {realtime: {reserve: 0.5}, standard: {reserve: 0.3}, batch: {reserve: 0.15}}\n")
            .find("leave less than a tenth") != std::string::npos);
  CHECK(problems("    learned_capacity: {least: 20, first: 10}\n").find("least, first and most") != std::string::npos);
  CHECK(problems("    classes: {batch: {names: [slow]}, background: {names: [Slow]}}\n").find("means the class batch already") !=
        std::string::npos);
}

}  // namespace
}  // namespace evener::gateway
