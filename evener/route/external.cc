#include "evener/route/external.h"

#include <algorithm>

#include "evener/route/fit.h"

namespace evener::route {

RateCost rate_cost(const RequestView& request) {
  return {.input_tokens = static_cast<double>(request.prompt_tokens), .output_tokens = static_cast<double>(request.output_tokens)};
}

std::optional<NanoMoney> price_bound(const RequestView& request, const EndpointView& endpoint) {
  if (request.prompt_tokens == 0 && endpoint.price_per_request <= 0) return std::nullopt;
  const double input = request.prompt_tokens / SurePromptShare;
  const double output = std::max(request.output_tokens, request.output_tokens_most);
  return price_of({.input_tokens = input, .output_tokens = output}, endpoint);
}

NanoMoney price_of(const ExternalUse& use, const EndpointView& endpoint) {
  if (!use.billed) return 0;
  return price_of(use.input_tokens, endpoint.input_price) + price_of(use.output_tokens, endpoint.output_price) +
         nanos(endpoint.price_per_request);
}

void ExternalAccount::configure(const ExternalSettings& settings, Instant now) {
  rates_.configure(settings.rates, now);
  spend_.configure(settings.spend, now);
}

Withheld ExternalAccount::withheld(const RequestView& request, const EndpointView& endpoint, Instant now) const {
  if (!rates_.allows(rate_cost(request), now)) return Withheld::RateLimit;
  if (spend_.settings().limit <= 0) return Withheld::No;
  const std::optional<NanoMoney> price = price_bound(request, endpoint);
  return price && spend_.allows(*price, now) ? Withheld::No : Withheld::Spend;
}

std::optional<Instant> ExternalAccount::allows_at(const RequestView& request, const EndpointView& endpoint, Instant now) const {
  const Instant by_rates = rates_.allows_at(rate_cost(request), now);
  if (spend_.settings().limit <= 0) return by_rates;
  const std::optional<NanoMoney> price = price_bound(request, endpoint);
  const std::optional<Instant> by_spend = price ? spend_.allows_at(*price, now) : std::nullopt;
  return by_spend ? std::optional(std::max(by_rates, *by_spend)) : std::nullopt;
}

void ExternalAccount::sent(const RequestView& request, const EndpointView& endpoint, Share& share, Instant now) {
  share.rate_number = rates_.sent(rate_cost(request), now);
  share.reserved = price_bound(request, endpoint).value_or(0);
  spend_.reserve(share.reserved);
}

void ExternalAccount::settled(const Share& share, const ExternalUse& use, NanoMoney price, Instant now) {
  const RateCost estimate{.input_tokens = static_cast<double>(share.prompt_tokens),
                          .output_tokens = static_cast<double>(share.output_tokens)};
  if (use.arrived) {
    rates_.took(share.rate_number, estimate, {.input_tokens = use.input_tokens, .output_tokens = use.output_tokens}, now);
  } else {
    rates_.undo(share.rate_number, estimate, now);
  }
  spend_.settle(share.reserved, price, now);
}

}  // namespace evener::route
