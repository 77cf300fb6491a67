#pragma once
// RateLimitBook: the rate limits of one external endpoint, as configured and as its answers tell them. What was sent counts at once, by estimate,
// so that a burst between two answers stays within the limits; each answer then says what remained when it was made, and what was sent after its
// request is taken off that; and a request that ends with another count of tokens is corrected.

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "evener/core/rate_allowance.h"
#include "evener/core/time.h"
#include "evener/route/rate_window.h"

namespace evener::route {

/// Limits that an operator sets; 0 = none.
struct RateSettings {
  double requests_per_minute = 0;
  double tokens_per_minute = 0;

  bool operator==(const RateSettings&) const = default;
};

/// What one request takes of a limit.
struct RateCost {
  double input_tokens = 0, output_tokens = 0;

  [[nodiscard]] double of(RateOf kind) const {
    switch (kind) {
      case RateOf::Requests: return 1;
      case RateOf::Tokens: return input_tokens + output_tokens;
      case RateOf::InputTokens: return input_tokens;
      case RateOf::OutputTokens: return output_tokens;
    }
    return 0;
  }
};

class RateLimitBook {
 public:
  /// Requests that are remembered until an answer counts them. What older ones took stays taken.
  static constexpr std::size_t SentMax = 4096;

  void configure(const RateSettings& settings, Instant now);

  [[nodiscard]] bool allows(const RateCost& cost, Instant now) const;
  /// When all limits together will; `now` when they do.
  [[nodiscard]] Instant allows_at(const RateCost& cost, Instant now) const;

  /// Gives the request's number, which it brings back.
  std::uint64_t sent(const RateCost& cost, Instant now);
  /// What the answer to request `number` says remains. One to an earlier request than the latest that was heard of is old news.
  void told(std::uint64_t number, const RateAllowance& allowance, Instant now);
  /// Request `number`, which was taken for `estimate`, took `actual`.
  void took(std::uint64_t number, const RateCost& estimate, const RateCost& actual, Instant now);
  /// The same of one that never arrived.
  void undo(std::uint64_t number, const RateCost& estimate, Instant now);

  /// What remains of a kind by whichever limit is the tightest; nothing = none is known.
  [[nodiscard]] std::optional<double> remaining(RateOf kind, Instant now) const;

 private:
  struct Sent {
    double requests = 1;
    RateCost cost;

    [[nodiscard]] double of(RateOf kind) const { return kind == RateOf::Requests ? requests : cost.of(kind); }
  };
  static constexpr std::array<RateOf, RateKinds> Kinds = {RateOf::Requests, RateOf::Tokens, RateOf::InputTokens, RateOf::OutputTokens};

  [[nodiscard]] const RateWindow& told_of(RateOf kind) const { return told_[static_cast<std::size_t>(kind)]; }
  void correct(std::uint64_t number, const Sent& estimate, const Sent& actual, Instant now);

  RateWindow requests_, tokens_;  // configured
  std::array<RateWindow, RateKinds> told_;
  std::deque<Sent> sent_;    // since the request whose answer told last, by number
  std::uint64_t first_ = 1;  // number of the first of them
};

}  // namespace evener::route
