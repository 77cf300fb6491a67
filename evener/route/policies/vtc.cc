#include "evener/route/policies/vtc.h"

#include <algorithm>
#include <cmath>

namespace evener::route {
namespace {

constexpr double BucketMin = 1000, BucketMax = 8000;
constexpr double InputWeight = 1, OutputWeight = 2;
constexpr double BusyRequests = 100;
constexpr double ChanceShare = 0.1;

double distance(double place, const EndpointView& endpoint, std::uint32_t index) {
  return std::abs(index - place) + std::min(endpoint.in_flight / BusyRequests, 1.0);
}

}  // namespace

std::string_view Vtc::name() const { return policy_name(PolicyKind::Vtc); }

std::uint32_t Vtc::choose(const RequestView& request, const PoolView& view, Rng& rng) {
  turn_window(view.now);
  measure_bucket(view.now);
  const double place = place_of(request, view.endpoints.size());
  const std::uint32_t chosen = sample_.lowest(sample_.of(view, rng), rng, [&](std::uint32_t index) {
    return distance(place, view.endpoints[index], index) + ChanceShare * rng.uniform();
  });
  if (taken_.size() < TenantsMax || taken_.contains(request.tenant)) {
    taken_[request.tenant].now += InputWeight * request.prompt_tokens + OutputWeight * request.output_tokens;
  }
  return chosen;
}

std::optional<double> Vtc::cost(const RequestView& request, const PoolView& view, std::uint32_t index) const {
  return distance(place_of(request, view.endpoints.size()), view.endpoints[index], index);
}

void Vtc::turn_window(Instant now) {
  if (!begun_) window_begin_ = measured_ = now;
  begun_ = true;
  if (now - window_begin_ < Window) return;
  const bool long_silence = now - window_begin_ >= 2 * Window;
  window_begin_ = now;
  std::erase_if(taken_, [&](const auto& tenant) { return long_silence || tenant.second.now == 0; });
  for (auto& [tenant, taken] : taken_) taken = {.before = taken.now};
  measured_ = now - BucketAge;
}

void Vtc::measure_bucket(Instant now) {
  if (taken_.empty() || now - measured_ < BucketAge) return;
  measured_ = now;
  double least = taken_.begin()->second.sum(), most = least;
  for (const auto& [tenant, taken] : taken_) {
    least = std::min(least, taken.sum());
    most = std::max(most, taken.sum());
  }
  bucket_ = std::clamp((least + most) / 2, BucketMin, BucketMax);
}

double Vtc::place_of(const RequestView& request, std::size_t endpoints) const {
  const auto found = taken_.find(request.tenant);
  const double tokens = found == taken_.end() ? 0 : found->second.sum();
  return std::min(tokens / bucket_, static_cast<double>(endpoints - 1));
}

}  // namespace evener::route
