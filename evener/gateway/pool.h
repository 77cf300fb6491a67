#pragma once
// Pool: one scheduler behind one mutex, with what it takes to use it from many worker threads: leases that end whatever happens, waiters
// that are woken on their own reactor, and a short memory of recent decisions. All deciding is the scheduler's.

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "evener/gateway/config.h"
#include "evener/gateway/metrics.h"
#include "evener/gateway/model_estimates.h"
#include "evener/net/address.h"
#include "evener/net/reactor.h"
#include "evener/route/recorded_scheduler.h"
#include "evener/route/scheduler.h"

namespace evener::gateway {

/// An endpoint as the data path needs it. Immutable: when its address or settings change, a new value with the same id is published.
struct Endpoint {
  EndpointId id{};
  EndpointConfig config;
  net::Address address;  // the one in use; chosen among what its name resolves to
  bool resolved = false;
  std::string host_header;
  std::string path_prefix;    // of its URL, without a trailing '/'
  std::string authorization;  // value of the Authorization header sent to it; empty = the client's is passed on
  std::shared_ptr<const EndpointMetrics> metrics;

  /// The name this endpoint knows the model by.
  [[nodiscard]] std::string_view model_name(std::string_view served) const;
};

/// One kept decision, for `explain`. Slots of the ring are written in place, so that keeping one allocates nothing once it is warm.
struct DecisionRecord {
  std::uint64_t number = 0;  // counts up from 1; 0 = empty slot
  std::string request_id;
  std::string model;
  std::int64_t at_wall_ns = 0;
  std::uint32_t attempt = 1;                                              // 1 = the first
  std::variant<route::Dispatch, route::Queued, route::Refusal> decision;  // Queued only as long as it waits
  std::optional<Duration> waited;                                         // in the queue, until the decision
  route::Explanation explanation;                                         // of this decision, or of the one that ended the wait
  bool ended = false;                                                     // also when the client left the queue
  route::Outcome outcome;                                                 // valid when ended
};

/// A queued request's place to be told. Lives in its coroutine; used on its reactor's thread only.
struct Waiter {
  explicit Waiter(net::Reactor& owner) : reactor(owner), told(owner) {}
  net::Reactor& reactor;
  net::Event told;           // a message of the pool has come; two can come before its coroutine has run, so look at what they brought
  std::uint64_t number = 0;  // of the kept decision; used under the pool's mutex only
  std::unique_ptr<const std::variant<route::Dispatch, route::Refusal>> decision;  // of its release; large, and few ever wait
  Duration waited{};

  // Giving way to a more urgent request. Until its attempt is finished, or has its first token, a request that may be pre-empted can be named by
  // any thread that asks the pool, even before it has heard of its release; then give_way() comes on this reactor, and `told` is set. Whoever
  // owns the waiter keeps it until then.
  void (*give_way)(void* context) = nullptr;  // nullptr = it does not
  void* context = nullptr;
  Instant came{};  // of one that gave way: as in route::Arrival
  Duration waited_before{};
  bool named = false;  // written under the pool's mutex; read by its own thread after finished()
  bool asked = false;  // give_way() has come
};

class Pool final : private route::Explainer {
 public:
  static constexpr std::size_t DecisionsKept = 1024;

  /// What its scheduler sees and decides goes to `recording`, if there is one.
  Pool(const PoolConfig& config, std::uint64_t seed, PoolMetrics metrics, std::unique_ptr<route::RecordingSink> recording = nullptr);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const PoolMetrics& metrics() const { return metrics_; }
  /// Thread-safe.
  [[nodiscard]] ModelEstimates& estimates() { return estimates_; }

  /// A decision and the number under which it is kept (see decision()).
  struct Decided {
    route::Decision decision;
    std::uint64_t number = 0;
  };
  /// The first decision about a request. When it is Queued, `waiter.told` is set later, on the waiter's reactor.
  [[nodiscard]] Decided arrived(std::string_view request_id, std::string_view model, const route::RequestView& request, Waiter& waiter,
                                Instant now);
  /// The next attempt, after every earlier one was reported by finished(). May be Queued like the first when it is a Failover.
  [[nodiscard]] Decided retry(std::string_view request_id, std::string_view model, const route::RequestView& request,
                              std::span<const EndpointId> tried, route::Scheduler::Attempt attempt, Waiter& waiter, Instant now);
  void first_token(EndpointId endpoint, route::Share& share, Duration since_dispatch, Instant now);
  void allowance_told(EndpointId endpoint, const route::Share& share, const RateAllowance& allowance, Instant now);
  /// Ends an attempt; every Dispatch needs exactly one (see Lease).
  void finished(EndpointId endpoint, const route::Outcome& outcome, route::Scheduler::Attempt attempt, std::uint64_t number, Instant now);
  /// A queued request whose client has gone leaves. False when it was released already: its waiter will be set.
  bool abandoned(const Decided& queued, Instant now);

  /// Anything else: calls `use(scheduler)` under the mutex, then wakes whoever it released. `use` must not block.
  template <class Use>
  auto with_scheduler(Instant now, Use use) {
    std::vector<route::Released> released;
    std::unique_lock lock(mutex_);
    if constexpr (std::is_void_v<decltype(use(scheduler_))>) {
      use(scheduler_);
      release_locked(released, now);
      lock.unlock();
      wake(released);
    } else {
      auto result = use(scheduler_);
      release_locked(released, now);
      lock.unlock();
      wake(released);
      return result;
    }
  }

