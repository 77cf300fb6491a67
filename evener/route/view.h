#pragma once
// What a policy may see when it decides: plain values, frozen for one decision, sorted by endpoint id. Exact figures (counted here) and
// learned ones are separate fields. A request view never holds the true output length, because no one knows it at that time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "evener/core/ids.h"
#include "evener/core/time.h"
#include "evener/route/load_report.h"
#include "evener/route/prefix_prediction.h"

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

/// How urgent a request is, most urgent first. Under contention an earlier class goes first.
enum class Priority : std::uint8_t { Realtime, Standard, Batch, Background };
inline constexpr std::size_t Priorities = 4;

/// Kinds of input an endpoint may or may not take, as bits.
enum Modality : std::uint8_t { Text = 1, Image = 2, Audio = 4, Video = 8 };
inline constexpr std::uint8_t AllModalities = Text | Image | Audio | Video;

/// Zones of a pool, as numbers from 1; 0 = none. A set of them is a word of bits; its highest bit is a zone that no endpoint is in.
inline constexpr std::uint16_t ZonesMax = 62;
inline constexpr std::uint64_t NowhereZones = std::uint64_t{1} << 63;

/// What was learned about how fast an endpoint works; see route/speed.h for the model. Zero = nothing learned yet.
struct SpeedView {
  double base_s = 0.0;               // first-token latency that depends neither on the prompt nor on network_s: tokenising, one step
  double prefill_s_per_token = 0.0;  // per uncached prompt token
  double step_s = 0.0;               // between two tokens of a lone stream
  double step_s_per_request = 0.0;   // added to that by each request in flight
  Instant at{};                      // of the latest answer that taught something
  // How much the pool is to be believed instead, 0..1: the more, the fewer answers the figures above come from.
  double first_token_doubt = 0.0;
  double token_doubt = 0.0;

  [[nodiscard]] bool first_token_known() const { return base_s > 0 || prefill_s_per_token > 0; }
  [[nodiscard]] bool token_known() const { return step_s > 0 || step_s_per_request > 0; }
};

/// Tokens that one dispatched request adds to its endpoint's book. The scheduler makes it, the caller keeps it and gives it back.
struct Share {
  std::uint32_t prompt_tokens = 0;
  std::uint32_t uncached_tokens = 0;  // of the prompt, what the endpoint probably has to compute
  std::uint32_t output_tokens = 0;    // expected
  bool awaits_first_token = true;     // its uncached tokens still count
  // Who is charged for it, in the queue's account of what each tenant got.
  Priority priority = Priority::Standard;
  std::uint32_t charge = 0;           // tokens; corrected when it ends
  std::uint64_t tenant = 0;
  std::uint64_t preemptible = 0;      // its number among those that may be pre-empted; 0 = it may not
  bool streams = false;               // only then does its first token say something of prefill
  std::uint32_t ahead_tokens = 0;     // uncached tokens that were in flight there before it
  std::uint32_t ahead_requests = 0;
  float predicted_first_token_s = 0;  // 0 = nothing was predicted
  float predicted_token_s = 0;        // between two tokens; likewise
  PrefixPrediction prefix;
  std::uint64_t rate_number = 0;  // in the account of an external endpoint; 0 = it is none
  std::int64_t reserved = 0;      // of money there, in billionths

  /// Until the last of the expected tokens; 0 = nothing was predicted.
  [[nodiscard]] double predicted_total_s() const {
    return predicted_token_s > 0 ? predicted_first_token_s + static_cast<double>(predicted_token_s) * (std::max(output_tokens, 1U) - 1) : 0;
  }

  bool operator==(const Share&) const = default;
};

/// Means of |predicted / observed - 1| of one endpoint's answers, the latest hundred or so; 0 = none was predicted.
struct PredictionErrors {
  double first_token = 0, token = 0, total = 0;
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

