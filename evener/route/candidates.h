#pragma once
// Candidates: which endpoints may get a request for a model, by membership and health. The lists are kept and made anew only after a
// change, so that the common request reads a finished one. Capacity and endpoints already tried differ per request and are not its concern.
//
// Panic: when fewer than a threshold's share of a model's endpoints are up, health is ignored, because sending to an endpoint that is
// probably bad beats overloading the few good ones until they fail too. Where an external endpoint stands by for what the pool's own cannot take,
// there is no panic as long as that is up. An endpoint's own request to be left alone (back-off) and an
// operator's drain are respected even then. Endpoints still waiting for their first good check count neither way, unless there are no others.

#include <cstdint>
#include <span>
#include <vector>

#include "evener/route/endpoint_state.h"
#include "evener/route/view.h"

namespace evener::route {

/// Not thread-safe. References to a Group hold until the next of().
class Candidates {
 public:
  struct Group {
    std::uint64_t model = 0;
    std::vector<std::uint32_t> members;  // endpoints that serve the model
    std::vector<std::uint32_t> usable;   // those that may get a request now, ascending
    std::uint64_t generation = 0;        // changes whenever `usable` or a weight in it may have changed
    std::size_t own = 0;                 // how many of `usable` do not wait for what others cannot take
    std::uint64_t own_generation = 0;    // the same for a list of these
    bool panic = false;

   private:
    friend class Candidates;
    std::uint64_t made_for_ = 0;
  };

  /// Membership or models changed: groups are formed anew when they are next asked for, once for many changes in a row.
  void regroup() { regroup_ = true; }
  /// A health or a weight changed.
  void touch() { ++version_; }

  /// The group of a model, up to date. 0 = all endpoints of the pool.
  Group& of(std::uint64_t model, std::span<const EndpointState> states, double panic_threshold);
  /// Whether all requests share one group, because no endpoint names its models; as of the last of().
  [[nodiscard]] bool single() const { return by_model_.empty(); }

 private:
  /// O(endpoints * models of each).
  void form_groups(std::span<const EndpointState> states);
  void refresh(Group& group, std::span<const EndpointState> states, double panic_threshold);

  Group all_;
  Group unlisted_;               // endpoints that serve any model; for models that none names
  std::vector<Group> by_model_;  // sorted by model
  std::uint64_t version_ = 1;
  std::uint64_t generations_ = 0;
  bool regroup_ = true;
};

}  // namespace evener::route
