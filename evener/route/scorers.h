#pragma once
// The parts from which a policy can be put together in configuration: filters leave candidates out, scorers give each a figure from 0 (worst)
// to 1 (best), a picker takes one by the weighted sum. A filter that would leave nobody is passed over. What is unknown of an endpoint
// scores like the mean of those of which it is known, never like zero; and a report that ages fades towards the same.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "evener/route/view.h"

namespace evener::route {

enum class ScorerKind : std::uint8_t {
  FreeCapacity,    // 1 - in flight / capacity; without a capacity, fewest in flight best
  Queue,           // fewest waiting per weight best: reported, fading with age to those of ours that await their first token
  KvFree,          // 1 - reported use of the KV cache, fading with age to the mean of the others
  UncachedTokens,  // fewest tokens to compute in flight per weight, the request's own included, best
  FirstToken,      // shortest predicted time to the first token best; UncachedTokens until something was learned of speed
  Finish,          // shortest predicted time to the last token best; likewise
  PrefixHit,       // share of the prompt's blocks that are probably cached there
  Session,         // 1 for the endpoint that the session hashes to, else 0; without a session 0 for all
  Adapter,         // 1 where the LoRA adapter is loaded or none is asked for, else 0
  Tier,            // a light request scores weak endpoints high, a heavy or urgent one strong ones
  Network,         // shortest way best
  Price,           // cheapest for this request best
  Power,           // least power drawn best
};
enum class FilterKind : std::uint8_t {
  PrefixHit,   // at least `threshold` of the prompt's blocks are probably cached there
  KvUsed,      // reported use of the KV cache at most `threshold`
  FirstToken,  // predicted first token within `threshold` times the request's objective
};
enum class PickerKind : std::uint8_t { Best, Weighted };  // Weighted: with a chance in proportion to its score

struct ScorerSettings {
  ScorerKind kind{};
  double weight = 1;  // > 0

  bool operator==(const ScorerSettings&) const = default;
};
struct FilterSettings {
  FilterKind kind{};
  double threshold = 0;

  bool operator==(const FilterSettings&) const = default;
};
struct CompositionSettings {
  std::vector<FilterSettings> filters;  // in this order
  std::vector<ScorerSettings> scorers;
  PickerKind picker = PickerKind::Best;

  bool operator==(const CompositionSettings&) const = default;
};

/// The words of configuration and documentation, in the order of the enumerators: free-capacity queue kv-free ...
[[nodiscard]] std::span<const std::string_view> scorer_names();
[[nodiscard]] std::span<const std::string_view> filter_names();
[[nodiscard]] std::span<const std::string_view> picker_names();

/// One score per candidate, each in [0, 1]; `out` is as long as `candidates`, which are indices into view.endpoints.
void score(ScorerKind kind, const RequestView& request, const PoolView& view, std::span<const std::uint32_t> candidates,
           std::span<double> out);

/// Whether the candidate passes.
[[nodiscard]] bool passes(const FilterSettings& filter, const RequestView& request, const PoolView& view, std::uint32_t index);

}  // namespace evener::route
