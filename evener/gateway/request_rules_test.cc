#include "evener/gateway/request_rules.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "evener/gateway/pool.h"

using namespace evener;
using namespace evener::gateway;

namespace {

RequestRules rules_of(const PoolConfig& config, std::size_t endpoints, const EndpointConfig& each = {}) {
  ZoneNumbers zones;
  const std::vector<const EndpointConfig*> all(endpoints, &each);
  return request_rules(config, all, zones);
}

PoolConfig with(route::PolicyKind policy) {
  PoolConfig config;
  config.policy = policy;
  return config;
}

}  // namespace

TEST_CASE("prompts are read where a policy weighs tokens and has a choice, and nowhere else") {
  CHECK(rules_of(with(route::PolicyKind::Balanced), 2).tokens);
  CHECK(rules_of(with(route::PolicyKind::Balanced), 2).blocks);
  CHECK(!rules_of(with(route::PolicyKind::Balanced), 1).tokens);
  CHECK(!rules_of(with(route::PolicyKind::Balanced), 1).blocks);
  CHECK(!rules_of(with(route::PolicyKind::LeastRequest), 5).tokens);
  CHECK(rules_of(with(route::PolicyKind::LeastLoad), 5).tokens);
}

TEST_CASE("blocks are made when a part of a composed policy asks for them") {
  PoolConfig config = with(route::PolicyKind::Composed);
  config.composition.scorers = {{.kind = route::ScorerKind::Queue}};
  CHECK(!rules_of(config, 2).blocks);
  config.composition.scorers.push_back({.kind = route::ScorerKind::PrefixHit});
  CHECK(rules_of(config, 2).blocks);
}

TEST_CASE("one endpoint whose limits are known has prompts read, so that what does not fit is refused") {
  CHECK(rules_of(with(route::PolicyKind::LeastRequest), 1, {.context_tokens_max = 4096}).tokens);
  CHECK(rules_of(with(route::PolicyKind::LeastRequest), 1, {.modalities = {route::Text}}).tokens);
}

TEST_CASE("a pool by path reads no prompts, and its default is least-request") {
  PoolConfig config;
  CHECK(policy_of(config) == route::PolicyKind::Balanced);
  config.path_prefix = "/v2";
  CHECK(policy_of(config) == route::PolicyKind::LeastRequest);
  CHECK(!rules_of(config, 3, {.context_tokens_max = 10}).tokens);
  config.policy = route::PolicyKind::PowerOfTwo;
  CHECK(policy_of(config) == route::PolicyKind::PowerOfTwo);
}

TEST_CASE("a zone keeps its number, and beyond the last number there is none") {
  ZoneNumbers zones;
  CHECK(zones.number("") == 0);
  CHECK(zones.number("edge") == 1);
  CHECK(zones.number("cloud") == 2);
  CHECK(zones.number("edge") == 1);
  for (int i = 3; i <= route::ZonesMax; ++i) CHECK(zones.number("z" + std::to_string(i)) == i);
  CHECK(zones.number("one too many") == 0);
  CHECK(zones.number("cloud") == 2);
}

TEST_CASE("a data class allows its zones, no class the default ones, and an unknown class nothing") {
  PoolConfig config;
  config.data_classes = {{"private", {.zones = {"edge"}}}};
  ZoneNumbers zones;
  const std::uint16_t edge = zones.number("edge");
  RequestRules rules = request_rules(config, {}, zones);
  REQUIRE(rules.zones_of("private"));
  CHECK((*rules.zones_of("private") >> edge & 1U) == 1);
  CHECK(rules.zones_of("") == 0);
  CHECK(!rules.zones_of("secret"));
  config.default_data_class = "private";
  rules = request_rules(config, {}, zones);
  CHECK(rules.zones_of("") == rules.zones_of("private"));
}

TEST_CASE("a data class whose zones got no number may go nowhere") {
  ZoneNumbers zones;
  for (int i = 0; i < route::ZonesMax; ++i) (void)zones.number("z" + std::to_string(i));
  PoolConfig config;
  config.data_classes = {{"private", {.zones = {"late"}}}};
  const auto allowed = request_rules(config, {}, zones).zones_of("private");
  REQUIRE(allowed);
  CHECK(*allowed != 0);
  for (std::uint16_t zone = 0; zone <= route::ZonesMax; ++zone) CHECK((*allowed >> zone & 1U) == 0);
}

TEST_CASE("what is configured of an endpoint reaches the scheduler") {
  const EndpointConfig config{.name = "a",
                              .url = "http://h:1",
                              .tier = 3,
                              .zone = "edge",
                              .power_watts = 500,
                              .modalities = {route::Text, route::Audio},
                              .context_tokens_max = 100,
                              .price = {.input_per_million_tokens = 2, .output_per_million_tokens = 4}};
  const route::EndpointSettings settings = endpoint_settings(config, {.zone = 7, .latency = std::chrono::milliseconds(20)});
  CHECK(settings.tier == 3);
  CHECK(settings.zone == 7);
  CHECK(settings.network_s == doctest::Approx(0.02));
  CHECK(settings.power_w == 500);
  CHECK(settings.modalities == (route::Text | route::Audio));
  CHECK(settings.context_tokens_max == 100);
  CHECK(settings.input_price == 2);
  CHECK(settings.output_price == 4);
  CHECK(endpoint_settings({}).modalities == route::AllModalities);
}
