#pragma once
// The parts of a Scheduler and how they move together. Everything here is called with time already advanced, except advance() itself.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "evener/route/admission.h"
#include "evener/route/cache_reuse.h"
#include "evener/route/candidates.h"
#include "evener/route/endpoint_state.h"
#include "evener/route/fair_queue.h"
#include "evener/route/fit.h"
#include "evener/route/hedging.h"
#include "evener/route/load_book.h"
#include "evener/route/queue_pace.h"
#include "evener/route/retry_budget.h"
#include "evener/route/scheduler.h"

namespace evener::route {

[[nodiscard]] SpendStatus spend_status(const SpendBook& book, Instant now);

struct Scheduler::State {
  State(PoolSettings pool_settings, std::uint64_t seed);

  PoolSettings settings;
  Rng rng;
  std::unique_ptr<Policy> policy;

  LoadBook book;
  PrefixIndex prefixes;
  CacheReuse reuse;
  std::uint32_t block_tokens = 0;  // of a content block, in the latest prompt
  std::vector<EndpointState> states;  // by the book's index
  Candidates candidates;
  FitBounds fit;                             // of the endpoints in the book
  bool fit_changed = true;                   // they are not those of `fit` any more
  FairQueue queue;
  QueuePace pace;
  /// Classes that found no place in the queue since it was last empty.
  std::array<bool, Priorities> turned_away{};
  bool reserves = false;                     // some class leaves slots free, so slots have to be counted
  std::vector<Released> shed;                // lost their places since the last release()
  std::vector<FairQueue::Blocked> blocked;   // of one release()
  struct Preemptible {
    EndpointId endpoint{};
    std::uint64_t cookie = 0;
  };
  std::map<std::uint64_t, Preemptible> preemptible;  // in flight, no token yet; by number, counting up
  std::uint64_t preemptible_made = 0;
  std::vector<Preempt> preempted;            // victims that the caller has not been told of
  RetryBudget retries;
  Hedging hedging;
  Explainer* explainer = nullptr;
  std::uint32_t externals = 0;  // endpoints with an account
  SpendBook spend;              // at all of them

  Instant now{};                             // the latest seen
  Instant wake = Instant::max();             // when the next thing below is due
  Instant interval_end = Instant::max();     // of the success-rate rule; max = nothing to judge
  bool membership_changed = true;            // the policy has not seen the present endpoints
  bool may_release = false;                  // something changed since release() last looked at the queue
  std::uint32_t ejected = 0;
  std::vector<std::uint32_t> fitting;         // usable endpoints of one request, when it does not fit everywhere
  std::vector<std::uint32_t> scratch;         // candidates of one request, when the group's list will not do
  std::vector<std::uint32_t> slots_counted;   // endpoints whose slots a reserve is of, when that is not all
  std::vector<std::optional<double>> costs;   // of an explanation
  std::vector<std::uint32_t> leading_blocks;  // of one request, by slot of the prefix index
  std::vector<std::uint32_t> cached_tokens;  // of one request, by the book's index

  // Time.
  void advance(Instant to) {
    if (to > now) now = to;
    while (wake <= now) settle_due();
  }
  void wake_at(Instant at) { wake = std::min(wake, at); }

  // Deciding.
  struct Selection {
    std::span<const std::uint32_t> candidates;
    std::uint64_t generation = 0;
    bool spilled = false;  // others than the pool's own endpoints are among them
  };
  Candidates::Group& group_of(const RequestView& request) { return candidates.of(request.model, states, settings.panic_threshold); }
  /// Where a request may go: the group of its model, less the endpoints where it does not fit.
  struct Reach {
    const Candidates::Group* group = nullptr;
    std::span<const std::uint32_t> usable;
    bool limited = false;        // there are some where it does not fit
    double prompt_share = 1.0;   // by which that was judged, see unfit()
  };
  /// Until the next call. O(1) for requests that fit everywhere.
  [[nodiscard]] Reach reach_of(const RequestView& request);
  [[nodiscard]] bool fits(const Reach& reach, const RequestView& request, std::uint32_t index) const {
    return !reach.limited || unfit(request, book[index], reach.prompt_share) == Unfit::No;
  }
  /// Those of its usable endpoints that have room and were not tried; may be empty.
  Selection select(const Reach& reach, const RequestView& request, std::span<const EndpointId> tried);
  [[nodiscard]] PoolView view_of(const Selection& selection) const;
  /// The same, with what each endpoint probably holds of the prompt where the policy wants to know. Until the next call.
  [[nodiscard]] PoolView view_for(const RequestView& request, const Selection& selection);
  Decision first_attempt(const Arrival& arrival, const Reach& reach);
  Decision next_attempt(const Arrival& arrival, const Reach& reach, std::span<const EndpointId> tried, Attempt attempt);
  Dispatch dispatch(const Arrival& arrival, const Reach& reach, std::span<const EndpointId> tried, const Selection& selection);
  /// Why none of its endpoints is usable.
  [[nodiscard]] Refusal refuse_unusable(const Reach& reach, const RequestView& request) const;
  /// Whether it is worth waiting though no endpoint is usable: one that would take it may be on its way.
  [[nodiscard]] bool may_come(RefusalReason reason) const {
    return settings.queue.without_endpoint && (reason == RefusalReason::NoEndpoint || reason == RefusalReason::AllDown);
  }
  [[nodiscard]] Duration until_usable(const Reach& reach, const RequestView& request) const;
  void introduce_endpoints();

