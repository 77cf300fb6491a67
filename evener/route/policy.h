#pragma once
// The one seam between deciding and doing. A policy picks one of the candidates of a view; filtering (health, model, capacity, already
// tried) has been done before, by the scheduler. A policy may keep state of its own (a cursor, a hash table), but no clock, chance or
// world: those are arguments. Add one by a file in policies/ and a line in make_policy().

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "evener/core/rng.h"
#include "evener/route/scorers.h"
#include "evener/route/view.h"

namespace evener::route {

/// What a choice compared, in the order it looked. Valid until the next call of the policy.
struct Compared {
  std::span<const std::uint32_t> indices;   // into view.endpoints; one may stand there twice
  std::span<const double> costs;            // of each, lower is better
  std::span<const ScorerSettings> scorers;  // of a composed policy
  std::span<const double> scores;           // of the first scorer those of each index, then of the next
};
/// A cost at least so high means that an endpoint would be chosen only for want of any other: no figure to show.
inline constexpr double CostOfLast = 1e300;

/// Not thread-safe: a scheduler owns its policy and calls it under the pool's lock.
class Policy {
 public:
  virtual ~Policy() = default;

  /// The word used in config, metrics and explanations, such as "least-request".
  [[nodiscard]] virtual std::string_view name() const = 0;

  /// Picks one of view.candidates and returns its index into view.endpoints. view.candidates is not empty.
  virtual std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) = 0;

  /// Whether it reads view.cached_tokens, which cost a lookup per block of the prompt.
  [[nodiscard]] virtual bool wants_prefix() const { return false; }

  /// What the latest choose() compared, for policies whose figures are dear to find again; empty for the others, which have costs().
  [[nodiscard]] virtual Compared compared() const { return {}; }

  /// The figure this policy compares for one endpoint, lower is better; nothing where the policy compares none (round robin, random).
  /// For explanations only; choose() never calls it.
  [[nodiscard]] virtual std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const;

  /// cost() of each of view.candidates, by position there; `out` is as long as view.candidates. For policies that find all of them in
  /// one go.
  virtual void costs(const RequestView& request, const PoolView& view, std::span<std::optional<double>> out) const;

  /// Called before the first choice, and before the next one after endpoints were added or removed or a configured weight changed;
  /// indices into view.endpoints hold until the next call. view.candidates is empty here. A late call costs one slow choice, never a
  /// wrong one.
  virtual void on_membership(const PoolView& view);
};

enum class PolicyKind : std::uint8_t {
  RoundRobin,
  WeightedRoundRobin,
  Random,
  LeastRequest,
  PowerOfTwo,
  PeakEwma,
  BoundedHash,
  Maglev,
  Balanced,
  StickyUntilSaturated,
  Blend,
  DynamoCost,
  SmgCacheAware,
  LeastLoad,
  CheapestWithinSlo,
  Composed,
  DynamoLmetric,
  AibrixPrefixCache,
  Vtc,
  OrcaWeighted,
};

/// The names accepted in config, in the order of PolicyKind: round-robin weighted-round-robin random least-request power-of-two
/// peak-ewma bounded-hash maglev balanced
/// sticky-until-saturated blend dynamo-cost smg-cache-aware least-load cheapest-within-slo composed
/// dynamo-lmetric aibrix-prefix-cache vtc orca-weighted.
[[nodiscard]] std::string_view policy_name(PolicyKind kind);
[[nodiscard]] std::optional<PolicyKind> policy_kind(std::string_view name);
[[nodiscard]] const std::vector<std::string_view>& policy_names();

/// `composition` is for PolicyKind::Composed alone.
[[nodiscard]] std::unique_ptr<Policy> make_policy(PolicyKind kind, const CompositionSettings& composition = {});

}  // namespace evener::route
