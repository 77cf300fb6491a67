// External endpoints in the scheduler: who may go there now, what waits for them, and what they are paid.

#include <algorithm>
#include <iterator>

#include "evener/route/request_cost.h"
#include "evener/route/scheduler_state.h"
#include "evener/route/speed.h"

namespace evener::route {
namespace {

/// A wait for somebody else's clock is looked at no more often than this.
constexpr Duration LookAgain = std::chrono::milliseconds(1);

/// What an attempt took, as far as anybody can know.
ExternalUse use_of(const Outcome& outcome) {
  const Share& share = outcome.share;
  switch (outcome.ending) {
    case Ending::ConnectFailed: return {.arrived = false, .billed = false};
    case Ending::Refused:
    case Ending::ServerError: return {.billed = false};
    case Ending::Ok:
    case Ending::Reset:
    case Ending::Timeout:
    case Ending::BadResponse:
    case Ending::Cancelled: break;
  }
  if (outcome.usage) {
    return {.input_tokens = static_cast<double>(outcome.usage->prompt_tokens),
            .output_tokens = static_cast<double>(outcome.usage->output_tokens)};
  }
  if (outcome.request_at_fault) return {.billed = false};
  // Who leaves or is cut off pays for what was computed. Nobody says what that was; a prompt whose answer had not begun is taken for computed.
  return {.input_tokens = static_cast<double>(share.prompt_tokens),
          .output_tokens = share.awaits_first_token ? 0.0 : static_cast<double>(share.output_tokens)};
}

}  // namespace

SpendStatus spend_status(const SpendBook& book, Instant now) {
  return {.settings = book.settings(), .spent = book.spent(now), .reserved = book.reserved(), .total = book.total()};
}

void Scheduler::State::apply_external(std::uint32_t index) {
  EndpointState& state = states[index];
  const ExternalSettings& wanted = state.settings.external;
  if (state.external && !wanted.enabled) {
    state.external.reset();
    --externals;
  } else if (!state.external && wanted.enabled) {
    state.external = std::make_unique<ExternalAccount>();
    ++externals;
  }
  if (state.external) state.external->configure(wanted, now);
}

Withheld Scheduler::State::withheld(std::uint32_t index, const RequestView& request) const {
  const ExternalAccount* account = states[index].external.get();
  if (account == nullptr) return Withheld::No;
  const Withheld there = account->withheld(request, book[index], now);
  if (there != Withheld::No || settings.spend.limit <= 0) return there;
  const std::optional<NanoMoney> price = price_bound(request, book[index]);
  return price && spend.allows(*price, now) ? Withheld::No : Withheld::Spend;
}

LeftOut Scheduler::State::passed_over(std::uint32_t index, const RequestView& request) const {
  if (LoadBook::is_full(book[index])) return LeftOut::Capacity;
  switch (withheld(index, request)) {
    case Withheld::RateLimit: return LeftOut::RateLimit;
    case Withheld::Spend: return LeftOut::Spend;
    case Withheld::No: break;
  }
  return states[index].spills_over() ? LeftOut::SpillOver : LeftOut::Reserved;
}

Scheduler::State::Selection Scheduler::State::select_with_external(const Reach& reach, const RequestView& request,
                                                                   std::span<const EndpointId> tried) {
  const auto may_take = [&](std::uint32_t index) {
    return !LoadBook::is_full(book[index]) && std::find(tried.begin(), tried.end(), book[index].id) == tried.end() &&
           withheld(index, request) == Withheld::No;
  };
  scratch.clear();
  std::copy_if(reach.usable.begin(), reach.usable.end(), std::back_inserter(scratch),
               [&](std::uint32_t index) { return !states[index].spills_over() && may_take(index); });
  const std::size_t own = scratch.size();
  const bool late = own > 0 && all_late(request, scratch);
  if (own > 0 && !late) {
    const bool all_own = !reach.limited && own == reach.group->own;
    return {.candidates = scratch, .generation = all_own ? reach.group->own_generation : 0};
  }
  std::copy_if(reach.usable.begin(), reach.usable.end(), std::back_inserter(scratch), [&](std::uint32_t index) {
    const EndpointState& state = states[index];
    return state.spills_over() && (!late || state.settings.external.spill_over_when_late) && may_take(index);
  });
  const bool spilled = scratch.size() > own;
  std::sort(scratch.begin(), scratch.end());
  return {.candidates = scratch, .generation = 0, .spilled = spilled};
}

bool Scheduler::State::all_late(const RequestView& request, std::span<const std::uint32_t> indices) const {
  if (request.first_token_objective <= Duration::zero()) return false;
  const bool asked = std::any_of(states.begin(), states.end(), [](const EndpointState& state) {
    return state.spills_over() && state.settings.external.spill_over_when_late;
  });
  if (!asked) return false;
  const PoolView view = view_of({.candidates = indices});
  return std::all_of(indices.begin(), indices.end(), [&](std::uint32_t index) {
    const EndpointView& endpoint = book[index];
    const Prediction prediction =
        predict(endpoint, believed_speed(endpoint, view), uncached_tokens(request, view, index), foreign_trust(endpoint, now));
    return prediction.first_token_s > seconds(request.first_token_objective);
  });
}

Scheduler::State::ExternalWait Scheduler::State::external_wait(const Reach& reach, const RequestView& request,
                                                               std::span<const EndpointId> tried) const {
  ExternalWait wait;
  if (externals == 0) return wait;
  bool others = false;
  for (const std::uint32_t index : reach.usable) {
    if (std::find(tried.begin(), tried.end(), book[index].id) != tried.end()) continue;
    const Withheld why = LoadBook::is_full(book[index]) ? Withheld::No : withheld(index, request);
    if (why == Withheld::No) {
      others = true;
      continue;
    }
    std::optional<Instant> at = states[index].external->allows_at(request, book[index], now);
    if (at && settings.spend.limit > 0) {
      const auto by_pool = spend.allows_at(price_bound(request, book[index]).value_or(settings.spend.limit + 1), now);
      at = by_pool ? std::optional(std::max(*at, *by_pool)) : std::nullopt;
    }
    const bool first = !wait.alone;
    wait.alone = true;
    if (at) at = std::max(*at, now + LookAgain);
    if (!first && (!at || (wait.until && *wait.until <= *at))) continue;
    wait.until = at;
    wait.reason = why == Withheld::Spend ? RefusalReason::SpendLimit : RefusalReason::RateLimited;
  }
  wait.alone = wait.alone && !others;
  return wait;
}

Refusal Scheduler::State::refuse_external(const ExternalWait& wait) const {
  return {.reason = wait.reason, .retry_after = wait.until ? *wait.until - now : Duration::zero()};
}

std::optional<ExternalStatus> Scheduler::State::external_status(std::size_t index) const {
  const ExternalAccount* account = states[index].external.get();
  if (account == nullptr) return std::nullopt;
  ExternalStatus status{.remaining = {}, .spend = spend_status(account->spend(), now)};
  for (std::size_t i = 0; i < RateKinds; ++i) status.remaining[i] = account->rates().remaining(static_cast<RateOf>(i), now);
  return status;
}

void Scheduler::State::settle_external(std::optional<std::uint32_t> index, const Outcome& outcome) {
  const Share& share = outcome.share;
  if (share.rate_number == 0) return;
  ExternalAccount* account = index ? states[*index].external.get() : nullptr;
  if (account == nullptr) {  // nobody knows its prices any more
    spend.settle(share.reserved, share.reserved, now);
    return;
  }
  const ExternalUse use = use_of(outcome);
  const NanoMoney price = price_of(use, book[*index]);
  account->settled(share, use, price, now);
  spend.settle(share.reserved, price, now);
}

}  // namespace evener::route
