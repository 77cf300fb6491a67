#pragma once
// External endpoints: APIs of others, which limit rates and take money. Their accounts say whether a request may go there now, hold what it will
// probably take while it is under way, and settle with what it took.

#include <cstdint>
#include <optional>

#include "evener/route/rate_limit_book.h"
#include "evener/route/spend.h"
#include "evener/route/view.h"

namespace evener::route {

struct ExternalSettings {
  bool enabled = false;               // else the endpoint is one of one's own, and nothing here counts
  bool spill_over = true;             // it gets only what the pool's other endpoints cannot take now
  bool spill_over_when_late = false;  // nor what all of them are predicted to begin too late
  RateSettings rates;
  SpendSettings spend;

  bool operator==(const ExternalSettings&) const = default;
};

/// Why a request may not go to an endpoint now though it would be able to take it.
enum class Withheld : std::uint8_t { No, RateLimit, Spend };

/// What a request probably takes of rate limits: its estimated tokens.
[[nodiscard]] RateCost rate_cost(const RequestView& request);

/// What a request may cost at most: prompts are estimated, so a third more than that, and the longest answer that is expected. Nothing when
/// its price cannot be told, because its tokens are not known and there is no price per request.
[[nodiscard]] std::optional<NanoMoney> price_bound(const RequestView& request, const EndpointView& endpoint);

/// What an attempt took.
struct ExternalUse {
  double input_tokens = 0, output_tokens = 0;
  bool arrived = true;  // it reached the endpoint: it counts for rate limits
  bool billed = true;
};
[[nodiscard]] NanoMoney price_of(const ExternalUse& use, const EndpointView& endpoint);

class ExternalAccount {
 public:
  void configure(const ExternalSettings& settings, Instant now);

  [[nodiscard]] Withheld withheld(const RequestView& request, const EndpointView& endpoint, Instant now) const;
  /// When it is no more, as far as that is a matter of time.
  [[nodiscard]] std::optional<Instant> allows_at(const RequestView& request, const EndpointView& endpoint, Instant now) const;

  /// Notes in the share what settled() takes back.
  void sent(const RequestView& request, const EndpointView& endpoint, Share& share, Instant now);
  void told(const Share& share, const RateAllowance& allowance, Instant now) { rates_.told(share.rate_number, allowance, now); }
  void settled(const Share& share, const ExternalUse& use, NanoMoney price, Instant now);

  [[nodiscard]] const RateLimitBook& rates() const { return rates_; }
  [[nodiscard]] const SpendBook& spend() const { return spend_; }

 private:
  RateLimitBook rates_;
  SpendBook spend_;
};

}  // namespace evener::route
