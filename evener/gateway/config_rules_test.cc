#include <doctest/doctest.h>

#include <string>

#include "evener/gateway/config_schema.h"

namespace evener::gateway {
namespace {

using config::ConfigError;

struct Said {
  std::string errors, warnings;
};

/// Of a pool with one endpoint and these further lines.
Said said(const std::string& lines) {
  std::vector<ConfigError> warnings;
  const auto config =
      read_config("e.yaml", "pools:\n  - name: a\n    models: [m]\n    endpoints: [{url: 'http://h:1'}]\n" + lines, &warnings);
  Said all;
  for (const ConfigError& one : warnings) all.warnings += config::one_line(one) + "\n";
  if (config) return all;
  for (const ConfigError& one : config.error()) all.errors += config::one_line(one) + "\n";
  return all;
}

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

Said composed(const std::string& parts) { return said("    policy: composed\n    composition: {" + parts + "}\n"); }

}  // namespace

TEST_CASE("bounds of filters are shares where they speak of shares, and above nothing") {
  CHECK(holds(composed("scorers: [{type: queue}], filters: [{type: kv-used, threshold: 90}]").errors, "it is a share, from 0 to 1"));
  CHECK(holds(composed("scorers: [{type: queue}], filters: [{type: prefix-hit, threshold: 80}]").errors, "it is a share, from 0 to 1"));
  CHECK(holds(composed("scorers: [{type: queue}], filters: [{type: first-token}]").errors, "a filter needs a bound above 0"));
  CHECK(composed("scorers: [{type: queue}], filters: [{type: first-token, threshold: 2}, {type: kv-used, threshold: 0.9}]").errors.empty());
}

TEST_CASE("nothing is scored twice, and what all score the same is told") {
  CHECK(holds(composed("scorers: [{type: queue}, {type: tier}, {type: queue}]").errors, "this is scored already"));
  CHECK(holds(composed("scorers: [{type: price}]").warnings, "neither an endpoint nor a zone has a price"));
  CHECK(holds(composed("scorers: [{type: power}]").warnings, "no endpoint says its power"));
  CHECK(holds(said("    policy: cheapest-within-slo\n").warnings, "none is cheaper than another"));
  CHECK(composed("scorers: [{type: queue}, {type: tier}]").warnings.empty());
}

TEST_CASE("a hedge's delays are in order") {
  CHECK(holds(said("    hedging: {enabled: true, delay_min: 5s, delay_max: 1s}\n").errors, "it must be at least hedging.delay_min"));
}

TEST_CASE("a schedule that is alone never lets a pool shrink, which is told") {
  const Said only = said(
      "    scale: {controllers: [schedule], schedule: [{days: [mon], from: '08:00', until: '18:00', replicas: 2}], actuator: {kind: exec, "
      "exec: "
      "{command: [x]}}}\n");
  CHECK(only.errors.empty());
  CHECK(holds(only.warnings, "put target beside it"));
}

}  // namespace evener::gateway
