#pragma once
// Headers in which APIs tell their rate limits, in the three forms that exist: OpenAI's (x-ratelimit-remaining-tokens: 149984, resets as
// durations such as 6m0s), Anthropic's (anthropic-ratelimit-input-tokens-remaining, resets as RFC 3339 times) and the IETF draft's
// (RateLimit: "default";r=50;t=30, with RateLimit-Policy, draft-ietf-httpapi-ratelimit-headers). Retry-After itself is read by others.
//
// OpenAI's and Anthropic's limits are token buckets, which fill evenly; the draft's are windows, which end.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "evener/core/rate_allowance.h"

namespace evener::protocol {

/// Policies of one header that are looked at.
inline constexpr std::size_t RatePoliciesMax = 16;
/// A reset that is further away counts as this.
inline constexpr Duration RateResetMax = std::chrono::hours(24 * 31);

/// Takes the headers of one answer, then says what they mean together. Keeps views of what it was given.
class RateLimitHeaders {
 public:
  /// Names that mean nothing here are ignored, in any case of letters.
  void add(std::string_view name, std::string_view value);
  /// `wall_ns` is the time since 1970, for resets that are points in time. What cannot be read is left out.
  [[nodiscard]] RateAllowance read(std::int64_t wall_ns) const;

 private:
  struct Field {
    RateOf kind{};
    enum class Part : std::uint8_t { Limit, Remaining, Reset } part{};
    bool point_in_time = false;
    std::string_view value;
  };
  static constexpr std::size_t FieldsMax = 24;  // all that exist
  Field fields_[FieldsMax];
  std::size_t count_ = 0;
  std::string_view policies_, limits_;
};

/// "6m0s", "1h2m3.5s", "20ms"; a number alone is seconds. Nothing when it is neither.
[[nodiscard]] std::optional<Duration> read_rate_duration(std::string_view text);
/// "2026-01-27T16:24:36Z", with a fraction or an offset or without, as nanoseconds since 1970.
[[nodiscard]] std::optional<std::int64_t> read_rfc3339(std::string_view text);
/// retry-after-ms: milliseconds, with a fraction or without.
[[nodiscard]] std::optional<Duration> read_retry_after_ms(std::string_view text);

}  // namespace evener::protocol
