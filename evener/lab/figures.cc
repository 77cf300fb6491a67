#include "evener/lab/figures.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace evener::lab {
namespace {

constexpr double MsPerS = 1000;

constexpr std::array<FigureKind, FigureCount> Kinds = {{
    {"good_request_share", "avg", "ratio", "good", Better::Higher},
    {"goodput", "avg", "requests/sec", "good/s", Better::Higher},
    {"time_to_first_token", "avg", "ms", "TTFT mean", Better::Lower},
    {"time_to_first_token", "p50", "ms", "TTFT p50", Better::Lower},
    {"time_to_first_token", "p90", "ms", "TTFT p90", Better::Lower},
    {"time_to_first_token", "p95", "ms", "TTFT p95", Better::Lower},
    {"time_to_first_token", "p99", "ms", "TTFT p99", Better::Lower},
    {"time_per_output_token", "avg", "ms", "TPOT mean", Better::Lower},
    {"time_per_output_token", "p50", "ms", "TPOT p50", Better::Lower},
    {"time_per_output_token", "p90", "ms", "TPOT p90", Better::Lower},
    {"time_per_output_token", "p99", "ms", "TPOT p99", Better::Lower},
    {"request_latency", "avg", "ms", "E2E mean", Better::Lower},
    {"request_latency", "p50", "ms", "E2E p50", Better::Lower},
    {"request_latency", "p90", "ms", "E2E p90", Better::Lower},
    {"request_latency", "p99", "ms", "E2E p99", Better::Lower},
    {"queue_time", "avg", "ms", "queued mean", Better::Lower},
    {"queue_time", "p99", "ms", "queued p99", Better::Lower},
    {"request_throughput", "avg", "requests/sec", "requests/s", Better::Higher},
    {"output_token_throughput", "avg", "tokens/sec", "out tok/s", Better::Higher},
    {"prefix_hit_share", "avg", "ratio", "cache hits", Better::Higher},
    {"endpoint_imbalance", "avg", "times the mean", "imbalance", Better::Lower},
    {"request_count", "avg", "requests", "requests", Better::Neither},
    {"error_request_count", "avg", "requests", "lost", Better::Neither},
    {"error_request_share", "avg", "ratio", "lost", Better::Lower},
    {"tenant_spread", "avg", "ratio", "tenant spread", Better::Lower},
}};

double spread(const Workload& workload, const SimulationResult& result, const Objectives& objectives,
              std::span<const std::uint64_t> tenants, Part part) {
  if (tenants.size() < 2) return 0;
  std::vector<double> served;
  double sum = 0;
  for (const std::uint64_t tenant : tenants) {
    part.tenant = tenant;
    const Summary summary = summarise(workload, result, objectives, part);
    served.push_back(static_cast<double>(summary.input_tokens - summary.cached_tokens + summary.output_tokens));
    sum += served.back();
  }
  const double equal = sum / static_cast<double>(served.size());
  double most = 0;
  for (const double tokens : served) most = std::max(most, std::abs(tokens - equal));
  return equal > 0 ? most / equal : 0;
}

}  // namespace

bool Figures::has(Figure figure) const {
  const bool of_done = (figure >= Figure::TtftMean && figure <= Figure::QueueP99) || figure == Figure::HitShare;
  return !of_done || (*this)[Figure::Requests] > 0;
}

const FigureKind& kind_of(Figure figure) { return Kinds[static_cast<std::size_t>(figure)]; }

Figures figures_of(const Workload& workload, const SimulationResult& result, const Objectives& objectives,
                   std::span<const std::uint64_t> tenants, const Part& part) {
  const Summary summary = summarise(workload, result, objectives, part);
  Figures figures;
  const auto set = [&](Figure figure, double value) { figures[figure] = value; };
  set(Figure::GoodShare, summary.good_share());
  set(Figure::Goodput, summary.good_per_s());
  set(Figure::TtftMean, summary.ttft.mean_s * MsPerS);
  set(Figure::TtftP50, summary.ttft.p50_s * MsPerS);
  set(Figure::TtftP90, summary.ttft.p90_s * MsPerS);
  set(Figure::TtftP95, summary.ttft.p95_s * MsPerS);
  set(Figure::TtftP99, summary.ttft.p99_s * MsPerS);
  set(Figure::TpotMean, summary.tpot.mean_s * MsPerS);
  set(Figure::TpotP50, summary.tpot.p50_s * MsPerS);
  set(Figure::TpotP90, summary.tpot.p90_s * MsPerS);
  set(Figure::TpotP99, summary.tpot.p99_s * MsPerS);
  set(Figure::LatencyMean, summary.e2e.mean_s * MsPerS);
  set(Figure::LatencyP50, summary.e2e.p50_s * MsPerS);
  set(Figure::LatencyP90, summary.e2e.p90_s * MsPerS);
  set(Figure::LatencyP99, summary.e2e.p99_s * MsPerS);
  set(Figure::QueueMean, summary.queued.mean_s * MsPerS);
  set(Figure::QueueP99, summary.queued.p99_s * MsPerS);
  set(Figure::RequestRate, summary.span_s > 0 ? static_cast<double>(summary.done) / summary.span_s : 0);
  set(Figure::OutputRate, summary.output_tokens_per_s());
  set(Figure::HitShare, summary.hit_share());
  set(Figure::Imbalance, summary.imbalance);
  const std::uint64_t lost = summary.requests - summary.done;
  set(Figure::Requests, static_cast<double>(summary.done));
  set(Figure::Errors, static_cast<double>(lost));
  set(Figure::ErrorShare, summary.requests > 0 ? static_cast<double>(lost) / static_cast<double>(summary.requests) : 0);
  set(Figure::TenantSpread, spread(workload, result, objectives, tenants, part));
  return figures;
}

Figures mean_of(std::span<const Figures> runs) {
  Figures mean;
  for (const Figures& run : runs) {
    for (std::size_t i = 0; i < FigureCount; ++i) mean.values[i] += run.values[i] / static_cast<double>(runs.size());
  }
  return mean;
}

}  // namespace evener::lab
