#include "evener/route/rate_limit_book.h"

#include <algorithm>

namespace evener::route {

void RateLimitBook::configure(const RateSettings& settings, Instant now) {
  requests_.limit_to(settings.requests_per_minute, RateWindow::UsualPeriod, now);
  tokens_.limit_to(settings.tokens_per_minute, RateWindow::UsualPeriod, now);
}

bool RateLimitBook::allows(const RateCost& cost, Instant now) const {
  if (!requests_.allows(1, now) || !tokens_.allows(cost.of(RateOf::Tokens), now)) return false;
  return std::all_of(Kinds.begin(), Kinds.end(), [&](RateOf kind) { return told_of(kind).allows(cost.of(kind), now); });
}

Instant RateLimitBook::allows_at(const RateCost& cost, Instant now) const {
  Instant at = std::max(requests_.allows_at(1, now), tokens_.allows_at(cost.of(RateOf::Tokens), now));
  for (const RateOf kind : Kinds) at = std::max(at, told_of(kind).allows_at(cost.of(kind), now));
  return at;
}

std::uint64_t RateLimitBook::sent(const RateCost& cost, Instant now) {
  requests_.take(1, now);
  tokens_.take(cost.of(RateOf::Tokens), now);
  for (const RateOf kind : Kinds) told_[static_cast<std::size_t>(kind)].take(cost.of(kind), now);
  if (sent_.size() >= SentMax) {
    sent_.pop_front();
    ++first_;
  }
  sent_.push_back({.cost = cost});
  return first_ + sent_.size() - 1;
}

void RateLimitBook::told(std::uint64_t number, const RateAllowance& allowance, Instant now) {
  if (number < first_ || number >= first_ + sent_.size()) return;
  sent_.erase(sent_.begin(), sent_.begin() + static_cast<std::ptrdiff_t>(number + 1 - first_));
  first_ = number + 1;
  for (const RateOf kind : Kinds) {
    double since = 0;
    for (const Sent& one : sent_) since += one.of(kind);
    told_[static_cast<std::size_t>(kind)].told(allowance.of(kind), since, now);
  }
}

void RateLimitBook::took(std::uint64_t number, const RateCost& estimate, const RateCost& actual, Instant now) {
  correct(number, {.cost = estimate}, {.cost = actual}, now);
}

void RateLimitBook::undo(std::uint64_t number, const RateCost& estimate, Instant now) {
  correct(number, {.cost = estimate}, {.requests = 0, .cost = {}}, now);
}

void RateLimitBook::correct(std::uint64_t number, const Sent& estimate, const Sent& actual, Instant now) {
  const auto more = [&](RateOf kind) { return actual.of(kind) - estimate.of(kind); };
  requests_.take(more(RateOf::Requests), now);
  tokens_.take(more(RateOf::Tokens), now);
  // What the other side told already counts an earlier request as it counts it.
  if (number < first_ || number >= first_ + sent_.size()) return;
  for (const RateOf kind : Kinds) told_[static_cast<std::size_t>(kind)].take(more(kind), now);
  sent_[number - first_] = actual;
}

std::optional<double> RateLimitBook::remaining(RateOf kind, Instant now) const {
  std::optional<double> least = told_of(kind).available(now);
  const RateWindow* configured = kind == RateOf::Requests ? &requests_ : kind == RateOf::Tokens ? &tokens_ : nullptr;
  const std::optional<double> own = configured == nullptr ? std::nullopt : configured->available(now);
  if (own && (!least || *own < *least)) least = own;
  if (least) *least = std::max(*least, 0.0);
  return least;
}

}  // namespace evener::route
