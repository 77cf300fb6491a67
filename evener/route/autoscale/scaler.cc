#include "evener/route/autoscale/scaler.h"

#include <algorithm>
#include <cstdio>

namespace evener::route::autoscale {
namespace {

std::string figure(double value) {
  char text[32];
  return {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%.4g", value))};
}

}  // namespace

std::string_view rule_name(Rule rule) {
  switch (rule) {
    case Rule::Proposed: return "as proposed";
    case Rule::NothingKnown: return "nothing known yet";
    case Rule::TooSoon: return "too soon after the last reading";
    case Rule::Stabilised: return "held by the stabilisation window";
    case Rule::Stepped: return "limited by the step policies";
    case Rule::Cooling: return "cooling down";
    case Rule::Young: return "replicas are younger than their least life";
    case Rule::Least: return "the least number allowed";
    case Rule::Most: return "the greatest number allowed";
    case Rule::Woken: return "requests wait for a first replica";
    case Rule::Idle: return "idle";
  }
  return "";
}

const Vote* Decision::leader() const {
  const auto found =
      std::max_element(votes.begin(), votes.end(), [](const Vote& a, const Vote& b) { return a.proposal.replicas < b.proposal.replicas; });
  return found == votes.end() ? nullptr : &*found;
}

std::string Decision::explain() const {
  std::string text = std::to_string(current) + " -> " + std::to_string(desired) + ": ";
  if (const Vote* vote = leader()) {
    text.append(vote->controller).append(" asks for ").append(std::to_string(vote->proposal.replicas));
    if (vote->proposal.per_replica > 0) {
      text.append(" (")
          .append(figure(vote->proposal.load))
          .append(" at ")
          .append(figure(vote->proposal.per_replica))
          .append(" per replica)");
    }
    text.append(", ");
  }
  return text.append(rule_name(rule));
}

Scaler::Scaler(ScalerSettings settings, std::vector<std::unique_ptr<Controller>> controllers)
    : settings_(std::move(settings)), controllers_(std::move(controllers)), pace_(settings_.behaviour) {}

Decision Scaler::decide(const Reading& reading) {
  Decision decision{.current = reading.replicas(), .desired = reading.replicas()};
  if (too_soon(reading.now)) {
    decision.rule = Rule::TooSoon;
    return decision;
  }
  const bool active = reading.arrivals_per_s > 0 || reading.in_flight > 0 || reading.queued > 0;
  if (active || !decided_) active_ = reading.now;
  last_ = reading.now;
  decided_ = true;

  const std::uint32_t recommended = recommend(reading, decision);
  if (decision.current == 0 && active && settings_.most > 0) {
    // Held requests wait for this; no window, step or cool-down is worth their time.
    decision.desired = std::clamp<std::uint32_t>(recommended, 1, settings_.most);
    decision.rule = Rule::Woken;
  } else {
    const Pace::Step step = pace_.step(reading.now, decision.current, recommended);
    decision.desired = step.replicas;
    if (step.brake != Brake::None) decision.rule = step.brake == Brake::Stabilised ? Rule::Stabilised : Rule::Stepped;
    restrain(reading, decision);
  }
  if (decision.desired != decision.current) remember(reading.now, decision);
  return decision;
}

void Scaler::started(Duration took) {
  for (const auto& controller : controllers_) controller->started(took);
}

void Scaler::configure(ScalerSettings settings) {
  settings_ = std::move(settings);
  pace_.configure(settings_.behaviour);
}

std::uint32_t Scaler::recommend(const Reading& reading, Decision& decision) {
  for (const auto& controller : controllers_) {
    if (const auto proposal = controller->propose(reading)) decision.votes.push_back({controller->name(), *proposal});
  }
  const Vote* leader = decision.leader();
  if (leader == nullptr) decision.rule = Rule::NothingKnown;
  const std::uint32_t recommended = leader != nullptr ? leader->proposal.replicas : decision.current;
  if (settings_.least > 0) return recommended;
  if (reading.now - active_ >= settings_.idle_before_zero) {
    // Forecasts and schedules may still ask for replicas; a pool that may be empty is so only when none of them does.
    if (recommended == 0) decision.rule = Rule::Idle;
    return recommended;
  }
  return std::max(recommended, std::min<std::uint32_t>(decision.current, 1));
}

void Scaler::restrain(const Reading& reading, Decision& decision) const {
  const auto hold_at = [&decision](std::uint32_t replicas, Rule rule) {
    decision.desired = replicas;
    decision.rule = rule;
  };
  const bool cooling = decision.desired > decision.current   ? has_grown_ && reading.now - grew_ < settings_.up_cooldown
                       : decision.desired < decision.current ? has_changed_ && reading.now - changed_ < settings_.down_cooldown
                                                             : false;
  if (cooling) hold_at(decision.current, Rule::Cooling);
  if (decision.desired < decision.current) {
    std::uint32_t young = 0;
    for (const Start& start : starts_) {
      if (reading.now - start.at < settings_.minimum_life) young += start.replicas;
    }
    young = std::min(young, decision.current);
    if (decision.desired < young) hold_at(young, Rule::Young);
  }
  if (decision.desired < settings_.least) hold_at(settings_.least, Rule::Least);
  if (decision.desired > settings_.most) hold_at(settings_.most, Rule::Most);
}

void Scaler::remember(Instant now, const Decision& decision) {
  pace_.changed(now, decision.current, decision.desired);
  changed_ = now;
  has_changed_ = true;
  if (decision.desired < decision.current) return;
  grew_ = now;
  has_grown_ = true;
  starts_.push_back({now, decision.desired - decision.current});
  while (now - starts_.front().at > std::max(settings_.minimum_life, Duration::zero())) starts_.pop_front();
}

}  // namespace evener::route::autoscale
