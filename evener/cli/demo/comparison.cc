#include "evener/cli/demo/comparison.h"

#include <algorithm>
#include <array>
#include <future>
#include <memory>

#include "evener/cli/demo/cluster.h"

namespace evener::cli::demo {
namespace {

std::optional<double> quantile_s(const Histogram& histogram, double q) {
  if (histogram.count() == 0) return std::nullopt;
  return static_cast<double>(histogram.quantile(q)) / 1e9;
}

}  // namespace

std::span<const route::PolicyKind> compared_policies() {
  using enum route::PolicyKind;
  static constexpr std::array Policies = {RoundRobin, Random, WeightedRoundRobin, PeakEwma, PowerOfTwo, LeastRequest, Balanced};
  return Policies;
}

PolicyFigures figures_of(std::string policy, const load::LoadReport& report, const Scenario& scenario, Duration load_time) {
  PolicyFigures figures{.policy = std::move(policy),
                        .ttft_p50_s = quantile_s(report.ttft, 0.5),
                        .ttft_p99_s = quantile_s(report.ttft, 0.99),
                        .tpot_p50_s = quantile_s(report.tpot, 0.5),
                        // Not the report's: its time includes the wait for the last answers, which would count their lateness twice.
                        .goodput_per_s = static_cast<double>(report.good) / seconds(load_time),
                        .requests = report.requests(),
                        .errors = report.failed + report.not_sent,
                        .engines = {}};
  const double fleet = fleet_capacity_per_s(scenario);
  for (const DemoEngine& engine : scenario.engines) {
    const auto found = report.endpoints.find(engine.name);
    const double requests = found == report.endpoints.end() ? 0 : static_cast<double>(found->second.requests);
    figures.engines.push_back({.name = engine.name,
                               .share = report.requests() == 0 ? 0 : requests / static_cast<double>(report.requests()),
                               .capacity = capacity_per_s(engine, scenario) / fleet});
  }
  return figures;
}

Result<Comparison> compare_policies(const Scenario& scenario, Duration load_time, std::uint64_t seed, const std::stop_token& stop,
                                    const std::function<void(double elapsed_s)>& elapsed) {
  std::vector<std::unique_ptr<Cluster>> clusters;
  for (const route::PolicyKind policy : compared_policies()) {
    auto cluster = Cluster::start(scenario, {.policy = policy, .seed = seed, .admin_token_file = {}});
    if (!cluster) return tl::unexpected(cluster.error());
    clusters.push_back(std::move(*cluster));
  }

  std::vector<std::future<Result<load::LoadReport>>> runs;
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    load::LoadCallbacks callbacks;
    if (i == 0) callbacks.progress = [&](const load::LoadProgress& progress) { elapsed(progress.elapsed_s); };
    runs.push_back(std::async(std::launch::async, [options = load_options(scenario, clusters[i]->url(), load_time, seed), callbacks, stop] {
      return load::run_load(options, callbacks, stop);
    }));
  }

  Comparison comparison{.rate_per_s = rate_per_s(scenario),
                        .load_s = seconds(load_time),
                        .objectives = load_options(scenario, {}, load_time, seed).objectives,
                        .policies = {}};
  std::optional<Error> failed;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto report = runs[i].get();  // all are waited for, also after a failure: they use the clusters
    if (!report) {
      failed = report.error();
      continue;
    }
    comparison.policies.push_back(figures_of(std::string(route::policy_name(compared_policies()[i])), *report, scenario, load_time));
    comparison.lateness_p99_s = std::max(comparison.lateness_p99_s, quantile_s(report->lateness, 0.99).value_or(0));
  }
  if (failed) return tl::unexpected(*failed);
  return comparison;
}

}  // namespace evener::cli::demo
