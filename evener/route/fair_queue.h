#pragma once
// FairQueue: requests that wait for capacity, in the order in which they should go. A more urgent class goes first; inside a class, tenants
// share by tokens (start-time fair queueing: Goyal, Vin and Cheng, 1996); inside a tenant, the earliest deadline goes first. It keeps order,
// counts and times; which endpoint may take whom, and whether there is room, is decided elsewhere.
//
// Nothing starves: the request whose turn it is in its class counts as more urgent the longer it has waited. Only that one: promoting each
// request by its own wait would hand the classes above to whoever floods the queue, as a tenant's backlog is what makes its requests old.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "evener/route/admission_settings.h"
#include "evener/route/scheduler.h"

namespace evener::route {

/// Not thread-safe. All operations are O(log n) unless they say otherwise. Pointers hold until the request leaves.
class FairQueue {
 public:
  /// A promoted request goes before one of a more urgent class in every PromotedTurn-th place, no more: in a lasting overload everything is old
  /// sooner or later, and without this bound that would put an end to urgency.
  static constexpr std::uint32_t PromotedTurn = 10;
  /// Tenants without waiting requests whose account is kept, per class. Forgetting one forgives what it is ahead of others.
  static constexpr std::size_t RememberedMax = 1024;

  struct Waiting {
    Arrival arrival;
    std::vector<EndpointId> tried;  // of a request that was lost elsewhere: it waits for another than these
    std::uint64_t lane = 0;         // requests of one lane can use the same endpoints: when one has to stay, those behind it have to
    Instant since{};
    Instant deadline{};                     // order within its tenant
    Instant useful_until = Instant::max();  // going later, it would miss its objective
    Instant expires{};                      // when it is refused
    std::uint64_t ticket = 0;
  };

  /// The ticket of the request; tickets count up and are never reused.
  std::uint64_t push(Waiting waiting);
  /// A request leaves without having been served. False when the ticket is not waiting (any more).
  bool remove(std::uint64_t ticket);

  /// In a lane, nothing of this class or a less urgent one can go now.
  struct Blocked {
    std::uint64_t lane = 0;
    Priority from = Priority::Realtime;
  };
  struct Pick {
    const Waiting* waiting = nullptr;
    enum class Over : std::uint8_t { Nobody, Promoted, MoreUrgent } over = Over::Nobody;  // who was passed over although as urgent
  };
  /// Whose turn it is among those who can go; nothing when nobody can. O(tenants) when lanes are blocked.
  [[nodiscard]] std::optional<Pick> next(Instant now, const ClassesSettings& classes, std::span<const Blocked> blocked = {}) const;
  /// The picked request goes; its tenant is charged `cost` tokens.
  void take(const Pick& pick, double cost);

  /// A request of the tenant goes without having waited.
  void charge(Priority priority, std::uint64_t tenant, double cost);
  /// What the request took turned out to be `tokens` more (or less, when negative) than what was charged.
  void correct(Priority priority, std::uint64_t tenant, double tokens);
  /// Sorted by tenant. O(tenants * log).
  void set_weights(std::span<const TenantWeight> weights);

  /// The request that has to leave first because its time is over; nothing when all have time.
  [[nodiscard]] const Waiting* expired(Instant now) const;
  /// Gives each waiting request a new time; `expires(const Waiting&)`. O(n log n).
  template <class Expires>
  void reschedule(Expires expires) {
    expiries_.clear();
    for (auto& [ticket, waiting] : waiting_) {
      waiting.expires = expires(static_cast<const Waiting&>(waiting));
      expiries_.emplace(waiting.expires, ticket);
    }
  }
  [[nodiscard]] const Waiting* newest(Priority priority) const;
  [[nodiscard]] const Waiting* oldest(Priority priority) const;
  /// Of the tenant's, the one whose turn comes last. O(its lanes).
  [[nodiscard]] const Waiting* last_of(Priority priority, std::uint64_t tenant) const;

  [[nodiscard]] std::size_t size() const { return waiting_.size(); }
  [[nodiscard]] std::size_t waiting(Priority priority) const { return of(priority).tickets.size(); }
  [[nodiscard]] std::size_t waiting(Priority priority, std::uint64_t tenant) const;
  [[nodiscard]] std::size_t tenants_waiting(Priority priority) const { return of(priority).ready.size(); }
  /// Waiting requests of the tenant, in all classes.
  [[nodiscard]] std::size_t waiting_of(std::uint64_t tenant) const;
  /// Accounts in memory: at most those of waiting tenants, twice over, and RememberedMax, per class.
  [[nodiscard]] std::size_t accounts() const;

 private:
  using Order = std::pair<Instant, std::uint64_t>;  // a time, then the ticket
  struct Lane {
    std::uint64_t key = 0;
    std::set<Order> entries;  // by deadline
  };
  /// The account of a tenant in a class. `tag` is the virtual time at which its next request starts.
  struct Flow {
    double tag = 0.0;
    std::uint64_t turn = 0;  // among equal tags: who came first goes first, so that no newcomer slips in before them
    double weight = 1.0;
    std::vector<Lane> lanes;  // those with waiting requests; few
    std::size_t waiting = 0;
  };
  struct Ready {
    double tag = 0.0;
    std::uint64_t turn = 0, tenant = 0;
    auto operator<=>(const Ready&) const = default;
  };
  struct Class {
    double virtual_time = 0.0;                      // the start tag of the request that went last
    std::unordered_map<std::uint64_t, Flow> flows;  // by tenant; never iterated for an order
    std::set<Ready> ready;                          // flows with waiting requests
    std::map<std::uint64_t, std::size_t> lanes;     // waiting requests of each lane
    std::set<std::uint64_t> tickets;
  };

  [[nodiscard]] const Class& of(Priority priority) const { return classes_[static_cast<std::size_t>(priority)]; }
  [[nodiscard]] Class& of(Priority priority) { return classes_[static_cast<std::size_t>(priority)]; }
  Flow& flow_of(Class& all, std::uint64_t tenant);
  [[nodiscard]] const Waiting* head(Priority priority, std::span<const Blocked> blocked) const;
  void serve(Class& all, Flow& flow, std::uint64_t tenant, double cost);
  void move(Class& all, Flow& flow, std::uint64_t tenant, double tag);
  static void forget_idle(Class& all);
  [[nodiscard]] double weight_of(std::uint64_t tenant) const;

  std::array<Class, Priorities> classes_;
  std::unordered_map<std::uint64_t, Waiting> waiting_;  // by ticket
  std::set<Order> expiries_;
  std::vector<TenantWeight> weights_;
  std::uint64_t next_ticket_ = 1;
  std::uint64_t next_turn_ = 1;
  std::uint32_t passed_over_ = 0;  // places that went to others since a promoted request had one, while some wanted one
};

}  // namespace evener::route
