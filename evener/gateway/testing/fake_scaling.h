#pragma once
// For tests of scaling: an actuator and a pool that do as the test says, and remember what they were told.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "evener/actuators/actuator.h"
#include "evener/gateway/scaled_pool.h"

namespace evener::gateway {

/// What an actuator of the test is told to say, and was asked; outlives it.
struct FakeCloud {
  actuators::Replicas there;
  std::optional<actuators::ActuatorError> refuses;  // every call, while it is set
  std::vector<actuators::Wish> wishes;              // that were made, refused ones included
  bool observes = true;
  bool starts_at_once = true;  // a wish gives and takes addresses
  bool says_addresses = true;  // in its answer to a wish; when it is looked at it always does
  std::string prefix = "http://r";
  int made = 0;

  void follow(const actuators::Wish& wish) {
    there.desired = wish.replicas;
    if (!starts_at_once) return;
    for (const std::string& url : wish.stop_first) {
      if (there.endpoints.size() > wish.replicas) std::erase(there.endpoints, url);
    }
    while (there.endpoints.size() > wish.replicas) there.endpoints.pop_back();
    while (there.endpoints.size() < wish.replicas) there.endpoints.push_back(prefix + std::to_string(++made));
  }
};

class FakeActuator final : public actuators::Actuator {
 public:
  explicit FakeActuator(FakeCloud& cloud) : cloud_(cloud) {}
  [[nodiscard]] std::string_view kind() const override { return "fake"; }
  [[nodiscard]] bool observes() const override { return cloud_.observes; }
  [[nodiscard]] Result<actuators::Replicas, actuators::ActuatorError> observe() override {
    if (cloud_.refuses) return tl::unexpected(*cloud_.refuses);
    return cloud_.there;
  }
  [[nodiscard]] Result<actuators::Replicas, actuators::ActuatorError> set(const actuators::Wish& wish) override {
    cloud_.wishes.push_back(wish);
    if (cloud_.refuses) return tl::unexpected(*cloud_.refuses);
    cloud_.follow(wish);
    actuators::Replicas said = cloud_.there;
    if (!cloud_.says_addresses) said.endpoints.clear();
    return said;
  }

 private:
  FakeCloud& cloud_;
};

class FakePool final : public ScaledPool {
 public:
  [[nodiscard]] Sample sample() override { return now; }
  void join(const std::string& url, const std::string& kind) override {
    if (find(url) == nullptr) now.members.push_back({.url = url, .kind = kind});
  }
  void leave(const std::string& url) override {
    std::erase_if(now.members, [&](const Member& member) { return member.url == url; });
  }
  void drain(const std::string& url, Drain drain) override {
    if (Member* member = find(url)) member->state = drain == Drain::Yes ? Member::State::Draining : Member::State::Serving;
  }

  Member* find(const std::string& url) {
    const auto found = std::find_if(now.members.begin(), now.members.end(), [&](const Member& member) { return member.url == url; });
    return found == now.members.end() ? nullptr : &*found;
  }
  /// The checks of all that are checked pass.
  void checks_pass() {
    for (Member& member : now.members) {
      if (member.state == Member::State::Checking) member.state = Member::State::Serving;
      member.healthy = true;
    }
  }

  Sample now;
};

}  // namespace evener::gateway
