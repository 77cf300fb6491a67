#pragma once
// PoolFixture: a view for the tests and benchmarks of policies, written with literals: weights in, endpoints with ids 1, 2, 3 ... out.

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "evener/core/rng.h"
#include "evener/route/policy.h"
#include "evener/route/view.h"

namespace evener::route {

class PoolFixture {
 public:
  explicit PoolFixture(const std::vector<double>& weights) {
    for (double weight : weights) add(weight);
  }
  static PoolFixture equal(std::size_t endpoints) { return PoolFixture(std::vector<double>(endpoints, 1.0)); }

  void add(double weight) {
    const auto id = static_cast<std::uint32_t>(endpoints.empty() ? 1 : static_cast<std::uint32_t>(endpoints.back().id) + 1);
    endpoints.push_back({.id = EndpointId{id}, .weight = weight, .weight_configured = weight, .identity = splitmix64(id)});
    all_candidates();
  }
  void remove(std::size_t index) {
    endpoints.erase(endpoints.begin() + static_cast<std::ptrdiff_t>(index));
    all_candidates();
  }
  void all_candidates() {
    candidates.clear();
    for (std::uint32_t i = 0; i < endpoints.size(); ++i) candidates.push_back(i);
    generation = ++generations_;
  }
  /// An endpoint gets another effective weight, as in slow start.
  void set_weight(std::size_t index, double weight) {
    endpoints[index].weight = weight;
    if (generation != 0) generation = ++generations_;
  }
  /// A list made for one request, as after a filter.
  void only(std::vector<std::uint32_t> indices) {
    candidates = std::move(indices);
    generation = 0;
  }
  void in_flight(const std::vector<std::uint32_t>& counts) {
    for (std::size_t i = 0; i < counts.size(); ++i) endpoints[i].in_flight = counts[i];
  }

  /// What each endpoint probably holds of the next prompt, as the prefix index would say.
  void cached(std::vector<std::uint32_t> tokens) { cached_tokens = std::move(tokens); }

  [[nodiscard]] PoolView view() const {
    PoolView view{.now = now,
                  .endpoints = endpoints,
                  .candidates = candidates,
                  .generation = generation,
                  .latency_s = latency_s,
                  .speed = speed,
                  .cached_tokens = cached_tokens,
                  .reuse = reuse};
    // Of candidates alone, as the scheduler finds it.
    for (const std::uint32_t index : candidates) view.cached_most = std::max(view.cached_most, view.cached(index));
    const auto by_tier = [](const EndpointView& a, const EndpointView& b) { return a.tier < b.tier; };
    const auto [weakest, strongest] = std::minmax_element(endpoints.begin(), endpoints.end(), by_tier);
    if (!endpoints.empty() && weakest->tier != strongest->tier) view.strongest_tier = strongest->tier;
    return view;
  }
  void introduce(Policy& policy) const { policy.on_membership({.now = now, .endpoints = endpoints}); }

  /// How often each endpoint is chosen in `requests` choices that all end at once.
  std::vector<int> counts(Policy& policy, int requests, Rng& rng, const RequestView& request = {}) const {
    std::vector<int> chosen(endpoints.size());
    for (int i = 0; i < requests; ++i) ++chosen.at(policy.choose(request, view(), rng));
    return chosen;
  }

  std::vector<EndpointView> endpoints;
  std::vector<std::uint32_t> candidates;
  std::uint64_t generation = 0;
  Instant now{};
  double latency_s = 0;
  SpeedView speed;  // of the pool, for weight 1
  double reuse = 0;
  std::vector<std::uint32_t> cached_tokens;  // empty = nothing is known

 private:
  std::uint64_t generations_ = 0;
};

}  // namespace evener::route
