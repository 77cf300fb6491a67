#pragma once
// Scheduler: everything that is decided about one pool, as a pure state machine. Events go in (a request arrived, ended, a health check
// answered, time passed), decisions come out (send it there, wait, refuse because). It owns the load book, the health of each endpoint,
// the queue, the retry budget and the policy. It has no clock, thread or socket: the gateway calls it under one mutex per pool, the lab
// calls it directly, and a recorded stream of events replays to the same decisions.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "evener/core/ids.h"
#include "evener/core/rng.h"
#include "evener/core/time.h"
#include "evener/route/admission_settings.h"
#include "evener/route/explanation.h"
#include "evener/route/external.h"
#include "evener/route/hedging.h"
#include "evener/route/policy.h"
#include "evener/route/prefix_index.h"
#include "evener/route/view.h"

namespace evener::route {

/// What the scheduler needs to know of an endpoint. weight 0 is not allowed: drain instead.
struct EndpointSettings {
  double weight = 1.0;
  std::uint32_t capacity = 0;                  // most requests in flight; 0 = no limit
  std::vector<std::uint64_t> models;           // hashes of the models it serves; empty = all of the pool's
  std::uint64_t identity = 0;                  // hash of its address: hash policies place keys by it, so equal in every gateway and after
                                               // a restart; 0 = derived from the id, which promises neither
  // As in EndpointView.
  double tier = 1.0;
  double network_s = 0.0;
  double input_price = 0.0, output_price = 0.0;
  double price_per_request = 0.0;
  double power_w = 0.0;
  std::uint16_t zone = 0;                      // at most ZonesMax
  std::uint8_t modalities = AllModalities;
  std::uint32_t context_tokens_max = 0;
  std::vector<std::uint64_t> adapters;  // hashes of the LoRA adapters that it always has
  bool any_adapter = false;
  ExternalSettings external;

  bool operator==(const EndpointSettings&) const = default;
};

/// Active checks: `fall` failures in a row take a healthy endpoint down, `rise` successes bring it back. Where nobody checks, no endpoint
/// is down: what was found before says nothing any more, and nothing would ever correct it.
struct CheckSettings {
  bool enabled = true;
  std::uint32_t rise = 2;
  std::uint32_t fall = 3;

  bool operator==(const CheckSettings&) const = default;
};

/// Passive ejection. Terms and defaults follow Envoy's outlier detection, except the ejected share: pools of engines are small.
struct OutlierSettings {
  bool enabled = true;
  std::uint32_t consecutive_failures = 5;      // failures in a row that eject; 0 = rule off
  double success_rate_stdev_factor = 1.9;      // eject below mean - factor * stdev of the pool's success rates; 0 = rule off
  std::uint32_t success_rate_min_hosts = 5;
  std::uint32_t success_rate_min_requests = 100;  // per interval and endpoint
  Duration interval = std::chrono::seconds(10);
  Duration base_ejection = std::chrono::seconds(10);  // times the number of ejections so far
  Duration max_ejection = std::chrono::seconds(300);
  double max_ejected_share = 0.5;              // of the pool, at least one endpoint

  bool operator==(const OutlierSettings&) const = default;
};

struct RetrySettings {
  std::uint32_t attempts_max = 3;              // including the first; 1 = no retries
  double budget_share = 0.2;                   // retries in flight, as a share of requests in flight
  std::uint32_t budget_min = 3;                // retries in flight that are always allowed

  bool operator==(const RetrySettings&) const = default;
};

struct QueueSettings {
  std::uint32_t requests_max = 1024;           // waiting for capacity; 0 = refuse at once
  Duration wait_max = std::chrono::seconds(30);
  bool without_endpoint = false;               // one may be on its way: requests also wait while none is usable

