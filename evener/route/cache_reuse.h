#pragma once
// CacheReuse: how often a prompt token that is computed in this pool can be found in a cache afterwards, before it is evicted. With a share h of
// tokens that somebody holds when their request comes and 1 - h that nobody does it is h / (1 - h). It tells what a second copy of a prefix costs: a
// full cache evicts as much for it, which could have been found so often. What the holders have counts, not what was found where the request
// went: else a pool that has begun to scatter its prompts would think less of caches with every copy, and go on scattering.

#include <algorithm>
#include <cstdint>

namespace evener::route {

class CacheReuse {
 public:
  /// A request's prompt, and how much of it the best holder has.
  void add(std::uint32_t prompt_tokens, std::uint32_t cached_tokens) {
    const double keep = 1.0 - 1.0 / MemoryRequests;
    prompt_ = prompt_ * keep + prompt_tokens;
    cached_ = cached_ * keep + std::min(cached_tokens, prompt_tokens);
  }
  /// 0 before the first; at most HitShareMax / (1 - HitShareMax).
  [[nodiscard]] double value() const {
    if (prompt_ <= 0) return 0;
    const double hit = std::min(cached_ / prompt_, HitShareMax);
    return hit / (1.0 - hit);
  }

 private:
  static constexpr double MemoryRequests = 500;
  static constexpr double HitShareMax = 0.95;
  double prompt_ = 0, cached_ = 0;
};

}  // namespace evener::route
