#include "evener/cli/demo/cluster.h"

namespace evener::cli::demo {

gateway::Config cluster_config(const Scenario& scenario, const ClusterOptions& options, const engine::Fleet& fleet) {
  gateway::PoolConfig pool;
  pool.name = ModelName;
  pool.models = {ModelName};
  pool.policy = options.policy;
  for (std::size_t i = 0; i < scenario.engines.size(); ++i) {
    gateway::EndpointConfig endpoint;
    endpoint.name = scenario.engines[i].name;
    endpoint.url = "http://" + fleet.address(i);
    endpoint.engine = gateway::EngineKind::Vllm;
    endpoint.weight = scenario.engines[i].strength;
    pool.endpoints.push_back(std::move(endpoint));
  }
  // A viewer has seconds, not minutes: what is down is found, and what is back is used, sooner than by default.
  pool.health_check.interval = std::chrono::milliseconds(250);
  pool.health_check.timeout = std::chrono::milliseconds(1000);
  pool.outlier.base_ejection = std::chrono::seconds(1);
  // An engine that held a sixth of all requests hands all of them back in one moment when it dies, which is more than the default budget
  // may allow for so small a fleet.
  pool.retry.budget.budget_min = 64;

  gateway::Config config;
  config.listen = {"127.0.0.1:0"};
  config.workers = options.gateway_workers;
  config.admin.listen = options.admin_token_file.empty() ? "" : "127.0.0.1:0";
  config.admin.token_file = options.admin_token_file;
  config.access_log.path = "";
  config.pools = {std::move(pool)};
  return config;
}

Result<std::unique_ptr<Cluster>> Cluster::start(const Scenario& scenario, const ClusterOptions& options) {
  std::unique_ptr<Cluster> cluster(new Cluster);
  auto fleet = engine::Fleet::start(engine_options(scenario), options.fleet_threads);
  if (!fleet) return tl::unexpected(fleet.error());
  cluster->fleet_ = std::move(*fleet);
  gateway::GatewayOptions start;
  start.seed = options.seed;
  auto gateway = gateway::Gateway::start(cluster_config(scenario, options, *cluster->fleet_), std::move(start));
  if (!gateway) return tl::unexpected(gateway.error());
  cluster->gateway_ = std::move(*gateway);
  return cluster;
}

std::string Cluster::url() const { return "http://" + gateway_->addresses().front().text(); }

std::string Cluster::admin_url() const {
  const auto address = gateway_->admin_address();
  return address ? "http://" + address->text() + "/" : "";
}

}  // namespace evener::cli::demo
