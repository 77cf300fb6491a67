#include "evener/gateway/scaling.h"

#include <atomic>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "evener/base/clock.h"
#include "evener/gateway/controlled_pool.h"

namespace evener::gateway {
namespace {

constexpr Duration TurnInterval = std::chrono::milliseconds(200);

std::uint32_t minute_of_week() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  constexpr int Sunday = 6;  // weeks begin with Monday here, with Sunday there
  return static_cast<std::uint32_t>((((local.tm_wday + Sunday) % 7) * 24 + local.tm_hour) * 60 + local.tm_min);
}

}  // namespace

struct Scaling::Runner {
  Runner(Control& control, std::string pool, const ScaleConfig& config) : view(control, pool), name(std::move(pool)), wanted(config) {
    thread = std::thread([this] { run(); });
  }
  ~Runner() {
    end(End::AtOnce);
    thread.join();
  }

  enum class End : std::uint8_t { No, AfterDrain, AtOnce };
  void end(End how) {
    const std::lock_guard lock(mutex);
    if (how > ending) ending = how;
    changed.notify_all();
  }

  void run() {
    ScaleConfig config;
    std::unique_ptr<PoolScaling> scaling;
    std::unique_lock lock(mutex);
    while (ending == End::No) {
      if (wanted != config) {
        config = wanted;
        lock.unlock();  // an actuator that ends may take its time
        if (scaling == nullptr) {
          scaling = std::make_unique<PoolScaling>(name, config, view,
                                                  [this](const KindConfig& kind) { return make_actuator(name, kind.actuator, kind.most); });
        } else {
          scaling->configure(config);
        }
        lock.lock();
      }
      if (const auto held = std::exchange(hold, std::nullopt)) {
        held->replicas ? scaling->hold(*held->replicas, held->until) : scaling->release();
      }
      lock.unlock();
      scaling->turn({.now = monotonic_now(), .minute_of_week = minute_of_week(), .decide = !view.draining()});
      ScalingStatus now = scaling->status();
      lock.lock();
      status = std::move(now);
      changed.wait_for(lock, TurnInterval, [this] { return ending != End::No || hold.has_value(); });
    }
    // The pool is gone, but requests that its replicas have may go on.
    changed.wait_for(lock, config.drain_max, [this] { return ending == End::AtOnce; });
    lock.unlock();
    scaling.reset();
    ended.store(true);
  }

  struct Hold {
    std::optional<std::uint32_t> replicas;  // nothing: as the scaler decides
    Instant until{};
  };
  ControlledPool view;
  const std::string name;
  std::mutex mutex;
  std::condition_variable changed;
  ScaleConfig wanted;
  std::optional<Hold> hold;
  ScalingStatus status;
  End ending = End::No;
  std::atomic<bool> ended{false};
  std::thread thread;
};

Scaling::Scaling(Control& control) : control_(control) {}
Scaling::~Scaling() { stop(); }

void Scaling::apply(const Config& config) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  std::erase_if(leaving_, [](const auto& runner) { return runner->ended.load(); });
  const auto scaled = [&](const std::string& name) {
    for (const PoolConfig& pool : config.pools) {
      if (pool.name == name) return pool.scale.enabled();
    }
    return false;
  };
  for (auto each = runners_.begin(); each != runners_.end();) {
    if (scaled(each->first)) {
      ++each;
      continue;
    }
    each->second->end(Runner::End::AfterDrain);
    leaving_.push_back(std::move(each->second));
    each = runners_.erase(each);
  }
  for (const PoolConfig& pool : config.pools) {
    if (!pool.scale.enabled()) continue;
    std::unique_ptr<Runner>& runner = runners_[pool.name];
    if (runner == nullptr) {
      runner = std::make_unique<Runner>(control_, pool.name, pool.scale);
    } else {
      const std::lock_guard inner(runner->mutex);
      runner->wanted = pool.scale;
    }
  }
}

void Scaling::stop() {
  std::vector<std::unique_ptr<Runner>> all;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    all.swap(leaving_);
    for (auto& [name, runner] : runners_) all.push_back(std::move(runner));
    runners_.clear();
  }
  // All are told first, so that they end at the same time. Each may still wait for the control thread, which may wait for our mutex.
  for (const auto& runner : all) runner->end(Runner::End::AtOnce);
}

std::vector<ScalingStatus> Scaling::status() const {
  std::vector<ScalingStatus> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, runner] : runners_) {
    const std::lock_guard inner(runner->mutex);
    if (!runner->status.pool.empty()) all.push_back(runner->status);
  }
  return all;
}

Scaling::Held Scaling::hold(std::string_view pool, std::uint32_t replicas, Duration how_long) {
  const std::lock_guard lock(mutex_);
  const auto found = runners_.find(pool);
  if (found == runners_.end()) return Held::NoSuchPool;
  const std::lock_guard inner(found->second->mutex);
  if (replicas > found->second->wanted.limits.most) return Held::OutOfLimits;
  found->second->hold = {.replicas = replicas, .until = monotonic_now() + how_long};
  found->second->changed.notify_all();
  return Held::Yes;
}

Scaling::Held Scaling::release(std::string_view pool) {
  const std::lock_guard lock(mutex_);
  const auto found = runners_.find(pool);
  if (found == runners_.end()) return Held::NoSuchPool;
  const std::lock_guard inner(found->second->mutex);
  found->second->hold = Runner::Hold{};
  found->second->changed.notify_all();
  return Held::Yes;
}

}  // namespace evener::gateway
