#include "evener/route/candidates.h"

#include <algorithm>

namespace evener::route {

void Candidates::form_groups(std::span<const EndpointState> states) {
  std::vector<std::uint64_t> models;
  for (const EndpointState& state : states) models.insert(models.end(), state.settings.models.begin(), state.settings.models.end());
  std::sort(models.begin(), models.end());
  models.erase(std::unique(models.begin(), models.end()), models.end());

  all_.members.clear();
  unlisted_.members.clear();
  by_model_.assign(models.size(), Group());
  for (std::size_t i = 0; i < models.size(); ++i) by_model_[i].model = models[i];
  for (std::uint32_t index = 0; index < states.size(); ++index) {
    all_.members.push_back(index);
    if (states[index].settings.models.empty()) {
      unlisted_.members.push_back(index);
      for (Group& group : by_model_) group.members.push_back(index);
      continue;
    }
    for (std::uint64_t model : states[index].settings.models) {
      const auto found = std::lower_bound(by_model_.begin(), by_model_.end(), model,
                                          [](const Group& group, std::uint64_t wanted) { return group.model < wanted; });
      if (found->members.empty() || found->members.back() != index) found->members.push_back(index);  // a model may be named twice
    }
  }
  regroup_ = false;
  touch();
}

Candidates::Group& Candidates::of(std::uint64_t model, std::span<const EndpointState> states, double panic_threshold) {
  if (regroup_) form_groups(states);
  Group* group = &all_;
  if (model != 0 && !by_model_.empty()) {
    const auto found = std::lower_bound(by_model_.begin(), by_model_.end(), model,
                                        [](const Group& g, std::uint64_t wanted) { return g.model < wanted; });
    group = found != by_model_.end() && found->model == model ? &*found : &unlisted_;
  }
  if (group->made_for_ != version_) refresh(*group, states, panic_threshold);
  return *group;
}

void Candidates::refresh(Group& group, std::span<const EndpointState> states, double panic_threshold) {
  std::size_t known = 0, awaiting = 0, up = 0;
  bool stands_by = false;
  const bool any_own = std::any_of(group.members.begin(), group.members.end(), [&](std::uint32_t index) { return !states[index].spills_over(); });
  for (std::uint32_t index : group.members) {
    const EndpointState& state = states[index];
    if (any_own && state.spills_over()) {
      stands_by = stands_by || state.health() == Health::Healthy;
      continue;
    }
    if (state.draining) continue;
    const Health health = state.health();
    if (state.checks.awaiting()) {
      ++awaiting;
    } else {
      ++known;
      if (health == Health::Healthy || health == Health::Backoff) ++up;
    }
  }
  const bool judge_awaiting = known == 0;
  const auto judged = static_cast<double>(judge_awaiting ? awaiting : known);
  group.panic = !stands_by && judged > 0 && static_cast<double>(up) < panic_threshold * judged;

  group.usable.clear();
  group.own = 0;
  for (std::uint32_t index : group.members) {
    const EndpointState& state = states[index];
    const bool usable = group.panic ? !state.draining && !state.backoff.until() && state.checks.awaiting() == judge_awaiting
                                    : state.health() == Health::Healthy;
    if (!usable) continue;
    group.usable.push_back(index);
    if (!state.spills_over()) ++group.own;
  }
  group.generation = ++generations_;
  group.own_generation = ++generations_;
  group.made_for_ = version_;
}

}  // namespace evener::route
