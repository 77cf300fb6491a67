#include "evener/gateway/config_external.h"

#include "evener/base/clock.h"

namespace evener::gateway {
namespace {

using namespace evener::config;  // the vocabulary of descriptions
using std::chrono::hours;
using std::chrono::minutes;

/// When 1970 began, on the monotonic timeline. Read once, so that a reload moves no period.
Instant epoch() {
  static const Instant began = monotonic_now() - std::chrono::nanoseconds(wall_clock_ns());
  return began;
}

}  // namespace

route::SpendSettings spend_settings(const SpendConfig& config) {
  const bool aligned = config.window == SpendWindow::Calendar;
  return {.limit = route::nanos(config.limit), .per = config.per, .aligned = aligned, .phase = aligned ? epoch() : Instant()};
}

route::ExternalSettings external_settings(const ExternalConfig& config) {
  return {.enabled = config.enabled,
          .spill_over = config.spill_over,
          .spill_over_when_late = config.spill_over_when_late,
          .rates = {.requests_per_minute = static_cast<double>(config.requests_per_minute),
                    .tokens_per_minute = static_cast<double>(config.tokens_per_minute)},
          .spend = spend_settings(config.spend)};
}

Of<PriceConfig> describe_price() {
  using P = PriceConfig;
  return Describe<P>(
             "price",
             "What an endpoint charges, in the currency you think in. Counts with the policy cheapest-within-slo and the scorer price, and "
             "at external endpoints for what is spent.")
      .field("input_per_million_tokens", &P::input_per_million_tokens, number({0, 1e6}), {.doc = "For a million prompt tokens."})
      .field("output_per_million_tokens", &P::output_per_million_tokens, number({0, 1e6}), {.doc = "For a million generated tokens."})
      .field("per_request", &P::per_request, number({0, 1e6}), {.doc = "For each request, whatever its tokens, such as an image."})
      .done();
}

Of<SpendConfig> describe_spend() {
  using S = SpendConfig;
  return Describe<S>("spend", "How much may be spent. What a request may cost at most is reserved before it goes, so the limit holds.")
      .field("limit", &S::limit, number({0, 1e9}),
             {.doc = "In the currency of the prices. 0: there is no limit, and what is spent is counted only."})
      .field("per", &S::per, duration({minutes(1), hours(24 * 366)}), {.doc = "Within which time."})
      .field("window", &S::window,
             one_of<SpendWindow>(
                 {{SpendWindow::Sliding, "sliding", "Within any stretch of time of this length."},
                  {SpendWindow::Calendar, "calendar", "From one whole period since 1970 (UTC) to the next: days begin at midnight UTC."}}),
             {.doc = "What the time is counted from."})
      .done();
}

Of<ExternalConfig> describe_external() {
  using E = ExternalConfig;
  return Describe<E>("external",
                     "An endpoint that belongs to somebody else, who limits its use and takes money for it; see docs/external.md.")
      .field("enabled", &E::enabled, boolean(), {.doc = "Whether it is such an endpoint."})
      .field("spill_over", &E::spill_over, boolean(),
             {.doc = "It gets only what the pool's own endpoints cannot take, because each is at its capacity or unusable."})
      .field(
          "spill_over_when_late", &E::spill_over_when_late, boolean(),
          {.doc = "With spill_over: it may also get requests that all of the pool's own endpoints are predicted to begin later than their "
                  "first-token objective says."})
      .field("requests_per_minute", &E::requests_per_minute, whole_number<std::uint32_t>({0, 1'000'000'000}),
             {.doc = "Most requests sent. What its answers say of its limits holds besides. 0: no limit of yours."})
      .field("tokens_per_minute", &E::tokens_per_minute, whole_number<std::uint32_t>({0, 4'000'000'000}),
             {.doc = "Most tokens, of prompts and answers together, by estimate until an answer tells. 0: no limit of yours."})
      .field("spend", &E::spend, describe_spend(), {.doc = "What may be spent there."})
      .done();
}

}  // namespace evener::gateway
