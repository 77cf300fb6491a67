#pragma once
// The fields of everything that a recording holds, in the order in which they stand there. Each struct is taken apart by a structured binding,
// which names all of its members: whoever adds one to the struct is told here by the compiler. Reading and writing both go through these,
// so they cannot differ. A changed line changes the format: raise RecordingVersion.

#include <concepts>
#include <tuple>
#include <type_traits>

#include "evener/route/recorded_events.h"

namespace evener::route::recorded {

template <class T, class Of>
concept Is = std::same_as<std::remove_const_t<T>, Of>;

// clang-format off
auto fields(Is<Began> auto& v) { auto& [a, b, c] = v; return std::tie(a, b, c); }
auto fields(Is<Configured> auto& v) { auto& [a, b] = v; return std::tie(a, b); }
auto fields(Is<EndpointPut> auto& v) { auto& [a, b, c, d] = v; return std::tie(a, b, c, d); }
auto fields(Is<EndpointRemoved> auto& v) { auto& [a, b] = v; return std::tie(a, b); }
auto fields(Is<WeightSet> auto& v) { auto& [a, b, c] = v; return std::tie(a, b, c); }
auto fields(Is<DrainSet> auto& v) { auto& [a, b, c] = v; return std::tie(a, b, c); }
auto fields(Is<Arrived> auto& v) { auto& [a, b, c] = v; return std::tie(a, b, c); }
auto fields(Is<Retried> auto& v) { auto& [a, b, c, d, e, f] = v; return std::tie(a, b, c, d, e, f); }
auto fields(Is<FirstToken> auto& v) { auto& [a, b, c, d] = v; return std::tie(a, b, c, d); }
auto fields(Is<LoadReported> auto& v) { auto& [a, b, c] = v; return std::tie(a, b, c); }
auto fields(Is<LoadNoted> auto& v) { auto& [a, b, c] = v; return std::tie(a, b, c); }
auto fields(Is<Finished> auto& v) { auto& [a, b, c, d] = v; return std::tie(a, b, c, d); }
auto fields(Is<Abandoned> auto& v) { auto& [a, b, c] = v; return std::tie(a, b, c); }
auto fields(Is<Checked> auto& v) { auto& [a, b, c] = v; return std::tie(a, b, c); }
auto fields(Is<Ticked> auto& v) { auto& [a] = v; return std::tie(a); }
auto fields(Is<Released> auto& v) { auto& [a, b] = v; return std::tie(a, b); }
auto fields(Is<Preempted> auto& v) { auto& [a] = v; return std::tie(a); }
auto fields(Is<Explained> auto& v) { auto& [a, b] = v; return std::tie(a, b); }
auto fields(Is<PanicAsked> auto&) { return std::tuple<>(); }
auto fields(Is<CacheStored> auto& v) { auto& [a, b] = v; return std::tie(a, b); }
auto fields(Is<CacheEvicted> auto& v) { auto& [a, b] = v; return std::tie(a, b); }
auto fields(Is<CacheFollowed> auto& v) { auto& [a, b] = v; return std::tie(a, b); }
auto fields(Is<CacheCleared> auto& v) { auto& [a] = v; return std::tie(a); }
auto fields(Is<CacheCapacity> auto& v) { auto& [a, b] = v; return std::tie(a, b); }
auto fields(Is<AllowanceTold> auto& v) { auto& [a, b, c, d] = v; return std::tie(a, b, c, d); }
auto fields(Is<AdaptersReported> auto& v) { auto& [a, b, c] = v; return std::tie(a, b, c); }

auto fields(Is<Arrival> auto& v) { auto& [a, b, c, d, e] = v; return std::tie(a, b, c, d, e); }
auto fields(Is<RequestView> auto& v) {
  auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q] = v;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q);
}
auto fields(Is<Share> auto& v) {
  auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = v;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
}
auto fields(Is<PrefixPrediction> auto& v) { auto& [a, b, c, d, e] = v; return std::tie(a, b, c, d, e); }
auto fields(Is<LoadReport> auto& v) {
  auto& [a, b, c, d, e, f, g, h, i, j] = v;
  return std::tie(a, b, c, d, e, f, g, h, i, j);
}
auto fields(Is<Outcome> auto& v) { auto& [a, b, c, d, e, f, g, h] = v; return std::tie(a, b, c, d, e, f, g, h); }
auto fields(Is<RateAllowance> auto& v) { auto& [a] = v; return std::tie(a); }
auto fields(Is<RateAllowance::Figures> auto& v) { auto& [a, b, c, d, e] = v; return std::tie(a, b, c, d, e); }
auto fields(Is<TokenUsage> auto& v) { auto& [a, b, c] = v; return std::tie(a, b, c); }