  /// For news of the endpoints' caches, which free no capacity: calls `use(scheduler)` under the mutex. `use` must not block.
  template <class Use>
  void with_caches(Use use) {
    const std::lock_guard lock(mutex_);
    use(scheduler_);
  }

  /// What has come and been answered since the pool began.
  struct Traffic {
    std::uint64_t arrivals = 0;
    std::uint64_t reports = 0, prompt_tokens = 0, output_tokens = 0;  // of answers that said what they took; cached tokens are not counted
  };
  [[nodiscard]] Traffic traffic() {
    const std::lock_guard lock(mutex_);
    return traffic_;
  }

  /// The newest decisions first, at most `most`; only those of one request when an id is given.
  [[nodiscard]] std::vector<DecisionRecord> decisions(std::string_view request_id, std::size_t most);

 private:
  route::Explanation* explanation_of(std::uint64_t cookie) override;
  /// Makes room for the next decision, before it is taken.
  DecisionRecord& begin_locked(std::string_view request_id, std::string_view model, std::uint32_t attempt);
  void release_locked(std::vector<route::Released>& released, Instant now);
  [[nodiscard]] std::vector<route::Preempt> victims_locked();
  void observe_predictions(const route::Outcome& outcome) const;
  static void wake(const std::vector<route::Released>& released);
  static void tell(const std::vector<route::Preempt>& victims);

  const std::string name_;
  const PoolMetrics metrics_;
  ModelEstimates estimates_;
  std::mutex mutex_;
  route::RecordedScheduler scheduler_;
  Traffic traffic_;
  std::vector<route::Released> released_scratch_;
  std::vector<DecisionRecord> decisions_;
  std::uint64_t decisions_made_ = 0;
};

/// Capacity held on an endpoint for one attempt. If nobody says how the attempt ended, it ends as Cancelled: nothing leaks on any path.
class Lease {
 public:
  Lease() = default;
  Lease(Pool& pool, const route::Dispatch& dispatch, route::Scheduler::Attempt attempt, std::uint64_t number, const net::Reactor& reactor)
      : pool_(&pool),
        reactor_(&reactor),
        endpoint_(dispatch.endpoint),
        attempt_(attempt),
        share_(dispatch.share),
        number_(number),
        since_(reactor.now()) {}
  Lease(Lease&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)),
        reactor_(other.reactor_),
        endpoint_(other.endpoint_),
        attempt_(other.attempt_),
        share_(other.share_),
        number_(other.number_),
        since_(other.since_) {}
  Lease& operator=(Lease&& other) noexcept {
    if (this != &other) {
      end({.ending = route::Ending::Cancelled});
      pool_ = std::exchange(other.pool_, nullptr);
      reactor_ = other.reactor_;
      endpoint_ = other.endpoint_;
      attempt_ = other.attempt_;
      share_ = other.share_;
      number_ = other.number_;
      since_ = other.since_;
    }
    return *this;
  }
  ~Lease() { end({.ending = route::Ending::Cancelled}); }

  [[nodiscard]] bool held() const { return pool_ != nullptr; }
  [[nodiscard]] EndpointId endpoint() const { return endpoint_; }
  [[nodiscard]] Instant since() const { return since_; }
  /// Also after the end, of the latest attempt.
  [[nodiscard]] const route::Share& share() const { return share_; }
  /// The answer has begun; ignored when the attempt has ended already.
  void first_token() {
    if (pool_ != nullptr) pool_->first_token(endpoint_, share_, reactor_->now() - since_, reactor_->now());
  }
  /// What the answer of an external endpoint says of its rate limits; ignored when the attempt has ended already.
  void allowance(const RateAllowance& told) {
    if (pool_ != nullptr) pool_->allowance_told(endpoint_, share_, told, reactor_->now());
  }
  void end(route::Outcome outcome) {
    if (pool_ == nullptr) return;
    outcome.total = reactor_->now() - since_;
    outcome.share = share_;
    std::exchange(pool_, nullptr)->finished(endpoint_, outcome, attempt_, number_, reactor_->now());
  }

 private:
  Pool* pool_ = nullptr;
  const net::Reactor* reactor_ = nullptr;
  EndpointId endpoint_{};
  route::Scheduler::Attempt attempt_ = route::Scheduler::Attempt::First;
  route::Share share_;
  std::uint64_t number_ = 0;
  Instant since_{};
};

/// Between two tokens of a streamed answer of at least two.
[[nodiscard]] std::optional<double> token_seconds(const route::Outcome& outcome);
/// Prompt tokens that its endpoint was expected to hold in its cache.
[[nodiscard]] inline std::uint32_t cached_expected(const route::Share& share) { return share.prompt_tokens - share.uncached_tokens; }

/// The scheduler's settings that a pool's configuration means.
[[nodiscard]] route::PoolSettings pool_settings(const PoolConfig& config);
/// Where an endpoint is, as the scheduler knows it, and what its pool says of it.
struct Place {
  std::uint16_t zone = 0;
  Duration latency{};
  PriceConfig price = {};
  bool any_adapter = false;  // nobody says what endpoints there have, so they are taken to load what they are asked for
};
[[nodiscard]] route::EndpointSettings endpoint_settings(const EndpointConfig& config, const Place& place = {});
[[nodiscard]] std::uint64_t model_hash(std::string_view model);

}  // namespace evener::gateway
