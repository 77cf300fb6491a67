#include "evener/route/fit.h"

namespace evener::route {

std::string_view unfit_name(Unfit unfit) {
  switch (unfit) {
    case Unfit::No: return "";
    case Unfit::Zone: return "zone";
    case Unfit::Adapter: return "adapter";
    case Unfit::Modality: return "modality";
    case Unfit::Context: return "context";
  }
  return "unknown";
}

Unfit unfit(const RequestView& request, const EndpointView& endpoint, double prompt_share) {
  if (request.zones != 0 && ((request.zones >> endpoint.zone) & 1U) == 0) return Unfit::Zone;
  if (request.adapter != 0 && !endpoint.any_adapter && !has_adapter(endpoint, request.adapter)) return Unfit::Adapter;
  if ((request.modalities & ~endpoint.modalities) != 0) return Unfit::Modality;
  if (endpoint.context_tokens_max == 0) return Unfit::No;
  const double tokens = prompt_share * request.prompt_tokens + static_cast<double>(request.output_tokens_max);
  return tokens > endpoint.context_tokens_max ? Unfit::Context : Unfit::No;
}

FitBounds fit_bounds(std::span<const EndpointView> endpoints) {
  FitBounds bounds;
  for (const EndpointView& endpoint : endpoints) {
    bounds.zones |= std::uint64_t{1} << endpoint.zone;
    bounds.modalities &= endpoint.modalities;
    bounds.any_adapter = bounds.any_adapter && endpoint.any_adapter;
    if (endpoint.context_tokens_max == 0) continue;
    const std::uint32_t least = bounds.context_tokens_min;
    bounds.context_tokens_min = least == 0 ? endpoint.context_tokens_max : std::min(least, endpoint.context_tokens_max);
  }
  return bounds;
}

}  // namespace evener::route
