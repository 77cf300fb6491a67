#pragma once
// One gateway in front of one fleet, all of it listening on free ports of this machine. Stops with the object.

#include <memory>
#include <string>

#include "evener/cli/demo/scenario.h"
#include "evener/core/result.h"
#include "evener/engine/fleet.h"
#include "evener/gateway/gateway.h"
#include "evener/route/policy.h"

namespace evener::cli::demo {

struct ClusterOptions {
  route::PolicyKind policy = route::PolicyKind::LeastRequest;
  std::uint64_t seed = 1;
  unsigned fleet_threads = 1;
  std::uint32_t gateway_workers = 1;
  std::string admin_token_file;  // empty = no admin listener
};

class Cluster {
 public:
  static Result<std::unique_ptr<Cluster>> start(const Scenario& scenario, const ClusterOptions& options);

  [[nodiscard]] engine::Fleet& fleet() { return *fleet_; }
  [[nodiscard]] gateway::Gateway& gateway() { return *gateway_; }
  [[nodiscard]] std::string url() const;
  /// Empty without an admin listener.
  [[nodiscard]] std::string admin_url() const;

 private:
  Cluster() = default;
  // The gateway goes first when the cluster ends: it must not see its endpoints die.
  std::unique_ptr<engine::Fleet> fleet_;
  std::unique_ptr<gateway::Gateway> gateway_;
};

/// The configuration of the gateway; `fleet` says where the engines listen.
[[nodiscard]] gateway::Config cluster_config(const Scenario& scenario, const ClusterOptions& options, const engine::Fleet& fleet);

}  // namespace evener::cli::demo
