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

std::optional<Duration> objective_of(std::string_view text) {
  constexpr std::uint32_t LongestMs = 3'600'000;
  std::uint32_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error != std::errc() || end != text.data() + text.size() || ms == 0 || ms > LongestMs) return std::nullopt;
  return std::chrono::milliseconds(ms);
}

}  // namespace

std::string classify(route::RequestView& view, const ClassesConfig& classes, const TenantsConfig& tenants,
                     const net::http1::Headers& headers, std::optional<protocol::PriorityHint> tier) {
  std::optional<Priority> asked;
  if (const auto* header = headers.find(classes.header)) asked = named(classes, header->value);
  if (!asked && tier) asked = priority_of(*tier);
  // The ceiling is for what clients ask; the operator's own default may lie above it.
  view.priority = asked ? std::max(*asked, classes.max) : classes.fallback;

  if (const auto* header = headers.find(ObjectiveHeader)) {
    if (const auto objective = objective_of(header->value)) view.first_token_objective = *objective;
  }
  const auto* header = headers.find(tenants.header);
  if (header == nullptr || header->value.empty()) return {};
  view.tenant = tenant_hash(header->value);
  return std::string(header->value.substr(0, TenantLoggedMax));
}

}  // namespace evener::gateway
