#pragma once
// How urgent a client says its request is: from the body's service_tier, or from a header in the words of several routers. Only a wish; what a
// key may ask for is decided elsewhere.

#include <cstdint>
#include <optional>
#include <string_view>

namespace evener::protocol {

/// Most urgent first.
enum class PriorityHint : std::uint8_t { Realtime, Standard, Batch, Background };

/// OpenAI's and Google's tiers: priority and fast are realtime, default, scale and standard are standard, flex and batch are batch. Nothing
/// for auto (the key decides) and for words that mean something to the engine only.
[[nodiscard]] std::optional<PriorityHint> priority_of_service_tier(std::string_view tier);

/// The value of a priority header, case ignored: our own names, and those in use elsewhere (SMG's x-smg-priority: system, interactive,
/// default, bulk; high, normal, low). Nothing for other words.
[[nodiscard]] std::optional<PriorityHint> priority_of_word(std::string_view word);

/// Headers in which clients of other routers give a word that priority_of_word reads, ours first. llm-d and the Gateway API's inference
/// extension name an object of the cluster instead (x-gateway-inference-objective), whose meaning is not in the request.
inline constexpr std::string_view PriorityHeaders[] = {"x-evener-priority", "x-smg-priority", "x-priority"};

}  // namespace evener::protocol