  bool operator==(const QueueSettings&) const = default;
};

struct PoolSettings {
  PolicyKind policy = PolicyKind::LeastRequest;
  CompositionSettings composition;             // of PolicyKind::Composed
  PrefixSettings prefix;
  CheckSettings check;
  OutlierSettings outlier;
  RetrySettings retry;
  QueueSettings queue;
  Duration slow_start = std::chrono::seconds(0);  // an endpoint that comes (back) up ramps 10 % -> 100 % of its weight; 0 = off
  double panic_threshold = 0.5;                // below this share of usable endpoints, health is ignored; 0 = never
  AdmissionSettings admission;
  HedgingSettings hedging;
  SpendSettings spend;  // at all external endpoints together

  bool operator==(const PoolSettings&) const = default;
};

struct Arrival {
  RequestView request;
  std::uint64_t cookie = 0;                    // the caller's; comes back in Released
  // Of one that was pre-empted and arrives again: its objective and its longest wait go on counting.
  Instant came{};                              // for the first time; 0 = now
  Duration waited{};                           // in the queue, until now
  bool preemptible = true;                     // if its class is; false for one that cannot be sent again, or has given way before
};

enum class RefusalReason : std::uint8_t {
  NoEndpoint,        // the pool has none that serves this model
  AllDown,           // endpoints exist, none is usable
  QueueFull,
  QueueTimeout,
  RetryBudget,       // a retry or a hedge, and its budget is spent
  AttemptsExhausted, // a retry, and every allowed attempt or endpoint was used
  DeadlineUnmeetable,  // it would have to wait too long for its first-token objective
  ClassShed,         // its place in a full queue went to a more urgent one
  TenantShare,       // its tenant has as many requests waiting as one may
  ZoneUnavailable,   // none of the endpoints in the zones it may go to is usable; those elsewhere do not matter
  ModalityUnsupported,  // no endpoint that it may go to takes such input, usable or not
  ContextTooLong,       // prompt and bound are longer than the context of each endpoint that it may go to, usable or not
  RateLimited,          // only external endpoints could take it, and their rate limits do not allow it as long as it may wait
  SpendLimit,           // the same by what may be spent there
  AdapterUnknown,       // no endpoint that it may go to has the adapter, or could load it, usable or not
};
inline constexpr std::size_t RefusalReasons = 15;
[[nodiscard]] std::string_view refusal_name(RefusalReason reason);  // "no_endpoint", "all_down", ...

enum class PickReason : std::uint8_t { Policy, OnlyCandidate, Panic, SpillOver };
[[nodiscard]] std::string_view pick_reason_name(PickReason reason);  // "policy", "only_candidate", "panic", "spill_over"

struct Dispatch {
  EndpointId endpoint{};
  PickReason reason = PickReason::Policy;
  std::uint32_t candidates = 0;
  Share share;                                 // what the book holds for it: give it back in first_token() and in the Outcome
  Duration hedge_after{};                      // without a first token by then, ask for a hedge with retry(); 0 = do not
};

/// What an engine says that a request took.
struct TokenUsage {
  std::uint32_t prompt_tokens = 0;
  std::uint32_t output_tokens = 0;
  std::optional<std::uint32_t> cached_tokens;  // of the prompt; nothing = the engine does not say
};
struct Queued {
  std::uint64_t ticket = 0;
};
struct Refusal {
  RefusalReason reason{};
  Duration retry_after{};                      // truthful hint for Retry-After; 0 = unknown
};
using Decision = std::variant<Dispatch, Queued, Refusal>;

/// A queued request whose turn has come, or that was refused while it waited.
struct Released {
  std::uint64_t cookie = 0;
  std::variant<Dispatch, Refusal> decision;
  Duration waited{};
};

/// A request that the caller should cancel at its endpoint (finished with Cancelled), to make room for a more urgent one. Nothing of an answer
/// has come yet, so it may arrive again.
struct Preempt {
  EndpointId endpoint{};
  std::uint64_t cookie = 0;                    // of its arrival
};

enum class Ending : std::uint8_t {
  Ok,               // complete answer, status below 500 and not 429
  Refused,          // 429 or 503: it is alive, but did not take the request
  ServerError,      // other 5xx
  ConnectFailed,
  Reset,            // connection died before the answer was complete
  Timeout,          // first token or between tokens
  BadResponse,      // not HTTP that we accept
  Cancelled,        // our side or the client's ended it: says nothing about the endpoint
};

struct Outcome {
  Ending ending = Ending::Ok;
  std::optional<Duration> first_token;         // from dispatch to the first byte of the answer's body (or its head when it has none)
  Duration total{};                            // from dispatch
  Duration retry_after{};                      // what the endpoint asked for; 0 = nothing
  Share share;                                 // of its Dispatch, as first_token() left it
  std::optional<TokenUsage> usage;
  std::span<const std::uint64_t> blocks;       // of the request, as in its view: what a lost attempt took with it is forgotten
  bool request_at_fault = false;               // the answer says that the request is wrong: nobody is paid for it
};

/// Money spent within the period of a limit.
struct SpendStatus {
  SpendSettings settings;
  NanoMoney spent = 0, reserved = 0, total = 0;
};
/// What an external endpoint still takes, as far as it is known, and what was spent there.
struct ExternalStatus {
  std::array<std::optional<double>, RateKinds> remaining;
  SpendStatus spend;
};

/// State of one endpoint as the operator sees it.
struct EndpointStatus {
  EndpointId id{};
  Health health{};
  bool slow_start = false;
  double weight_configured = 0, weight_effective = 0;
  std::uint32_t in_flight = 0, capacity = 0;
  std::uint64_t requests_total = 0, failures_total = 0, ejections_total = 0;
  std::uint32_t consecutive_failures = 0;
  std::optional<bool> last_check;              // nothing = never checked
  double latency_s = 0;
  std::uint64_t in_flight_prompt_tokens = 0, in_flight_uncached_tokens = 0, in_flight_output_tokens = 0;  // as in EndpointView
  SpeedView speed;
  PredictionErrors prediction_errors;
  PrefixQuality prefix;
  std::optional<LoadReport> report;
  std::optional<Instant> until;                // end of the ejection or of the back-off
  std::optional<ExternalStatus> external;
};

/// The queue of one class as the operator sees it.
struct ClassStatus {
  Priority priority{};
  std::size_t waiting = 0, tenants_waiting = 0;
  Duration oldest_wait{};
  Duration predicted_wait{};                   // of a request that came now, after all others of its class; 0 = nothing waits, or unknown
};

/// Not thread-safe; see the file comment. `now` must never go backwards; an earlier one counts as the latest seen.
class Scheduler {
 public:
  Scheduler(PoolSettings settings, std::uint64_t seed);
  ~Scheduler();

