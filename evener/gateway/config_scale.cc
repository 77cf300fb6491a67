#include "evener/gateway/config_scale.h"

#include <optional>

#include "evener/route/autoscale/kinds.h"

namespace evener::gateway {
namespace {

using namespace evener::config;  // the vocabulary of descriptions
using namespace route::autoscale;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Of<Measure> measure() {
  return one_of<Measure>({{Measure::Waiting, "waiting", "Requests that are being served or wait in the queue."},
                          {Measure::InFlight, "in_flight", "Requests that are being served."},
                          {Measure::Arrivals, "arrivals", "Requests that come per second."}});
}

constexpr std::string_view MeasureDoc = "What the load is measured by.";
Of<double> amount() { return number({0.001, 1e6}); }
Of<Duration> window() { return duration({seconds(1), WindowMax}); }

Of<TargetTrackingSettings> target() {
  using T = TargetTrackingSettings;
  return Describe<T>("target", "Target tracking as in Kubernetes: as many replicas as bring each to its target.")
      .field("measure", &T::target, &Target::measure, measure(), {.doc = std::string(MeasureDoc)})
      .field("per_replica", &T::target, &Target::per_replica, amount(), {.doc = "How much of it one replica is to have."})
      .field("tolerance", &T::tolerance, number({0, 1}),
             {.doc = "Share of the target by which the load may be off before anything changes."})
      .field("window", &T::window, window(), {.doc = "Over which the load is averaged."})
      .done();
}

Of<PanicWindowSettings> panic() {
  using P = PanicWindowSettings;
  return Describe<P>("panic",
                     "A long window beside a short one, as in Knative: when the short one asks for a multiple of what is ready, nothing "
                     "shrinks for a while.")
      .field("measure", &P::target, &Target::measure, measure(), {.doc = std::string(MeasureDoc)})
      .field("per_replica", &P::target, &Target::per_replica, amount(), {.doc = "How much of it one replica is to have."})
      .field("stable", &P::stable, window(), {.doc = "The long window."})
      .field("panic_share", &P::panic_share, number({0.01, 1}), {.doc = "The short window, as a share of the long one."})
      .field("panic_threshold", &P::panic_threshold, number({1.1, 100}),
             {.doc = "What the short window asks for over what is ready, from which on it is a panic."})
      .field("up_max", &P::up_max, number({1.1, 1000}), {.doc = "Most growth from one reading to the next, as a factor."})
      .field("down_max", &P::down_max, number({1.1, 1000}), {.doc = "The same for shrinking."})
      .done();
}

Of<BacklogSettings> backlog() {
  using B = BacklogSettings;
  return Describe<B>("backlog", "Enough replicas for what arrives, and to work off what waits within a time.")
      .field("per_replica_per_s", &B::per_replica_per_s, amount(), {.doc = "Requests per second that one replica serves."})
      .field("drain", &B::drain, duration({seconds(1), hours(24)}), {.doc = "Time within which what waits is to be worked off."})
      .field("window", &B::window, window(), {.doc = "Over which arrivals are averaged."})
      .done();
}

Of<ObjectiveSettings> objective() {
  using O = ObjectiveSettings;
  return Describe<O>("objective",
                     "As many replicas as keep answers in time, by what was learned of their speed. Silent until speeds and token counts "
                     "are known.")
      .field("first_token_s", &O::first_token_s, number({0.001, 3600}), {.doc = "Seconds to the first token of the mean request."})
      .field("token_s", &O::token_s, number({0.0001, 60}), {.doc = "Seconds from one token to the next."})
      .field("share", &O::share, number({0.05, 1}), {.doc = "Share of the highest rate that meets both which is planned with."})
      .field("window", &O::window, window(), {.doc = "Over which arrivals are averaged."})
      .done();
}

Of<ScheduleRuleConfig> schedule_rule() {
  using S = ScheduleRuleConfig;
  const auto time = [] {
    return text({.what = "a time of the day HH:MM",
                 .bytes_max = 5,
                 .may_be_empty = false,
                 .pattern = "^[0-2][0-9]:[0-5][0-9]$",
                 .check = check_time_of_day});
  };
  return Describe<S>("schedule", "At least so many replicas at these times, in the time zone of the gateway's process (TZ).")
      .field("days", &S::days,
             list_of(one_of<Day>({{Day::Monday, "mon", "Monday."},
                                  {Day::Tuesday, "tue", "Tuesday."},
                                  {Day::Wednesday, "wed", "Wednesday."},
                                  {Day::Thursday, "thu", "Thursday."},
                                  {Day::Friday, "fri", "Friday."},
                                  {Day::Saturday, "sat", "Saturday."},
                                  {Day::Sunday, "sun", "Sunday."}}),
                     {0, 7}),
             {.doc = "On which it begins. Empty: every day."})
      .field("from", &S::from, time(), {.doc = "When it begins. Give start-up its time."})
      .field("until", &S::until, time(), {.doc = "When it ends; at or before from: on the next day."})
      .field("replicas", &S::replicas, whole_number<std::uint32_t>({0, ReplicasMax}), {.doc = "How many, at least."})
      .done();
}

Of<PredictiveFloorSettings> predictive() {
  using P = PredictiveFloorSettings;
  return Describe<P>("predictive",
                     "As many replicas as a forecast's bound needs when one that is started now will serve. It is silent until it has some "
                     "hours of history, so it stands beside another.")
      .field("measure", &P::target, &Target::measure, measure(), {.doc = std::string(MeasureDoc)})
      .field("per_replica", &P::target, &Target::per_replica, amount(), {.doc = "How much of it one replica can carry."})
      .field("share", &P::share, number({0.05, 1}), {.doc = "Share of that which is planned with."})
      .field("quantile", &P::quantile, number({0.5, 0.999}), {.doc = "Share of the loads that are to stay below the forecast's bound."})
      .field("step", &P::step, duration({PredictiveFloor::StepMin, hours(1)}), {.doc = "Of the series that is forecast."})
      .field("season", &P::season, duration({minutes(1), hours(24 * 7)}),
             {.doc = "After which loads come again, usually a day; at most 2,880 steps are looked back."})
      .field("startup", &P::startup, duration({seconds(1), hours(2)}),
             {.doc = "From the start of a replica until it serves, until that has been measured."})
      .field("outage", &P::outage, duration({minutes(1), hours(24)}, "never"),
             {.doc = "How long a collapse of the load is taken for an outage somewhere before the pool."})
      .done();
}

Of<StepPolicy> step_policy() {
  using P = StepPolicy;
  return Describe<P>("step", "A bound on a change.")
      .field("unit", &P::unit,
             one_of<P::Unit>({{P::Unit::Replicas, "replicas", "A number of replicas."},
                              {P::Unit::Percent, "percent", "A share of those that there were."}}),
             {.doc = "What it is counted in."})
      .field("most", &P::most, number({0, 1e6}), {.doc = "Largest change within the period.", .presence = Presence::Required})
      .field("period", &P::period, duration({seconds(1), PeriodMax}), {.doc = "The period."})
      .done();
}

Of<KindConfig> kind() {
  using K = KindConfig;
  return Describe<K>("kind",
                     "One kind of replica. The pool grows by the kind that is cheapest for its capacity, and shrinks by the dearest.")
      .field("name", &K::name, text({.what = "a word of yours", .bytes_max = 64, .may_be_empty = false}),
             {.doc = "Unique in the pool.", .presence = Presence::Required})
      .field("capacity", &K::capacity, number({0.01, 1000}),
             {.doc = "How many replicas it stands for. Targets, least and most of the pool are about replicas of capacity 1; weight and "
                     "capacity of replica are multiplied by it."})
      .field("price_per_hour", &K::price_per_hour, number({0, 1e6}), {.doc = "What one costs."})
      .field("least", &K::least, whole_number<std::uint32_t>({0, ReplicasMax}), {.doc = "Fewest of this kind."})
      .field("most", &K::most, whole_number<std::uint32_t>({0, ReplicasMax}), {.doc = "Most of this kind."})
      .field("actuator", &K::actuator, describe_actuator(), {.doc = "What starts and stops them."})
      .done();
}

/// Of either direction; the same fields with other defaults.
template <class D>
Of<D> direction(std::string name, std::string doc) {
  return Describe<D>(std::move(name), std::move(doc))
      .field("stabilisation", &D::rules, &Direction::stabilisation, duration({Duration::zero(), WindowMax}),
             {.doc = "The most careful recommendation of this time is taken."})
      .field("policies", &D::rules, &Direction::policies, list_of(step_policy(), {0, StepPoliciesMax}),
             {.doc = "Bounds on the change. Empty: as in Kubernetes, growing by 100 % or 4 replicas in 15 s, whichever is more, and "
                     "shrinking by 100 %."})
      .field("select", &D::rules, &Direction::select,
             one_of<Select>({{Select::Largest, "largest", "The policy that allows most counts."},
                             {Select::Smallest, "smallest", "The one that allows least."},
                             {Select::Disabled, "disabled", "No change in this direction."}}),
             {.doc = "Which of several policies counts."})
      .done();
}

Of<BehaviourConfig> behaviour() {
  using B = BehaviourConfig;
  return Describe<B>("behaviour", "How fast a pool may grow and shrink, as in a HorizontalPodAutoscaler.")
      .field("up", &B::up, direction<UpConfig>("up", "How fast it may grow."), {.doc = "Growing."})
      .field("down", &B::down, direction<DownConfig>("down", "How fast it may shrink."), {.doc = "Shrinking."})
      .done();
}

std::optional<std::uint32_t> minute_of_day(std::string_view text) {
  const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9' ? text[at] - '0' : 100; };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const int hour = digit(0) * 10 + digit(1), minute = digit(3) * 10 + digit(4);
  if (minute > 59 || hour * 60 + minute > static_cast<int>(MinutesOfDay)) return std::nullopt;
  return static_cast<std::uint32_t>(hour * 60 + minute);
}

std::vector<ScheduleRule> schedule_rules(const std::vector<ScheduleRuleConfig>& configs) {
  std::vector<ScheduleRule> rules;
  for (const ScheduleRuleConfig& config : configs) {
    ScheduleRule rule{.from_minute = minute_of_day(config.from).value_or(0),
                      .until_minute = minute_of_day(config.until).value_or(MinutesOfDay),
                      .replicas = config.replicas};
    if (!config.days.empty()) rule.days.fill(false);
    for (const Day day : config.days) rule.days[static_cast<std::size_t>(day)] = true;
    rules.push_back(rule);
  }
  return rules;
}

std::unique_ptr<Controller> make_controller(ControllerKind kind, const ScaleConfig& config) {
  switch (kind) {
    case ControllerKind::Target: return std::make_unique<TargetTracking>(config.target);
    case ControllerKind::Panic: return std::make_unique<PanicWindow>(config.panic);
    case ControllerKind::Backlog: return std::make_unique<Backlog>(config.backlog);
    case ControllerKind::Objective: return std::make_unique<Objective>(config.objective);
    case ControllerKind::Schedule: return std::make_unique<Schedule>(schedule_rules(config.schedule));
    case ControllerKind::Predictive: return std::make_unique<PredictiveFloor>(config.predictive);
  }
  return nullptr;
}

}  // namespace

Of<ScaleConfig> describe_scale() {
  using S = ScaleConfig;
  const auto limits = &S::limits;
  return Describe<S>("scale", "How many replicas the pool has, and who starts and stops them; see docs/scaling.md.")
      .field("actuator", &S::actuator, describe_actuator(), {.doc = "What starts and stops replicas."})
      .field("kinds", &S::kinds, list_of(kind(), {0, KindsMax}), {.doc = "Several kinds of replicas, instead of an actuator for all."})
      .field("least", limits, &ScalerSettings::least, whole_number<std::uint32_t>({0, ReplicasMax}),
             {.doc = "Fewest replicas. 0: none while nothing comes; a request then waits in the queue for the first one."})
      .field("most", limits, &ScalerSettings::most, whole_number<std::uint32_t>({1, ReplicasMax}), {.doc = "Most replicas."})
      .field("controllers", &S::controllers,
             list_of(one_of<ControllerKind>({{ControllerKind::Target, "target", "Target tracking."},
                                             {ControllerKind::Panic, "panic", "Panic windows."},
                                             {ControllerKind::Backlog, "backlog", "By what arrives and waits."},
                                             {ControllerKind::Objective, "objective", "By learned speed."},
                                             {ControllerKind::Schedule, "schedule", "By the time of the week."},
                                             {ControllerKind::Predictive, "predictive", "By a forecast."}}),
                     {1, 6}),
             {.doc = "Who proposes a number of replicas; the largest proposal counts."})
      .field("target", &S::target, target(), {.doc = "Settings of the controller target."})
      .field("panic", &S::panic, panic(), {.doc = "Settings of the controller panic."})
      .field("backlog", &S::backlog, backlog(), {.doc = "Settings of the controller backlog."})
      .field("objective", &S::objective, objective(), {.doc = "Settings of the controller objective."})
      .field("schedule", &S::schedule, list_of(schedule_rule(), {0, ScheduleRulesMax}), {.doc = "Rules of the controller schedule."})
      .field("predictive", &S::predictive, predictive(), {.doc = "Settings of the controller predictive."})
      .field("every", &S::every, duration({ReadingGapMin, minutes(10)}),
             {.doc = "Time from one reading of the load, and decision, to the next."})
      .field("behaviour", &S::behaviour, behaviour(), {.doc = "How fast it may grow and shrink."})
      .field("up_cooldown", limits, &ScalerSettings::up_cooldown, duration({Duration::zero(), hours(24)}),
             {.doc = "After growing, before growing again."})
      .field("down_cooldown", limits, &ScalerSettings::down_cooldown, duration({Duration::zero(), hours(24)}),
             {.doc = "After any change, before shrinking."})
      .field("minimum_life", limits, &ScalerSettings::minimum_life, duration({Duration::zero(), hours(24)}),
             {.doc = "Least life of a replica."})
      .field("idle_before_zero", limits, &ScalerSettings::idle_before_zero, duration({seconds(1), hours(24)}),
             {.doc = "With least: 0, time without requests after which there are no replicas."})
      .field(
          "drain_max", &S::drain_max, duration({Duration::zero(), hours(24)}),
          {.doc =
               "A replica that is no longer wanted gets no new requests and is stopped when those it has have ended, or after this time."})
      .done();
}

std::string check_time_of_day(std::string_view text) {
  return minute_of_day(text) ? std::string() : "a time of the day HH:MM, up to 24:00";
}

std::vector<KindConfig> kinds_of(const ScaleConfig& config) {
  if (!config.kinds.empty()) return config.kinds;
  return {{.most = config.limits.most, .actuator = config.actuator}};
}

ScalerSettings scaler_settings(const ScaleConfig& config) {
  ScalerSettings settings = config.limits;
  const Behaviour usual = Behaviour::kubernetes();
  settings.behaviour = {.up = config.behaviour.up.rules, .down = config.behaviour.down.rules};
  if (settings.behaviour.up.policies.empty()) settings.behaviour.up.policies = usual.up.policies;
  if (settings.behaviour.down.policies.empty()) settings.behaviour.down.policies = usual.down.policies;
  return settings;
}

Scaler make_scaler(const ScaleConfig& config) {
  std::vector<std::unique_ptr<Controller>> controllers;
  for (const ControllerKind kind : config.controllers) controllers.push_back(make_controller(kind, config));
  return {scaler_settings(config), std::move(controllers)};
}

bool same_controllers(const ScaleConfig& a, const ScaleConfig& b) {
  return a.controllers == b.controllers && a.target == b.target && a.panic == b.panic && a.backlog == b.backlog &&
         a.objective == b.objective && a.schedule == b.schedule && a.predictive == b.predictive;
}

}  // namespace evener::gateway