auto fields(Is<Dispatch> auto& v) { auto& [a, b, c, d, e] = v; return std::tie(a, b, c, d, e); }
auto fields(Is<Queued> auto& v) { auto& [a] = v; return std::tie(a); }
auto fields(Is<Refusal> auto& v) { auto& [a, b] = v; return std::tie(a, b); }
auto fields(Is<route::Released> auto& v) { auto& [a, b, c] = v; return std::tie(a, b, c); }
auto fields(Is<Preempt> auto& v) { auto& [a, b] = v; return std::tie(a, b); }

auto fields(Is<EndpointSettings> auto& v) {
  auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = v;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
}
auto fields(Is<PoolSettings> auto& v) {
  auto& [a, b, c, d, e, f, g, h, i, j, k, l] = v;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l);
}
auto fields(Is<HedgingSettings> auto& v) { auto& [a, b, c, d, e] = v; return std::tie(a, b, c, d, e); }
auto fields(Is<ExternalSettings> auto& v) { auto& [a, b, c, d, e] = v; return std::tie(a, b, c, d, e); }
auto fields(Is<RateSettings> auto& v) { auto& [a, b] = v; return std::tie(a, b); }
auto fields(Is<SpendSettings> auto& v) { auto& [a, b, c, d] = v; return std::tie(a, b, c, d); }
auto fields(Is<CompositionSettings> auto& v) { auto& [a, b, c] = v; return std::tie(a, b, c); }
auto fields(Is<FilterSettings> auto& v) { auto& [a, b] = v; return std::tie(a, b); }
auto fields(Is<ScorerSettings> auto& v) { auto& [a, b] = v; return std::tie(a, b); }
auto fields(Is<PrefixSettings> auto& v) { auto& [a, b, c] = v; return std::tie(a, b, c); }
auto fields(Is<CheckSettings> auto& v) { auto& [a, b, c] = v; return std::tie(a, b, c); }
auto fields(Is<OutlierSettings> auto& v) {
  auto& [a, b, c, d, e, f, g, h, i] = v;
  return std::tie(a, b, c, d, e, f, g, h, i);
}
auto fields(Is<RetrySettings> auto& v) { auto& [a, b, c] = v; return std::tie(a, b, c); }
auto fields(Is<QueueSettings> auto& v) { auto& [a, b, c] = v; return std::tie(a, b, c); }
auto fields(Is<AdmissionSettings> auto& v) { auto& [a, b, c, d, e] = v; return std::tie(a, b, c, d, e); }
auto fields(Is<ClassSettings> auto& v) { auto& [a, b, c, d, e, f, g, h] = v; return std::tie(a, b, c, d, e, f, g, h); }
auto fields(Is<TenantWeight> auto& v) { auto& [a, b] = v; return std::tie(a, b); }
auto fields(Is<LearnedCapacitySettings> auto& v) { auto& [a, b, c, d, e] = v; return std::tie(a, b, c, d, e); }
// clang-format on

template <class T>
concept Struct = requires(T& value) { fields(value); };

/// The last enumerator; a number beyond it is no value of the type.
template <class E>
inline constexpr E Last = E::NoSuchEnumeration;
template <>
inline constexpr PolicyKind Last<PolicyKind> = PolicyKind::OrcaWeighted;
template <>
inline constexpr ScorerKind Last<ScorerKind> = ScorerKind::Power;
template <>
inline constexpr FilterKind Last<FilterKind> = FilterKind::FirstToken;
template <>
inline constexpr PickerKind Last<PickerKind> = PickerKind::Weighted;
template <>
inline constexpr Priority Last<Priority> = Priority::Background;
template <>
inline constexpr RefusalReason Last<RefusalReason> = static_cast<RefusalReason>(RefusalReasons - 1);
template <>
inline constexpr PickReason Last<PickReason> = PickReason::SpillOver;
template <>
inline constexpr Ending Last<Ending> = Ending::Cancelled;
template <>
inline constexpr PrefixKnowledge Last<PrefixKnowledge> = PrefixKnowledge::Exact;
template <>
inline constexpr Scheduler::Start Last<Scheduler::Start> = Scheduler::Start::AwaitCheck;
template <>
inline constexpr Scheduler::Drain Last<Scheduler::Drain> = Scheduler::Drain::Yes;
template <>
inline constexpr Scheduler::Check Last<Scheduler::Check> = Scheduler::Check::Failed;
template <>
inline constexpr Scheduler::Attempt Last<Scheduler::Attempt> = Scheduler::Attempt::Hedge;

}  // namespace evener::route::recorded