  // Membership and settings (reload, discovery, operator).
  void configure(const PoolSettings& settings, Instant now);
  /// Adds the endpoint, or changes the settings of a known one; state (health, counts) is kept. A new endpoint starts healthy, or
  /// with AwaitCheck down until its first good check (one is enough at start), if there are checks at all.
  enum class Start : std::uint8_t { Healthy, AwaitCheck };
  void put_endpoint(EndpointId id, const EndpointSettings& settings, Instant now, Start start = Start::Healthy);
  void remove_endpoint(EndpointId id, Instant now);   // what is in flight ends normally and is ignored then
  void set_weight(EndpointId id, double weight, Instant now);  // operator override, until the next put_endpoint with another weight
  enum class Drain : std::uint8_t { No, Yes };
  void set_drain(EndpointId id, Drain drain, Instant now);

  // Life of a request.
  [[nodiscard]] Decision arrived(const Arrival& arrival, Instant now);
  /// The next attempt of a request whose earlier attempts ended (each was reported by finished()) before anything was sent to the client; but a
  /// Hedge, whose first attempt has not.
  /// `tried` are the endpoints already used, in order. A Retry takes from the retry budget and never queues. A Failover does not: it follows a
  /// connection that was refused or lost, so what it carried is gone from the pool and nothing is multiplied; and when one of four endpoints
  /// dies, a quarter of all requests needs one in the same moment, which is more than any budget that still protects. When the others are
  /// at their capacity it waits in the queue for one of them, if it has a cookie to be told by. A Hedge is a second attempt while the first still
  /// runs: it takes from the budget of hedging, goes only where there is room that nobody waits for, and ends like any other, as Cancelled when
  /// the other one was faster.
  enum class Attempt : std::uint8_t { First, Retry, Failover, Hedge };
  [[nodiscard]] Decision retry(const RequestView& request, std::span<const EndpointId> tried, Instant now, Attempt attempt = Attempt::Retry,
                               std::uint64_t cookie = 0);
  /// Takes the request's prompt out of the endpoint's work in prefill; `share` is that of its Dispatch and is updated.
  void first_token(EndpointId endpoint, Share& share, Duration since_dispatch, Instant now);
  /// What the endpoint said of its load; replaces its earlier report. An older one is ignored.
  void load_reported(EndpointId endpoint, const LoadReport& report, Instant now);
  /// The few figures that came with an answer: they complete the earlier report.
  void load_noted(EndpointId endpoint, const LoadReport& report, Instant now);
  /// What an external endpoint's answer to this request says of its rate limits; `share` is that of its Dispatch.
  void allowance_told(EndpointId endpoint, const Share& share, const RateAllowance& allowance, Instant now);
  void finished(EndpointId endpoint, const Outcome& outcome, Attempt attempt, Instant now);
  /// Hashes of the LoRA adapters that the endpoint says it has loaded, beside those of its settings; replaces what it said before.
  void adapters_reported(EndpointId endpoint, std::span<const std::uint64_t> adapters, Instant now);
  /// A queued request left (its client is gone). False when it was released already.
  bool abandoned(std::uint64_t ticket, Instant now);

