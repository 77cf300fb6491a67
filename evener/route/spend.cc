#include "evener/route/spend.h"

#include <algorithm>
#include <cmath>

namespace evener::route {
namespace {

constexpr double MostNanos = 9e18;

std::int64_t floor_divided(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

}  // namespace

NanoMoney price_of(double tokens, double per_million) {
  const double amount = std::ceil(tokens * per_million * (NanosPerUnit / 1e6) - 1e-6);
  return static_cast<NanoMoney>(std::clamp(amount, 0.0, MostNanos));
}

NanoMoney nanos(double amount) { return static_cast<NanoMoney>(std::clamp(std::round(amount * NanosPerUnit), 0.0, MostNanos)); }

void SpendBook::configure(const SpendSettings& settings, Instant now) {
  if (settings == settings_) return;
  const NanoMoney so_far = spent(now);
  const bool same_steps = settings.per == settings_.per && settings.aligned == settings_.aligned && settings.phase == settings_.phase;
  settings_ = settings;
  if (same_steps) return;
  slots_ = {};
  slots_[place_of(step_of(now))] = {.step = step_of(now), .spent = so_far};
}

bool SpendBook::allows(NanoMoney amount, Instant now) const {
  return settings_.limit <= 0 || amount <= settings_.limit - reserved_ - spent(now);
}

std::optional<Instant> SpendBook::allows_at(NanoMoney amount, Instant now) const {
  NanoMoney over = spent(now) + amount - settings_.limit;
  if (settings_.limit <= 0 || over <= 0) return now;
  const std::int64_t current = step_of(now);
  for (std::int64_t oldest = current - steps_kept() + 1; oldest <= current; ++oldest) {
    const Slot& one = slots_[place_of(oldest)];
    if (one.step == oldest) over -= one.spent;
    if (over <= 0) return settings_.phase + step() * (oldest + steps_kept());
  }
  return std::nullopt;
}

void SpendBook::settle(NanoMoney reserved, NanoMoney actual, Instant now) {
  reserved_ -= std::min(reserved, reserved_);
  total_ += actual;
  const std::int64_t current = step_of(now);
  Slot& at = slots_[place_of(current)];
  if (at.step != current) at = {.step = current, .spent = 0};
  at.spent += actual;
}

NanoMoney SpendBook::spent(Instant now) const {
  const std::int64_t current = step_of(now);
  NanoMoney sum = 0;
  for (const Slot& one : slots_) {
    if (one.step > current - steps_kept() && one.step <= current) sum += one.spent;
  }
  return sum;
}

std::int64_t SpendBook::step_of(Instant at) const { return floor_divided((at - settings_.phase).count(), step().count()); }

std::size_t SpendBook::place_of(std::int64_t step) {
  constexpr std::int64_t Count = Steps + 1;
  return static_cast<std::size_t>((step % Count + Count) % Count);
}

}  // namespace evener::route
