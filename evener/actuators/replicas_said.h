#pragma once
// What somebody outside says of replicas; what he leaves out is not known.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "evener/actuators/actuator.h"

namespace evener::actuators {

inline constexpr std::uint32_t ReplicasSaidMax = 1'000'000;  // more is a mistake, and not to be reckoned with

class ReplicasSaid {
 public:
  std::optional<std::uint32_t> replicas, ready;
  std::vector<std::string> endpoints;  // each once, at most AddressesMax

  void add(std::string url) {
    if (url.size() > AddressBytesMax) {
      left_out_ = "an address of " + std::to_string(url.size()) + " bytes is left out; " + std::to_string(AddressBytesMax) + " are allowed";
    } else if (seen_.size() == AddressesMax && !seen_.contains(url)) {
      left_out_ = "addresses beyond the first " + std::to_string(AddressesMax) + " are left out";
    } else if (seen_.insert(url).second) {
      endpoints.push_back(std::move(url));
    }
  }

  /// What is there, where `asked` replicas were asked for: nothing before the first wish, when those that have an address are all that is known.
  [[nodiscard]] Replicas with(std::optional<std::uint32_t> asked) const {
    const auto known = asked.value_or(static_cast<std::uint32_t>(endpoints.size()));
    return {.desired = replicas.value_or(known), .ready = ready.value_or(0), .endpoints = endpoints, .trouble = left_out_};
  }

 private:
  std::set<std::string> seen_;
  std::string left_out_;  // and why
};

}  // namespace evener::actuators
