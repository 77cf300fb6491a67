#pragma once
// AIBrix's vtc-basic, after virtual token counters (Sheng et al., OSDI 2024): tenants that took more tokens of late go to endpoints further down
// the list, so that a greedy one crowds its own; load and a little chance make the rest. Lowest wins of
//   |i - min(tokens / bucket, n - 1)| + min(in flight / 100, 1) + 0.1 * U
// for endpoint i of n, with bucket = (least + most of any tenant) / 2 within 1,000..8,000. Tokens are counted when a request is sent (prompt, and
// twice its expected answer) over five to ten minutes; AIBrix counts over a sliding window of five.
//
// When not to use it: for speed. It knows neither caches nor how fast an endpoint is, moves tenants from endpoint to endpoint as their counts
// grow, and leaves the last endpoints of the list to those that ask for most. Fairness in the queue (docs/admission.md) divides an overloaded
// pool by tokens without such a price.

#include <unordered_map>

#include "evener/route/policies/candidate_sample.h"
#include "evener/route/policy.h"

namespace evener::route {

class Vtc final : public Policy {
 public:
  /// Tenants that are counted at once; further ones are treated as new until others have been silent for a window.
  static constexpr std::size_t TenantsMax = 4096;
  static constexpr Duration Window = std::chrono::minutes(5);
  static constexpr Duration BucketAge = std::chrono::seconds(1);  // the bucket is computed anew when it is older

  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  [[nodiscard]] Compared compared() const override { return sample_.compared(); }
  /// Without the part of chance.
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;

 private:
  struct Taken {
    double now = 0, before = 0;  // tokens of the current window and of the one before
    [[nodiscard]] double sum() const { return now + before; }
  };
  void turn_window(Instant now);
  void measure_bucket(Instant now);
  [[nodiscard]] double place_of(const RequestView& request, std::size_t endpoints) const;

  std::unordered_map<std::uint64_t, Taken> taken_;  // by tenant; iterated only for its least and greatest and to drop silent ones
  Instant window_begin_{}, measured_{};
  double bucket_ = 1000;
  bool begun_ = false;
  CandidateSample sample_;
};

}  // namespace evener::route
