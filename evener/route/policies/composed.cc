#include "evener/route/policies/composed.h"

#include <algorithm>

#include "evener/route/request_cost.h"

namespace evener::route {

CompositionSettings blend_settings() {
  return {.filters = {},
          .scorers = {{.kind = ScorerKind::PrefixHit, .weight = 3},
                      {.kind = ScorerKind::Queue, .weight = 2},
                      {.kind = ScorerKind::KvFree, .weight = 2}},
          .picker = PickerKind::Best};
}

Composed::Composed(PolicyKind kind, CompositionSettings settings) : kind_(kind), settings_(std::move(settings)) {
  for (const ScorerSettings& scorer : settings_.scorers) {
    weights_ += scorer.weight;
    wants_prefix_ |= scorer.kind == ScorerKind::PrefixHit || scorer.kind == ScorerKind::UncachedTokens ||
                     scorer.kind == ScorerKind::FirstToken || scorer.kind == ScorerKind::Finish;
  }
  for (const FilterSettings& filter : settings_.filters) wants_prefix_ |= filter.kind != FilterKind::KvUsed;
}

std::string_view Composed::name() const { return policy_name(kind_); }

void Composed::weigh(const RequestView& request, const PoolView& view, std::span<const std::uint32_t> candidates) const {
  const std::size_t count = candidates.size();
  totals_.assign(count, 0.0);
  scores_.resize(count * settings_.scorers.size());
  std::span<double> scores = scores_;
  for (const ScorerSettings& scorer : settings_.scorers) {
    const std::span<double> of_this = scores.first(count);
    score(scorer.kind, request, view, candidates, of_this);
    for (std::size_t i = 0; i < count; ++i) totals_[i] += scorer.weight / weights_ * of_this[i];
    scores = scores.subspan(count);
  }
  costs_.resize(count);
  for (std::size_t i = 0; i < count; ++i) costs_[i] = 1.0 - totals_[i];
}

Compared Composed::compared() const { return {.indices = looked_at_, .costs = costs_, .scorers = settings_.scorers, .scores = scores_}; }

std::uint32_t Composed::choose(const RequestView& request, const PoolView& view, Rng& rng) {
  std::span<const std::uint32_t> candidates = sample_.of(view, rng);
  const auto keep = [&] {
    if (passed_.empty() || passed_.size() == candidates.size()) return;
    left_.swap(passed_);
    candidates = left_;
  };
  if (std::any_of(candidates.begin(), candidates.end(),
                  [&](std::uint32_t index) { return slow_start_factor(view.endpoints[index]) > 1; })) {
    passed_.clear();
    for (const std::uint32_t index : candidates) {
      const double factor = slow_start_factor(view.endpoints[index]);
      if (factor <= 1 || rng.uniform() * factor < 1) passed_.push_back(index);
    }
    keep();
  }
  for (const FilterSettings& filter : settings_.filters) {
    passed_.clear();
    for (const std::uint32_t index : candidates) {
      if (passes(filter, request, view, index)) passed_.push_back(index);
    }
    keep();
  }
  weigh(request, view, candidates);
  looked_at_ = candidates;
  if (settings_.picker == PickerKind::Best) {
    std::size_t best = 0;
    std::uint64_t ties = 1;
    for (std::size_t i = 1; i < candidates.size(); ++i) {
      if (totals_[i] > totals_[best]) {
        best = i;
        ties = 1;
      } else if (totals_[i] == totals_[best] && rng.below(++ties) == 0) {
        best = i;
      }
    }
    return candidates[best];
  }
  double sum = 0;
  for (const double total : totals_) sum += total;
  if (sum <= 0) return candidates[rng.below(candidates.size())];
  double at = rng.uniform() * sum;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    at -= totals_[i];
    if (at < 0) return candidates[i];
  }
  return candidates.back();
}

std::optional<double> Composed::cost(const RequestView& request, const PoolView& view, std::uint32_t index) const {
  // Scores compare candidates with each other, so all of them are needed for one.
  weigh(request, view, view.candidates);
  const auto at = std::find(view.candidates.begin(), view.candidates.end(), index);
  if (at == view.candidates.end()) return std::nullopt;
  return costs_[static_cast<std::size_t>(at - view.candidates.begin())];
}

void Composed::costs(const RequestView& request, const PoolView& view, std::span<std::optional<double>> out) const {
  weigh(request, view, view.candidates);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = costs_[i];
}

}  // namespace evener::route