  // Exact counts of ours, in estimated tokens.
  std::uint32_t in_prefill = 0;                // requests in flight whose first token has not come
  std::uint64_t in_flight_prompt_tokens = 0;
  std::uint64_t in_flight_uncached_tokens = 0; // of the requests in prefill
  std::uint64_t in_flight_output_tokens = 0;   // expected, of all requests in flight
  // Learned.
  SpeedView speed;
  // Reported by the endpoint; empty = it never did.
  std::optional<LoadReport> report;
  double foreign_requests = 0.0;               // running and waiting there beyond what we had sent when the report came
  double foreign_uncached_tokens = 0.0;        // the same of tokens that wait to be computed
  double foreign_waiting = 0.0;                // requests that waited there beyond those of ours that awaited their first token
  double waiting_correction = 0.0;             // that, less those of ours that were being computed instead when the report came
  std::uint64_t tokens_since_report = 0;       // of prompts that we sent since
  std::span<const std::uint64_t> adapters;     // sorted hashes of the LoRA adapters it has, as configured or as it reports
  // Configured.
  double tier = 1.0;                           // capability: about how strong it is beside the others; keeps strong ones for heavy and urgent requests
  double network_s = 0.0;                      // there and back
  double input_price = 0.0, output_price = 0.0;  // per million tokens
  double price_per_request = 0.0;
  double power_w = 0.0;                        // drawn per unit of work at full load; 0 = unknown
  std::uint16_t zone = 0;                      // index of its zone in the pool; 0 = none
  std::uint8_t modalities = AllModalities;
  std::uint32_t context_tokens_max = 0;        // of prompt and answer together; 0 = unknown
  bool any_adapter = false;                    // it loads those that it does not have
};

struct RequestView {
  std::uint64_t affinity_key = 0;   // hash of the session, user or prompt-cache key; 0 = none
  std::uint64_t model = 0;          // hash of the model name after aliases; 0 = any
  std::uint32_t prompt_bytes = 0;
  std::uint32_t output_tokens_max = 0;  // bound asked by the client; 0 = none
  bool stream = false;

  Priority priority = Priority::Standard;
  std::uint64_t tenant = 0;              // hash of who pays; 0 = nobody in particular
  std::uint32_t prompt_tokens = 0;       // estimated from the bytes
  std::uint32_t output_tokens = 0;       // expected, learned per model; the true length is not known
  std::uint32_t output_tokens_most = 0;  // hardly ever more: the client's bound, or what nearly all answers stay within; 0 = unknown
  std::uint64_t adapter = 0;             // hash of the LoRA adapter; 0 = none
  std::uint8_t modalities = Text;        // what its input holds
  std::uint64_t zones = 0;               // bit n = may go to zone n; 0 = anywhere
  Duration first_token_objective{};      // 0 = none
  Duration token_objective{};            // between tokens; 0 = none
  /// Chained hashes of the prompt's content blocks, from its beginning; borrowed. Equal hashes mean that everything before is equal, too.
  std::span<const std::uint64_t> blocks;
  std::uint32_t block_tokens = 0;        // estimated tokens of each full block
};

struct PoolView {
  Instant now{};
  std::span<const EndpointView> endpoints;      // all of the pool, sorted by id
  std::span<const std::uint32_t> candidates;    // indices into endpoints that passed the filters, ascending, never empty
  std::uint64_t generation = 0;                 // same number = same candidates with the same weights, so that what a policy derived
                                                // from them still holds; 0 = a list made for this request alone
  double latency_s = 0.0;                       // mean first-token latency of the pool, fading with age; 0 = nothing observed yet
  SpeedView speed;                              // of the pool as a whole, for an endpoint of weight 1
  /// Prompt tokens of this request that each endpoint probably holds in its prefix cache, by index into `endpoints`; empty = not asked for.
  std::span<const std::uint32_t> cached_tokens = {};
  std::uint32_t cached_most = 0;                // the largest of those
  double reuse = 0.0;                           // how often a token that is computed in this pool can be found in a cache later, before it is evicted
  double strongest_tier = 0.0;                  // of all endpoints; 0 = they are of one tier

  [[nodiscard]] std::uint32_t cached(std::uint32_t index) const { return cached_tokens.empty() ? 0 : cached_tokens[index]; }
};

}  // namespace evener::route
