#pragma once
// Fit: whether an endpoint may get a request at all, whatever its load: its zone is allowed, it has the adapter, it takes this kind of input, and
// prompt and answer fit into its context. Unlike what policies weigh, this is never traded for speed.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

#include "evener/route/view.h"

namespace evener::route {

enum class Unfit : std::uint8_t { No, Zone, Adapter, Modality, Context };
[[nodiscard]] std::string_view unfit_name(Unfit unfit);  // "zone", "adapter", "modality", "context"; empty for No

/// Whether the endpoint has the LoRA adapter, rather than having to load it first. O(log adapters).
[[nodiscard]] inline bool has_adapter(const EndpointView& endpoint, std::uint64_t adapter) {
  return std::binary_search(endpoint.adapters.begin(), endpoint.adapters.end(), adapter);
}

/// The tokens of a prompt are estimated. Where an endpoint fits by the whole estimate only such endpoints are asked; where none does, those that
/// could fit if the estimate is a third too high may say so themselves. What they could not hold either is refused here.
inline constexpr double SurePromptShare = 0.75;

/// The first reason why not, in the order of the enumerators. `prompt_share` of the estimated prompt counts.
[[nodiscard]] Unfit unfit(const RequestView& request, const EndpointView& endpoint, double prompt_share = 1.0);

/// What all endpoints of a pool have in common, so that most requests need not look at each of them.
struct FitBounds {
  std::uint64_t zones = 0;                // bits of the zones that endpoints are in
  std::uint8_t modalities = AllModalities;  // what all of them take
  std::uint32_t context_tokens_min = 0;     // of those whose context is known; 0 = of none
  bool any_adapter = true;                  // all of them load whatever they do not have

  /// Whether the request fits everywhere.
  [[nodiscard]] bool hold(const RequestView& request) const {
    return (request.zones == 0 || (zones & ~request.zones) == 0) && (request.modalities & ~modalities) == 0 &&
           (request.adapter == 0 || any_adapter) &&
           (context_tokens_min == 0 || std::uint64_t{request.prompt_tokens} + request.output_tokens_max <= context_tokens_min);
  }
};
/// O(endpoints).
[[nodiscard]] FitBounds fit_bounds(std::span<const EndpointView> endpoints);

}  // namespace evener::route
