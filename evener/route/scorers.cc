#include "evener/route/scorers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "evener/core/hashing.h"
#include "evener/route/fit.h"
#include "evener/route/request_cost.h"
#include "evener/route/speed.h"

namespace evener::route {
namespace {

constexpr double Unknown = -1.0;

/// Lower figures become higher scores: (most - x) / (most - least). All equal: 1. Unknown ones get the mean of the others, all unknown 1.
void lower_is_better(std::span<double> figures) {
  double least = std::numeric_limits<double>::infinity(), most = -least, sum = 0;
  std::size_t known = 0;
  for (const double figure : figures) {
    if (figure == Unknown) continue;
    least = std::min(least, figure);
    most = std::max(most, figure);
    sum += figure;
    ++known;
  }
  if (known == 0 || most <= least) {
    std::fill(figures.begin(), figures.end(), 1.0);
    return;
  }
  const double mean = sum / static_cast<double>(known);
  for (double& figure : figures) figure = (most - (figure == Unknown ? mean : figure)) / (most - least);
}

Prediction predicted(const RequestView& request, const PoolView& view, std::uint32_t index) {
  const EndpointView& endpoint = view.endpoints[index];
  return predict(endpoint, believed_speed(endpoint, view), uncached_tokens(request, view, index), foreign_trust(endpoint, view.now));
}

/// Nobody has answered anything that teaches speed.
bool speed_unknown(const PoolView& view, std::span<const std::uint32_t> candidates) {
  return !view.speed.first_token_known() && std::none_of(candidates.begin(), candidates.end(), [&](std::uint32_t index) {
    return view.endpoints[index].speed.first_token_known();
  });
}

/// Rendezvous hashing: each endpoint draws for the session, the highest draw has it.
std::uint64_t session_draw(std::uint64_t session, const EndpointView& endpoint) {
  return splitmix64(session ^ splitmix64(endpoint.identity));
}

constexpr std::array<std::string_view, 13> ScorerNames = {"free-capacity", "queue",      "kv-free", "uncached-tokens", "first-token",
                                                          "finish",        "prefix-hit", "session", "adapter",         "tier",
                                                          "network",       "price",      "power"};
constexpr std::array<std::string_view, 3> FilterNames = {"prefix-hit", "kv-used", "first-token"};
constexpr std::array<std::string_view, 2> PickerNames = {"best", "weighted"};

}  // namespace

std::span<const std::string_view> scorer_names() { return ScorerNames; }
std::span<const std::string_view> filter_names() { return FilterNames; }
std::span<const std::string_view> picker_names() { return PickerNames; }

void score(ScorerKind kind, const RequestView& request, const PoolView& view, std::span<const std::uint32_t> candidates,
           std::span<double> out) {
  const auto each = [&](auto figure) {
    for (std::size_t i = 0; i < candidates.size(); ++i) out[i] = figure(candidates[i]);
  };
  const auto endpoint = [&](std::uint32_t index) -> const EndpointView& { return view.endpoints[index]; };
  switch (kind) {
    case ScorerKind::FreeCapacity:
      if (std::all_of(candidates.begin(), candidates.end(), [&](std::uint32_t index) { return endpoint(index).capacity > 0; })) {
        each([&](std::uint32_t index) {
          return std::clamp(1.0 - static_cast<double>(endpoint(index).in_flight) / endpoint(index).capacity, 0.0, 1.0);
        });
        return;
      }
      each([&](std::uint32_t index) { return endpoint(index).in_flight / endpoint(index).weight; });
      return lower_is_better(out);
    case ScorerKind::Queue:
      each([&](std::uint32_t index) {
        const auto& report = endpoint(index).report;
        const auto ours = static_cast<double>(endpoint(index).in_prefill);
        const double waiting = report && report->waiting ? ours + (*report->waiting - ours) * report_trust(report, view.now) : ours;
        return waiting / endpoint(index).weight;
      });
      return lower_is_better(out);
    case ScorerKind::KvFree: {
      double sum = 0, known = 0;
      each([&](std::uint32_t index) {
        const auto& report = endpoint(index).report;
        if (!report || !report->kv_used) return Unknown;
        const double free = 1.0 - std::clamp(*report->kv_used, 0.0, 1.0);
        sum += free;
        known += 1;
        return free;
      });
      const double mean = known > 0 ? sum / known : 1.0;
      for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = out[i] == Unknown ? mean : mean + (out[i] - mean) * report_trust(endpoint(candidates[i]).report, view.now);
      }
      return;
    }
    case ScorerKind::UncachedTokens:
      each([&](std::uint32_t index) {
        const double tokens = static_cast<double>(endpoint(index).in_flight_uncached_tokens) + uncached_tokens(request, view, index);
        return tokens / endpoint(index).weight;
      });
      return lower_is_better(out);
    case ScorerKind::FirstToken:
    case ScorerKind::Finish:
      if (speed_unknown(view, candidates)) return score(ScorerKind::UncachedTokens, request, view, candidates, out);
      each([&](std::uint32_t index) {
        const Prediction prediction = predicted(request, view, index);
        const double until = kind == ScorerKind::Finish ? prediction.token_s * request.output_tokens : 0.0;
        return (prediction.first_token_s + until) * slow_start_factor(endpoint(index));
      });
      return lower_is_better(out);
    case ScorerKind::PrefixHit: each([&](std::uint32_t index) { return prefix_share(request, view, index); }); return;
    case ScorerKind::Session: {
      if (request.affinity_key == 0) return std::fill(out.begin(), out.end(), 0.0);
      std::uint64_t highest = 0;
      for (const std::uint32_t index : candidates) highest = std::max(highest, session_draw(request.affinity_key, endpoint(index)));
      each([&](std::uint32_t index) { return session_draw(request.affinity_key, endpoint(index)) == highest ? 1.0 : 0.0; });
      return;
    }
    case ScorerKind::Adapter:
      each([&](std::uint32_t index) { return request.adapter == 0 || has_adapter(endpoint(index), request.adapter) ? 1.0 : 0.0; });
      return;
    case ScorerKind::Tier: {
      double strongest = 0;
      for (const std::uint32_t index : candidates) strongest = std::max(strongest, endpoint(index).tier);
      const double wanted = strength_wanted(request);
      each([&](std::uint32_t index) {
        const double strength = strongest > 0 ? endpoint(index).tier / strongest : 1.0;
        return 1.0 - std::abs(strength - wanted);
      });
      return;
    }
    case ScorerKind::Network: each([&](std::uint32_t index) { return endpoint(index).network_s; }); return lower_is_better(out);
    case ScorerKind::Price: each([&](std::uint32_t index) { return request_price(request, endpoint(index)); }); return lower_is_better(out);
    case ScorerKind::Power:
      each([&](std::uint32_t index) { return endpoint(index).power_w > 0 ? endpoint(index).power_w : Unknown; });
      return lower_is_better(out);
  }
}

bool passes(const FilterSettings& filter, const RequestView& request, const PoolView& view, std::uint32_t index) {
  const EndpointView& endpoint = view.endpoints[index];
  switch (filter.kind) {
    case FilterKind::PrefixHit: return prefix_share(request, view, index) >= filter.threshold;
    case FilterKind::KvUsed: return !endpoint.report || !endpoint.report->kv_used || *endpoint.report->kv_used <= filter.threshold;
    case FilterKind::FirstToken:
      return request.first_token_objective == Duration::zero() ||
             predicted(request, view, index).first_token_s <= filter.threshold * seconds(request.first_token_objective);
  }
  return true;
}

}  // namespace evener::route
