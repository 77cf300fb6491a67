#include "evener/gateway/controlled_pool.h"

#include <algorithm>

#include "evener/gateway/control.h"

namespace evener::gateway {
namespace {

/// Each figure of a speed is learned on its own, so each is averaged over those who know it.
class MeanSpeed {
 public:
  void add(const route::SpeedView& speed) {
    if (speed.first_token_known()) {
      sum_.base_s += speed.base_s;
      sum_.prefill_s_per_token += speed.prefill_s_per_token;
      ++first_tokens_;
    }
    if (speed.token_known()) {
      sum_.step_s += speed.step_s;
      sum_.step_s_per_request += speed.step_s_per_request;
      ++tokens_;
    }
  }
  [[nodiscard]] route::SpeedView mean() const {
    const double first_tokens = std::max(first_tokens_, 1), tokens = std::max(tokens_, 1);
    return {.base_s = sum_.base_s / first_tokens,
            .prefill_s_per_token = sum_.prefill_s_per_token / first_tokens,
            .step_s = sum_.step_s / tokens,
            .step_s_per_request = sum_.step_s_per_request / tokens};
  }

 private:
  route::SpeedView sum_;
  int first_tokens_ = 0, tokens_ = 0;
};

ScaledPool::Sample look_at(const ManagedPool& pool, Instant now) {
  ScaledPool::Sample sample;
  const Pool::Traffic traffic = pool.pool->traffic();
  sample.arrivals = traffic.arrivals;
  sample.answers = traffic.reports;
  sample.prompt_tokens = traffic.prompt_tokens;
  sample.output_tokens = traffic.output_tokens;
  using State = ScaledPool::Member::State;
  for (const auto& joining : pool.joining) {
    sample.members.push_back(
        {.url = joining->config.url, .kind = joining->kind, .state = joining->leaving ? State::Draining : State::Checking});
  }
  const auto statuses = pool.pool->with_scheduler(now, [&](route::RecordedScheduler& scheduler) {
    sample.queued = static_cast<std::uint32_t>(scheduler.queued());
    return scheduler.status(now);
  });
  MeanSpeed speed;
  std::size_t at = 0;
  for (const auto& endpoint : pool.endpoints) {  // both by rising id
    while (at < statuses.size() && statuses[at].id < endpoint->id) ++at;
    if (at == statuses.size()) break;
    const route::EndpointStatus& status = statuses[at];
    if (status.id != endpoint->id || endpoint->config.external.enabled) continue;  // what others own says nothing of our replicas
    const bool healthy = status.health == route::Health::Healthy;
    sample.in_flight += status.in_flight;
    if (healthy) ++sample.healthy;
    speed.add(status.speed);
    if (!endpoint->scaled) continue;
    sample.members.push_back({.url = endpoint->config.url,
                              .kind = endpoint->kind,
                              .state = endpoint->leaving ? State::Draining : State::Serving,
                              .healthy = healthy,
                              .in_flight = status.in_flight});
  }
  sample.speed = speed.mean();
  return sample;
}

}  // namespace

ScaledPool::Sample ControlledPool::sample() {
  return control_.call([this] {
    const ManagedPool* pool = control_.find_pool(pool_);
    return pool == nullptr ? Sample() : look_at(*pool, control_.reactor.now());
  });
}

void ControlledPool::join(const std::string& url, const std::string& kind) {
  control_.call([&] { control_.join_replica(pool_, url, kind); });
}

void ControlledPool::leave(const std::string& url) {
  control_.call([&] { control_.leave_replica(pool_, url); });
}

void ControlledPool::drain(const std::string& url, Drain drain) {
  control_.call(
      [&] { control_.drain_replica(pool_, url, drain == Drain::Yes ? route::Scheduler::Drain::Yes : route::Scheduler::Drain::No); });
}

bool ControlledPool::draining() const { return control_.shared().draining.load(); }

}  // namespace evener::gateway
