#include "evener/gateway/request_rules.h"

#include <algorithm>

namespace evener::gateway {
namespace {

bool weighs_tokens(route::PolicyKind policy) {
  switch (policy) {
    case route::PolicyKind::RoundRobin:
    case route::PolicyKind::WeightedRoundRobin:
    case route::PolicyKind::Random:
    case route::PolicyKind::LeastRequest:
    case route::PolicyKind::PowerOfTwo:
    case route::PolicyKind::PeakEwma:
    case route::PolicyKind::BoundedHash:
    case route::PolicyKind::OrcaWeighted:
    case route::PolicyKind::Maglev: return false;
    case route::PolicyKind::Balanced:
    case route::PolicyKind::StickyUntilSaturated:
    case route::PolicyKind::Blend:
    case route::PolicyKind::DynamoCost:
    case route::PolicyKind::DynamoLmetric:
    case route::PolicyKind::AibrixPrefixCache:
    case route::PolicyKind::Vtc:
    case route::PolicyKind::SmgCacheAware:
    case route::PolicyKind::LeastLoad:
    case route::PolicyKind::CheapestWithinSlo:
    case route::PolicyKind::Composed: break;
  }
  return true;
}

}  // namespace

std::uint16_t ZoneNumbers::number(std::string_view zone) {
  if (zone.empty()) return 0;
  const auto found = std::find(names_.begin(), names_.end(), zone);
  if (found != names_.end()) return static_cast<std::uint16_t>(found - names_.begin() + 1);
  if (names_.size() >= route::ZonesMax) return 0;
  names_.emplace_back(zone);
  return static_cast<std::uint16_t>(names_.size());
}

std::optional<std::uint64_t> RequestRules::zones_of(std::string_view data_class) const {
  if (data_class.empty()) return default_zones;
  const auto found = std::find_if(data_classes.begin(), data_classes.end(), [&](const DataClass& one) { return one.name == data_class; });
  if (found == data_classes.end()) return std::nullopt;
  return found->zones;
}

route::PolicyKind policy_of(const PoolConfig& config) {
  const bool body_unread = !config.path_prefix.empty();
  return body_unread && config.policy == route::PolicyKind::Balanced ? route::PolicyKind::LeastRequest : config.policy;
}

RequestRules request_rules(const PoolConfig& config, std::span<const EndpointConfig* const> endpoints, ZoneNumbers& zones) {
  RequestRules rules;
  rules.block_bytes = config.prefix_index.block_bytes;
  if (config.path_prefix.empty()) {
    // With one endpoint there is nothing to choose, and most small deployments have one.
    const bool choice = endpoints.size() > 1;
    const bool limits = std::any_of(endpoints.begin(), endpoints.end(), [](const EndpointConfig* one) {
      return one->context_tokens_max > 0 || !one->modalities.empty() || one->external.enabled;
    });
    rules.tokens = (choice && weighs_tokens(policy_of(config))) || limits || config.learned_capacity.enabled;
    rules.blocks = choice && route::make_policy(policy_of(config), config.composition)->wants_prefix();
  }
  for (const auto& [name, data_class] : config.data_classes) {
    std::uint64_t bits = 0;
    for (const std::string& zone : data_class.zones) {
      if (const std::uint16_t number = zones.number(zone); number > 0) bits |= std::uint64_t{1} << number;
    }
    // Bound to zones without endpoints must not come out as free to go anywhere, which is what an empty set means.
    rules.data_classes.push_back({.name = name, .zones = bits | route::NowhereZones});
    if (name == config.default_data_class) rules.default_zones = rules.data_classes.back().zones;
  }
  return rules;
}

}  // namespace evener::gateway
