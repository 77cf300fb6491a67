// Why the scheduler decides as it does, from what the decision worked out.

#include <algorithm>
#include <array>

#include "evener/route/scheduler_state.h"

namespace evener::route {

std::string_view left_out_name(LeftOut reason) {
  switch (reason) {
    case LeftOut::No: return "";
    case LeftOut::Model: return "model";
    case LeftOut::Zone: return unfit_name(Unfit::Zone);
    case LeftOut::Adapter: return unfit_name(Unfit::Adapter);
    case LeftOut::Modality: return unfit_name(Unfit::Modality);
    case LeftOut::Context: return unfit_name(Unfit::Context);
    case LeftOut::Tried: return "tried";
    case LeftOut::Capacity: return "capacity";
    case LeftOut::RateLimit: return "rate_limit";
    case LeftOut::Spend: return "spend";
    case LeftOut::SpillOver: return "spill_over";
    case LeftOut::Reserved: return "reserved";
    case LeftOut::Draining: return "draining";
    case LeftOut::Backoff: return "backoff";
    case LeftOut::Down: return "down";
    case LeftOut::Ejected: return "ejected";
  }
  return "unknown";
}

void Explanation::clear() {
  policy = {};
  endpoints_total = 0;
  endpoints.clear();
  scorers.clear();
  scores.clear();
}

namespace {

/// The endpoint of the pool at `index`, as the policy saw it.
EndpointExplanation seen(const PoolView& view, std::uint32_t index) {
  const EndpointView& endpoint = view.endpoints[index];
  return {.id = endpoint.id, .in_flight = endpoint.in_flight, .cached_tokens = view.cached(index)};
}

void name_scorers(Explanation& out, const Compared& compared) {
  for (const ScorerSettings& scorer : compared.scorers) out.scorers.push_back(scorer_names()[static_cast<std::size_t>(scorer.kind)]);
  out.scores.assign(out.endpoints.size() * compared.scorers.size(), -1.0F);
}

/// What was compared at `position` goes to the listed endpoint `place`.
void take_figures(Explanation& out, std::size_t place, const Compared& compared, std::size_t position) {
  if (compared.costs[position] < CostOfLast) out.endpoints[place].cost = compared.costs[position];
  for (std::size_t scorer = 0; scorer < compared.scorers.size(); ++scorer) {
    out.scores[place * compared.scorers.size() + scorer] = static_cast<float>(compared.scores[scorer * compared.indices.size() + position]);
  }
}

/// The best of what was compared, of a pool too large to be listed, and the chosen one whatever its cost.
void list_best(Explanation& out, const PoolView& view, const Compared& compared, std::uint32_t chosen) {
  std::array<std::size_t, Explanation::BestMax> best{};  // positions in `compared`, by cost
  std::size_t count = 0;
  const auto is_better = [&](std::size_t a, std::size_t b) { return compared.costs[a] < compared.costs[b]; };
  const auto is_listed = [&](std::uint32_t index) {
    return std::any_of(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(count),
                       [&](std::size_t position) { return compared.indices[position] == index; });
  };
  const auto found = std::find(compared.indices.begin(), compared.indices.end(), chosen);
  if (found == compared.indices.end()) return out.endpoints.push_back(seen(view, chosen));
  for (std::size_t position = 0; position < compared.indices.size(); ++position) {
    const bool full = count == best.size();
    if (full && !is_better(position, best.back())) continue;
    if (is_listed(compared.indices[position])) continue;
    std::size_t place = full ? count - 1 : count++;
    for (; place > 0 && is_better(position, best[place - 1]); --place) best[place] = best[place - 1];
    best[place] = position;
  }
  if (!is_listed(chosen)) best[count - 1] = static_cast<std::size_t>(found - compared.indices.begin());
  std::sort(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(count),
            [&](std::size_t a, std::size_t b) { return compared.indices[a] < compared.indices[b]; });
  for (std::size_t i = 0; i < count; ++i) out.endpoints.push_back(seen(view, compared.indices[best[i]]));
  name_scorers(out, compared);
  for (std::size_t i = 0; i < count; ++i) take_figures(out, i, compared, best[i]);
}

}  // namespace

LeftOut Scheduler::State::left_out(const RequestView& request, const Reach& reach, std::span<const EndpointId> tried,
                                   std::uint32_t index) const {
  const Candidates::Group& group = *reach.group;
  if (!std::binary_search(group.members.begin(), group.members.end(), index)) return LeftOut::Model;
  if (reach.limited) {
    switch (unfit(request, book[index], reach.prompt_share)) {
      case Unfit::No: break;
      case Unfit::Zone: return LeftOut::Zone;
      case Unfit::Adapter: return LeftOut::Adapter;
      case Unfit::Modality: return LeftOut::Modality;
      case Unfit::Context: return LeftOut::Context;
    }
  }
  if (std::find(tried.begin(), tried.end(), book[index].id) != tried.end()) return LeftOut::Tried;
  if (std::binary_search(group.usable.begin(), group.usable.end(), index)) return passed_over(index, request);
  const EndpointState& state = states[index];
  if (state.draining) return LeftOut::Draining;
  if (group.panic && state.backoff.until()) return LeftOut::Backoff;
  if (state.checks.down()) return LeftOut::Down;
  return state.outlier.until() ? LeftOut::Ejected : LeftOut::Backoff;
}

void Scheduler::State::list_all(Explanation& out, const RequestView& request, const Reach& reach, std::span<const EndpointId> tried,
                                const PoolView& view) const {
  std::size_t next = 0;  // in view.candidates, which ascend
  for (std::uint32_t index = 0; index < states.size(); ++index) {
    EndpointExplanation& one = out.endpoints.emplace_back(seen(view, index));
    if (next < view.candidates.size() && view.candidates[next] == index) {
      ++next;
    } else {
      one.left_out = left_out(request, reach, tried, index);
    }
  }
}

void Scheduler::State::list_costs(Explanation& out, const RequestView& request, const PoolView& view) {
  costs.assign(view.candidates.size(), std::nullopt);
  policy->costs(request, view, costs);
  for (std::size_t i = 0; i < costs.size(); ++i) out.endpoints[view.candidates[i]].cost = costs[i];
}

void Scheduler::State::explain_choice(Explanation& out, const Arrival& arrival, const Reach& reach, std::span<const EndpointId> tried,
                                      const PoolView& view, std::uint32_t chosen) {
  out.clear();
  out.policy = policy->name();
  out.endpoints_total = static_cast<std::uint32_t>(states.size());
  const bool was_asked = view.candidates.size() > 1;
  const Compared compared = was_asked ? policy->compared() : Compared{};
  if (states.size() > Explanation::ListedMax) {
    list_best(out, view, compared, chosen);
    if (was_asked && compared.indices.empty()) out.endpoints.front().cost = policy->cost(arrival.request, view, chosen);
    return;
  }
  list_all(out, arrival.request, reach, tried, view);
  if (!was_asked) return;
  if (compared.indices.empty()) return list_costs(out, arrival.request, view);
  name_scorers(out, compared);
  for (std::size_t i = 0; i < compared.indices.size(); ++i) take_figures(out, compared.indices[i], compared, i);
}

void Scheduler::State::explain_no_choice(const Arrival& arrival, const Reach& reach, std::span<const EndpointId> tried) {
  Explanation* out = explanation_of(arrival.cookie);
  if (out == nullptr) return;
  out->clear();
  out->policy = policy->name();
  out->endpoints_total = static_cast<std::uint32_t>(states.size());
  if (states.size() <= Explanation::ListedMax) list_all(*out, arrival.request, reach, tried, view_of({}));
}

void Scheduler::explain_to(Explainer* explainer) { state_->explainer = explainer; }

Explanation Scheduler::explain(const RequestView& request, Instant now) const {
  State& s = *state_;
  s.advance(now);
  const State::Reach reach = s.reach_of(request);
  const PoolView view = s.view_for(request, s.select(reach, request, {}));
  Explanation out{.policy = s.policy->name(), .endpoints_total = static_cast<std::uint32_t>(s.states.size())};
  s.list_all(out, request, reach, {}, view);
  if (view.candidates.empty()) return out;
  if (s.membership_changed) s.introduce_endpoints();
  s.list_costs(out, request, view);
  return out;
}

}  // namespace evener::route
