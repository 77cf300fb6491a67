#include "evener/gateway/request_class.h"

#include <algorithm>
#include <charconv>

#include "evener/gateway/paths.h"

namespace evener::gateway {
namespace {

using route::Priority;

Priority priority_of(protocol::PriorityHint hint) {
  switch (hint) {
    case protocol::PriorityHint::Realtime: return Priority::Realtime;
    case protocol::PriorityHint::Standard: return Priority::Standard;
    case protocol::PriorityHint::Batch: return Priority::Batch;
    case protocol::PriorityHint::Background: break;
  }
  return Priority::Background;
}

std::optional<Priority> named(const ClassesConfig& classes, std::string_view word) {
  for (std::size_t i = 0; i < route::Priorities; ++i) {
    const auto priority = static_cast<Priority>(i);
    const auto& names = classes.of(priority).names;
    if (std::any_of(names.begin(), names.end(), [&](const std::string& name) { return equals_ignoring_case(name, word); })) return priority;
  }
  const auto hint = protocol::priority_of_word(word);
  return hint ? std::optional(priority_of(*hint)) : std::nullopt;
}

std::optional<Duration> objective(const net::http1::Headers& headers, std::string_view name, Duration longest) {
  const auto* header = headers.find(name);
  if (header == nullptr) return std::nullopt;
  const std::string_view text = header->value;
  std::uint32_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  const Duration given = std::chrono::milliseconds(ms);
  if (error != std::errc() || end != text.data() + text.size() || ms == 0 || given > longest) return std::nullopt;
  return given;
}

}  // namespace

std::string_view classify(route::RequestView& view, const ClassesConfig& classes, const TenantsConfig& tenants,
                          const net::http1::Headers& headers, std::optional<protocol::PriorityHint> tier) {
  std::optional<Priority> asked;
  if (const auto* header = headers.find(classes.header)) asked = named(classes, header->value);
  if (!asked && tier) asked = priority_of(*tier);
  // The ceiling is for what clients ask; the operator's own default may lie above it.
  view.priority = asked ? std::max(*asked, classes.max) : classes.fallback;

  const route::ClassSettings& rules = classes.of(view.priority).rules;
  view.first_token_objective = objective(headers, FirstTokenHeader, std::chrono::hours(1)).value_or(rules.first_token_objective);
  view.token_objective = objective(headers, TokenHeader, std::chrono::minutes(1)).value_or(rules.token_objective);
  const auto* header = headers.find(tenants.header);
  if (header == nullptr || header->value.empty()) return {};
  view.tenant = tenant_hash(header->value);
  return header->value;
}

}  // namespace evener::gateway