  // Explaining (scheduler_explain.cc).
  [[nodiscard]] Explanation* explanation_of(std::uint64_t cookie) const {
    return explainer == nullptr || cookie == 0 ? nullptr : explainer->explanation_of(cookie);
  }
  /// Call it between the choice and what follows from it. O(listed endpoints).
  void explain_choice(Explanation& out, const Arrival& arrival, const Reach& reach, std::span<const EndpointId> tried, const PoolView& view,
                      std::uint32_t chosen);
  void explain_no_choice(const Arrival& arrival, const Reach& reach, std::span<const EndpointId> tried);
  void list_all(Explanation& out, const RequestView& request, const Reach& reach, std::span<const EndpointId> tried,
                const PoolView& view) const;
  void list_costs(Explanation& out, const RequestView& request, const PoolView& view);
  [[nodiscard]] LeftOut left_out(const RequestView& request, const Reach& reach, std::span<const EndpointId> tried,
                                 std::uint32_t index) const;

  // Waiting (scheduler_queue.cc).
  void queue_rules_changed();
  [[nodiscard]] bool may_take_slot(const Reach& reach, const Selection& selection, Priority priority);
  /// dispatch(), and whose it is goes into its share.
  Dispatch send(const Arrival& arrival, const Reach& reach, std::span<const EndpointId> tried, const Selection& selection);
  /// The same for one that did not wait; its tenant is charged.
  Dispatch send_at_once(const Arrival& arrival, const Reach& reach, std::span<const EndpointId> tried, const Selection& selection);
  /// A request goes for the first time: it earns a share of its tokens for hedging, and may be hedged itself.
  void begin_hedging(Dispatch& sent, const RequestView& request);
  /// Of a request that has an attempt in flight at the last of `tried`.
  Decision hedge(const Arrival& arrival, const Reach& reach, std::span<const EndpointId> tried);
  Decision enqueue(const Arrival& arrival, const Reach& reach, std::span<const EndpointId> tried);
  void release(std::vector<Released>& out);
  /// The tenant is charged for what the request really took.
  void settle(const Outcome& outcome);
  /// What was seen of a rush says nothing about the next one.
  void forget_rush_if_empty();
  void no_longer_preemptible(Share& share);
  /// Until the last one that waits in the class had its turn; 0 = unknown.
  [[nodiscard]] Duration wait_of_last(Priority priority) const { return pace.until_turn(ahead_of_last(queue, priority), priority, now); }
  [[nodiscard]] std::array<ClassStatus, Priorities> classes() const;

  // External endpoints (scheduler_external.cc).
  void apply_external(std::uint32_t index);
  [[nodiscard]] Withheld withheld(std::uint32_t index, const RequestView& request) const;
  /// Why the endpoint is no candidate though it is usable.
  [[nodiscard]] LeftOut passed_over(std::uint32_t index, const RequestView& request) const;
  /// How a request waits for them.
  struct ExternalWait {
    bool alone = false;  // there is nothing else to wait for
    RefusalReason reason{};
    std::optional<Instant> until;  // nothing: nobody knows
    [[nodiscard]] bool too_long(Instant expires) const { return alone && (!until || *until > expires); }
  };
  [[nodiscard]] ExternalWait external_wait(const Reach& reach, const RequestView& request, std::span<const EndpointId> tried) const;
  [[nodiscard]] Refusal refuse_external(const ExternalWait& wait) const;
  [[nodiscard]] std::optional<ExternalStatus> external_status(std::size_t index) const;
  /// `index` is empty when the endpoint has been removed meanwhile.
  void settle_external(std::optional<std::uint32_t> index, const Outcome& outcome);

  // Capacity: configured, or learned (scheduler_queue.cc).
  void apply_capacity(std::uint32_t index);
  void learn_first_token(std::uint32_t index, const Share& share, Duration latency);
  void learn_end(std::uint32_t index, const Outcome& outcome);

  // Health.
  /// Something about the endpoint's health or weight may have changed: its view follows, and lists are made anew.
  void refresh(std::uint32_t index);
  void begin_slow_start(std::uint32_t index, Instant at);
  void endpoint_failed(std::uint32_t index, const Outcome& outcome);
  void endpoint_succeeded(std::uint32_t index, const Outcome& outcome);
  void eject_if_allowed(std::uint32_t index, Instant at);
  void await_interval();

  /// The endpoint's adapters are those of its settings and those that it reports.
  void apply_adapters(std::uint32_t index);

  /// What an ended attempt teaches of the endpoint's speed and of what its cache holds.
  void learn(std::uint32_t index, const Outcome& outcome);

 private:
  Selection select_with_external(const Reach& reach, const RequestView& request, std::span<const EndpointId> tried);
  [[nodiscard]] bool all_late(const RequestView& request, std::span<const std::uint32_t> indices) const;
  /// Whether the queue has a place for one of the class, for which a less urgent one may have had to leave.
  bool find_place(Priority priority);
  /// One of a less urgent class gives its place to one of `priority`; false when nobody may yield.
  bool make_room_for(Priority priority);
  /// What the tenant would lose first to a request of the class `below`; nullptr when nothing of it may yield.
  [[nodiscard]] const FairQueue::Waiting* least_urgent_of(std::uint64_t tenant, Priority below) const;
  void release_to_endpoints(std::vector<Released>& out);
  [[nodiscard]] std::uint64_t lane_of(const RequestView& request, const Reach& reach, std::span<const EndpointId> tried) const;
  void name_victim(const Reach& reach, std::span<const EndpointId> tried);
  void refuse_waiting(std::vector<Released>& out, const FairQueue::Waiting& waiting, const Refusal& refusal);
  [[nodiscard]] Instant expiry_of(const FairQueue::Waiting& waiting) const;
  /// Does what is due at `wake` and finds the next one.
  void settle_due();
  void judge_interval(Instant at);
};

}  // namespace evener::route