  // Health.
  enum class Check : std::uint8_t { Passed, Failed };
  void checked(EndpointId endpoint, Check result, Instant now);

  /// Time passed: ends ejections and queue waits, advances slow start. Call at least every 100 ms. O(endpoints) when something is due,
  /// else O(1). Every other event does the same first, so decisions depend on the events and their times, not on how often this is called.
  void tick(Instant now);

  /// Queued requests that can go now, in the order of their turns, and those that were refused in the queue; appended. Call after every event
  /// that can free capacity (finished, checked, put_endpoint, set_drain, remove_endpoint, configure, tick), and after arrived() and retry(),
  /// which may have given a waiting request's place to a more urgent one. Cheap when nothing is queued.
  void release(std::vector<Released>& out, Instant now);
  /// Requests to be cancelled for more urgent ones, named once each; appended. For callers that set AdmissionSettings::preempt: call after
  /// arrived(). Their cookies must be valid until first_token() or finished().
  void preempt(std::vector<Preempt>& out);

  // Looking in.
  [[nodiscard]] std::vector<EndpointStatus> status(Instant now) const;
  /// Where the request would go now, and why: all endpoints of the pool, however many.
  [[nodiscard]] Explanation explain(const RequestView& request, Instant now) const;
  /// Who wants to know of each decision why; must live as long as the scheduler. nullptr = nobody.
  void explain_to(Explainer* explainer);
  [[nodiscard]] std::size_t queued() const;
  [[nodiscard]] std::array<ClassStatus, Priorities> classes(Instant now) const;
  [[nodiscard]] std::uint32_t in_flight() const;
  /// At all external endpoints together.
  [[nodiscard]] SpendStatus spend(Instant now) const;
  [[nodiscard]] bool in_panic() const;
  [[nodiscard]] std::string_view policy() const;
  [[nodiscard]] const PoolSettings& settings() const;
  [[nodiscard]] bool knows(EndpointId id) const;

  /// Who holds which prompts; for what engines say of their caches themselves.
  [[nodiscard]] PrefixIndex& prefixes();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace evener::route
