#pragma once
// A world for the clouds' actuators: an API that answers from a list, an environment that a test sets, and a time that stands still.

#include <map>
#include <memory>
#include <string>

#include "evener/actuators/cloud_world.h"
#include "evener/actuators/testing/fake_api.h"

namespace evener::actuators::testing {

struct FakeWorld {
  static inline std::int64_t now_s = 1'440'938'160;  // 2015-08-30T12:36:00Z

  FakeApi api;
  std::shared_ptr<std::map<std::string, std::string>> variables = std::make_shared<std::map<std::string, std::string>>();

  [[nodiscard]] CloudWorld world() const {
    return {.send = api.send(),
            .wall_ns = [] { return now_s * 1'000'000'000; },
            .variable =
                [all = variables](const std::string& name) {
                  const auto found = all->find(name);
                  return found == all->end() ? std::string() : found->second;
                }};
  }
};

}  // namespace evener::actuators::testing
