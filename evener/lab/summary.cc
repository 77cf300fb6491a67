#include "evener/lab/summary.h"

#include <algorithm>
#include <cmath>

namespace evener::lab {

Quantiles quantiles_of(std::vector<double> values_s) {
  Quantiles result{.count = values_s.size()};
  if (values_s.empty()) return result;
  std::sort(values_s.begin(), values_s.end());
  double sum = 0;
  for (const double value : values_s) sum += value;
  const auto count = static_cast<double>(values_s.size());
  const auto rank = [&](double q) { return values_s[static_cast<std::size_t>(std::max(0.0, std::ceil(q * count) - 1))]; };
  result.mean_s = sum / count;
  result.p50_s = rank(.50);
  result.p90_s = rank(.90);
  result.p95_s = rank(.95);
  result.p99_s = rank(.99);
  result.max_s = values_s.back();
  return result;
}

Summary summarise(const Workload& workload, const SimulationResult& result, const Objectives& objectives, const Part& part) {
  Summary summary;
  summary.endpoint_requests.resize(result.endpoints.size());
  summary.endpoint_tokens.resize(result.endpoints.size());
  std::vector<double> ttft, tpot, e2e, queued;
  Duration begin = Duration::max(), end{};
  for (std::size_t i = 0; i < workload.requests.size(); ++i) {
    const WorkloadRequest& request = workload.requests[i];
    const RequestResult& did = result.requests[i];
    if (did.fate == Fate::NotSent || did.arrival < part.from || did.arrival >= part.to) continue;
    if (part.priority && request.priority != *part.priority) continue;
    if (part.tenant && request.tenant != *part.tenant) continue;
    if (part.stage && request.stage != *part.stage) continue;
    ++summary.requests;
    begin = std::min(begin, did.arrival);
    switch (did.fate) {
      case Fate::NotSent: break;
      case Fate::Refused: ++summary.refused; break;
      case Fate::Rejected: ++summary.rejected; break;
      case Fate::Unfinished: ++summary.unfinished; break;
      case Fate::Failed: ++summary.failed; break;
      case Fate::Done: ++summary.done; break;
    }
    const bool dispatched = did.attempts > 0 && (did.fate == Fate::Done || did.fate == Fate::Rejected || did.fate == Fate::Failed);
    if (dispatched) ++summary.endpoint_requests[did.endpoint];
    end = std::max(end, did.finished);
    if (did.fate != Fate::Done) continue;
    summary.input_tokens += request.input_tokens;
    summary.output_tokens += request.output_tokens;
    summary.cached_tokens += did.cached_tokens;
    summary.endpoint_tokens[did.endpoint] += std::uint64_t{request.input_tokens} + request.output_tokens;
    const Duration to_first = did.first_token - did.arrival;
    const Duration generating = did.finished - did.first_token;
    ttft.push_back(seconds(to_first));
    e2e.push_back(seconds(did.finished - did.arrival));
    queued.push_back(seconds(did.dispatched - did.arrival));
    const std::uint32_t gaps = request.output_tokens - 1;
    if (gaps > 0) tpot.push_back(seconds(generating) / gaps);
    const Duration first_max = request.first_token_objective > Duration::zero() ? request.first_token_objective : objectives.first_token;
    const Duration token_max = request.token_objective > Duration::zero() ? request.token_objective : objectives.token;
    const bool first_in_time = first_max <= Duration::zero() || to_first <= first_max;
    const bool rest_in_time = token_max <= Duration::zero() || generating <= token_max * static_cast<std::int64_t>(gaps);
    if (first_in_time && rest_in_time) ++summary.good;
  }
  if (summary.requests > 0) summary.span_s = seconds(end - begin);
  summary.ttft = quantiles_of(std::move(ttft));
  summary.tpot = quantiles_of(std::move(tpot));
  summary.e2e = quantiles_of(std::move(e2e));
  summary.queued = quantiles_of(std::move(queued));
  Duration busiest{}, all{};
  for (const EndpointResult& endpoint : result.endpoints) {
    busiest = std::max(busiest, endpoint.busy);
    all += endpoint.busy;
  }
  if (all > Duration::zero()) summary.imbalance = seconds(busiest) * static_cast<double>(result.endpoints.size()) / seconds(all);
  return summary;
}

}  // namespace evener::lab
