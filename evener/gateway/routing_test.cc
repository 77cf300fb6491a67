#include "evener/gateway/routing.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "evener/base/json_writer.h"
#include "evener/gateway/metrics.h"
#include "evener/protocol/json_reader.h"
#include "tests/for_each_seed.h"

namespace evener::gateway {
namespace {

PoolRoute route_to(PoolConfig config, std::vector<EndpointConfig> endpoints = {}) {
  PoolRoute route{.pool = std::make_shared<Pool>(config, 1, PoolMetrics{}), .config = config, .endpoints = {}};
  std::uint32_t id = 10;
  for (auto& endpoint : endpoints) {
    auto made = std::make_shared<Endpoint>();
    made->id = EndpointId{id += 10};
    made->config = std::move(endpoint);
    route.endpoints.push_back(std::move(made));
  }
  return route;
}

PoolConfig serving(std::string name, std::vector<std::string> models) {
  PoolConfig config;
  config.name = std::move(name);
  config.models = std::move(models);
  return config;
}

PoolConfig below(std::string name, std::string prefix) {
  PoolConfig config;
  config.name = std::move(name);
  config.path_prefix = std::move(prefix);
  return config;
}

std::string pool_name(const PoolRoute* route) { return route == nullptr ? "none" : route->config.name; }

Config with_aliases(std::map<std::string, std::string> aliases) {
  Config config;
  config.aliases = std::move(aliases);
  return config;
}

TEST_CASE("an exact name comes before every pattern, and of the patterns the longest") {
  std::vector<PoolRoute> pools;
  pools.push_back(route_to(serving("all", {"*"})));
  pools.push_back(route_to(serving("llama", {"llama-*"})));
  pools.push_back(route_to(serving("large", {"llama-*-70b"})));
  pools.push_back(route_to(serving("one", {"llama-3-70b"})));
  const Routing routing({}, std::move(pools));
  CHECK(pool_name(routing.by_model("llama-3-70b")) == "one");
  CHECK(pool_name(routing.by_model("llama-4-70b")) == "large");
  CHECK(pool_name(routing.by_model("llama-4-8b")) == "llama");
  CHECK(pool_name(routing.by_model("llama-")) == "llama");
  CHECK(pool_name(routing.by_model("mistral")) == "all");
  CHECK(pool_name(routing.by_model("")) == "all");
}

TEST_CASE("what stands around the star must not overlap in the name") {
  std::vector<PoolRoute> pools;
  pools.push_back(route_to(serving("p", {"aba*aba"})));
  const Routing routing({}, std::move(pools));
  CHECK(pool_name(routing.by_model("aba")) == "none");
  CHECK(pool_name(routing.by_model("ababa")) == "none");
  CHECK(pool_name(routing.by_model("abaaba")) == "p");
  CHECK(pool_name(routing.by_model("aba-x-aba")) == "p");
  CHECK(pool_name(routing.by_model("Aba-x-aba")) == "none");
}

TEST_CASE("the choice of a pool does not depend on the order in which pools are written") {
  for_each_seed(100, [](Rng& rng) {
    const std::vector<std::pair<std::string, std::string>> patterns = {{"exact", "abcd"},      {"any", "*"},       {"a", "a*"},
                                                                       {"ab", "ab*"},          {"d", "*d"},        {"a-cd", "a*cd"},
                                                                       {"prefix-abc", "abc*"}, {"suffix", "*bcde"}};
    std::vector<PoolRoute> written;
    for (const auto& [name, pattern] : patterns) written.push_back(route_to(serving(name, {pattern})));
    std::vector<PoolRoute> shuffled = written;
    for (std::size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[rng.below(i)]);
    const Routing first({}, std::move(written));
    const Routing second({}, std::move(shuffled));
    std::string model;
    for (std::uint64_t i = rng.below(6); i > 0; --i) model += static_cast<char>('a' + rng.below(5));
    CAPTURE(model);
    CHECK(pool_name(first.by_model(model)) == pool_name(second.by_model(model)));
  });
}

TEST_CASE("an alias stands for the end of its chain, and any other name for itself") {
  const Routing routing(with_aliases({{"gpt-4o", "chat"}, {"chat", "llama"}, {"llama", "llama-3-70b"}}), {});
  CHECK(routing.resolve_alias("gpt-4o") == "llama-3-70b");
  CHECK(routing.resolve_alias("chat") == "llama-3-70b");
  CHECK(routing.resolve_alias("llama") == "llama-3-70b");
  CHECK(routing.resolve_alias("llama-3-70b") == "llama-3-70b");
  CHECK(routing.resolve_alias("other") == "other");
}

TEST_CASE("aliases in a circle end the search instead of the program") {
  const Routing routing(with_aliases({{"a", "b"}, {"b", "a"}, {"c", "c"}}), {});
  CHECK(!routing.resolve_alias("a").empty());
  CHECK(routing.resolve_alias("c") == "c");
}

TEST_CASE("a path prefix matches on a segment boundary only, the longest first") {
  std::vector<PoolRoute> pools;
  pools.push_back(route_to(below("v2", "/v2")));
  pools.push_back(route_to(below("deep", "/v2/models/one")));
  pools.push_back(route_to(below("slash", "/files/")));
  const Routing routing({}, std::move(pools));
  for (const auto& [path, pool] : std::vector<std::pair<const char*, const char*>>{{"/v2", "v2"},
                                                                                   {"/v2/", "v2"},
                                                                                   {"/v2/health", "v2"},
                                                                                   {"/v2:ready", "v2"},
                                                                                   {"/v2x", "none"},
                                                                                   {"/v", "none"},
                                                                                   {"/V2", "none"},
                                                                                   {"/", "none"},
                                                                                   {"", "none"},
                                                                                   {"/v2/models/one", "deep"},
                                                                                   {"/v2/models/one/infer", "deep"},
                                                                                   {"/v2/models/one:predict", "deep"},
                                                                                   {"/v2/models/one-more", "v2"},
                                                                                   {"/files/a", "slash"},
                                                                                   {"/files", "none"}}) {
    CAPTURE(path);
    CHECK(pool_name(routing.by_path(path)) == pool);
  }
}

std::vector<std::string> listed_ids(const Routing& routing) {
  std::vector<std::string> ids;
  protocol::JsonReader reader;
  REQUIRE(!reader.read(routing.models_json(), protocol::JsonCheck::Everything).has_value());
  const auto* object = protocol::find_member(reader.members(), "object");
  REQUIRE(object != nullptr);
  CHECK(object->value.text == "\"list\"");
  const auto* data = protocol::find_member(reader.members(), "data");
  REQUIRE(data != nullptr);
  for (const auto& model : protocol::elements_of(data->value)) {
    std::string id;
    const auto found = protocol::find_in(model, "id");
    REQUIRE(found.has_value());
    CHECK(protocol::unescape_json(found->text.substr(1, found->text.size() - 2), id));
    CHECK(protocol::find_in(model, "owned_by")->text == "\"evener\"");
    ids.push_back(id);
  }
  return ids;
}

TEST_CASE("the model list holds every exact name and alias once, sorted, and is valid JSON whatever they contain") {
  std::vector<PoolRoute> pools;
  pools.push_back(route_to(serving("p", {"zeta", "pattern-*", "quo\"te\\\n"})));
  pools.push_back(route_to(serving("q", {"alpha"})));
  const Routing routing(with_aliases({{"nick", "zeta"}, {"alpha", "zeta"}}), std::move(pools));
  CHECK(listed_ids(routing) == std::vector<std::string>{"alpha", "nick", "quo\"te\\\n", "zeta"});
  CHECK(routing.lists_model("nick"));
  CHECK(routing.lists_model("zeta"));
  CHECK(!routing.lists_model("pattern-*"));
  CHECK(!routing.lists_model("pattern-1"));
}

TEST_CASE("with patterns alone there is no list of our own, but a pool to ask") {
  std::vector<PoolRoute> pools;
  pools.push_back(route_to(below("files", "/files")));
  pools.push_back(route_to(serving("p", {"pattern-*"})));
  pools.push_back(route_to(serving("q", {"*"})));
  const Routing routing({}, std::move(pools));
  CHECK(routing.models_json().empty());
  CHECK(pool_name(routing.models_pool()) == "p");
}

TEST_CASE("behind a pattern the names that its endpoints map are listed, too") {
  std::vector<PoolRoute> pools;
  pools.push_back(route_to(serving("p", {"*"}), {{.name = "one", .models = {{"served", "known"}}}}));
  const Routing routing({}, std::move(pools));
  CHECK(listed_ids(routing) == std::vector<std::string>{"served"});
}

TEST_CASE("pools and endpoints are found by name and by id") {
  std::vector<PoolRoute> pools;
  pools.push_back(route_to(serving("p", {"m"}), {{.name = "one"}, {.name = "two"}, {.name = "three"}}));
  const Routing routing({}, std::move(pools));
  CHECK(routing.find_pool("q") == nullptr);
  const PoolRoute* route = routing.find_pool("p");
  REQUIRE(route != nullptr);
  REQUIRE(route->find("two") != nullptr);
  CHECK(route->find("two")->id == EndpointId{30});
  CHECK(route->find("four") == nullptr);
  for (const std::uint32_t id : {20U, 30U, 40U}) {
    REQUIRE(route->find(EndpointId{id}) != nullptr);
    CHECK(route->find(EndpointId{id})->id == EndpointId{id});
  }
  for (const std::uint32_t id : {0U, 19U, 25U, 41U}) CHECK(route->find(EndpointId{id}) == nullptr);
}

TEST_CASE("an endpoint gets the name it knows a model by, or the one that was asked for") {
  Endpoint endpoint;
  CHECK(endpoint.model_name("any") == "any");
  endpoint.config.models = {{"served", "known"}, {"same", ""}};
  CHECK(endpoint.model_name("served") == "known");
  CHECK(endpoint.model_name("same") == "same");
  CHECK(endpoint.model_name("other") == "other");
}

}  // namespace
}  // namespace evener::gateway
