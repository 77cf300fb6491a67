#pragma once
// What a policy may see when it decides: plain values, frozen for one decision, sorted by endpoint id. Exact figures (counted here) and
// learned ones are separate fields. A request view never holds the true output length, because no one knows it at that time.

#include <cstdint>
#include <span>

#include "evener/core/ids.h"
#include "evener/core/time.h"

namespace evener::route {

/// How fast a latency estimate gives way to news (Finagle's and Linkerd's default for peak EWMA).
inline constexpr Duration LatencyTau = std::chrono::seconds(10);

enum class Health : std::uint8_t {
  Healthy,
  Down,      // active checks failed, or its name does not resolve
  Ejected,   // passive outlier ejection, until a time
  Backoff,   // it asked to be left alone (Retry-After), until a time
  Draining,  // finishes what it has, receives nothing new
};

struct EndpointView {
  EndpointId id{};
  Health health = Health::Healthy;
  std::uint32_t in_flight = 0;      // requests we sent that have not ended; exact
  std::uint32_t capacity = 0;       // most requests in flight; 0 = no limit
  double weight = 1.0;              // effective: configured weight times the slow-start share; > 0 for candidates
  double weight_configured = 1.0;   // without slow start; hash policies place keys by it, so that a ramp moves no key twice
  std::uint64_t identity = 0;       // hash of what the endpoint is called, the same in every process; hash policies place it by this
  double latency_s = 0.0;           // peak-EWMA of first-token latency; 0 = nothing observed yet
  Instant latency_at{};             // when latency_s was last fed, so that it can decay
};

struct RequestView {
  std::uint64_t affinity_key = 0;   // hash of the session, user or prompt-cache key; 0 = none
  std::uint64_t model = 0;          // hash of the model name after aliases; 0 = any
  std::uint32_t prompt_bytes = 0;
  std::uint32_t output_tokens_max = 0;  // bound asked by the client; 0 = none
  bool stream = false;
};

struct PoolView {
  Instant now{};
  std::span<const EndpointView> endpoints;      // all of the pool, sorted by id
  std::span<const std::uint32_t> candidates;    // indices into endpoints that passed the filters, ascending, never empty
  std::uint64_t generation = 0;                 // same number = same candidates with the same weights, so that what a policy derived
                                                // from them still holds; 0 = a list made for this request alone
  double latency_s = 0.0;                       // mean first-token latency of the pool, fading with age; 0 = nothing observed yet
};

}  // namespace evener::route
