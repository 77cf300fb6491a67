#pragma once
// What an operator decides about admission: how urgent classes are treated, how tenants share, and whether capacity is learned. Plain values;
// what follows from them is in admission.h, fair_queue.h and learned_capacity.h.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "evener/core/time.h"
#include "evener/route/view.h"

namespace evener::route {

[[nodiscard]] std::string_view priority_name(Priority priority);  // "realtime", "standard", "batch", "background"

/// How requests of one class are treated.
struct ClassSettings {
  // Of requests that bring none of their own; 0 = none.
  Duration first_token_objective{};
  Duration token_objective{};                         // between two tokens
  bool refuse_late = true;                            // refuse a request at once when the queue will make it miss its objective
  Duration promote_after = std::chrono::seconds(10);  // a request that waited so long counts as one class more urgent; 0 = never
  Duration wait_max{};                                // longest wait; 0 = the queue's
  std::uint32_t waiting_max = 0;                      // most that wait; 0 = the queue's
  double reserve = 0.0;                               // share of the slots that less urgent classes leave free
  bool sheddable = false;                             // its newest waiting request gives its place in a full queue to a more urgent one

  bool operator==(const ClassSettings&) const = default;
};

struct TenantWeight {
  std::uint64_t tenant = 0;  // as in RequestView
  double weight = 1.0;       // > 0; its share of the tokens beside other tenants of the class

  bool operator==(const TenantWeight&) const = default;
};

/// Capacity of endpoints that have none configured, learned from how their latency answers to requests in flight.
struct LearnedCapacitySettings {
  bool enabled = false;
  std::uint32_t least = 4;    // never below
  std::uint32_t most = 1024;  // never above
  std::uint32_t first = 16;   // until something was learned
  double slowdown_max = 3.0;  // how many times slower than lightly loaded an endpoint may get; > 1

  bool operator==(const LearnedCapacitySettings&) const = default;
};

using ClassesSettings = std::array<ClassSettings, Priorities>;

/// The classes as they are without configuration: by the index of Priority. The most urgent cannot be promoted.
[[nodiscard]] constexpr ClassesSettings default_classes() {
  ClassesSettings classes;
  classes[static_cast<std::size_t>(Priority::Realtime)].promote_after = Duration::zero();
  classes[static_cast<std::size_t>(Priority::Batch)].sheddable = true;
  classes[static_cast<std::size_t>(Priority::Background)].sheddable = true;
  return classes;
}

struct AdmissionSettings {
  ClassesSettings classes = default_classes();
  double tenant_share_max = 0.5;      // of the queue's places that one tenant may hold; requests without a tenant are not bound
  std::vector<TenantWeight> tenants;  // sorted by tenant; others weigh 1
  LearnedCapacitySettings capacity;
  bool preempt = false;  // name Background requests in prefill as victims when a Realtime one has to wait

  [[nodiscard]] const ClassSettings& of(Priority priority) const { return classes[static_cast<std::size_t>(priority)]; }

  bool operator==(const AdmissionSettings&) const = default;
};

}  // namespace evener::route
