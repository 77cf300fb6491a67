#include "evener/lab/served_log.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace evener::lab {
namespace {

constexpr std::array Shares = {.25, .50, .75, .90, .99};
constexpr std::uint32_t QuietStepsMax = 256;

using Values = std::vector<double>;

template <class Figure>
Values sorted(std::span<const ServedRequest> requests, Figure figure, std::uint32_t output_min) {
  Values values;
  for (const ServedRequest& request : requests) {
    if (request.output_tokens >= output_min) values.push_back(figure(request));
  }
  std::sort(values.begin(), values.end());
  return values;
}

double mean_error(const Values& simulated, const Values& measured, double& worst) {
  if (measured.empty()) return 0;
  double sum = 0;
  for (const double share : Shares) {
    const auto at = static_cast<std::size_t>(share * static_cast<double>(measured.size() - 1));
    // A measured zero (a log in coarse units) says nothing of a ratio.
    const double error = measured[at] > 0 ? std::abs(simulated[at] / measured[at] - 1) : 0;
    worst = std::max(worst, error);
    sum += error;
  }
  return sum / Shares.size();
}

}  // namespace

Servable servable(const EngineConfig& engine, std::span<const ServedRequest> requests) {
  Servable log;
  for (const ServedRequest& request : requests) {
    log.longest_tokens = std::max(log.longest_tokens, std::uint64_t{request.input_tokens} + request.output_tokens);
    switch (judge(engine, request.input_tokens, request.output_tokens)) {
      case Submitted::ContextTooLong: ++log.too_long; break;
      case Submitted::Empty: ++log.empty; break;
      case Submitted::QueueFull:
      case Submitted::Queued: log.requests.push_back(request); break;
    }
  }
  return log;
}

std::vector<ServedRequest> replay_on_model(const EngineConfig& config, Duration overhead, std::span<const ServedRequest> requests) {
  std::vector<ServedRequest> simulated(requests.begin(), requests.end());
  for (ServedRequest& request : simulated) request.first_token = request.total = Duration::zero();
  EngineConfig patient = config;
  patient.queue_max = std::numeric_limits<std::uint32_t>::max();
  EngineModel engine(patient);
  Duration now{};
  std::size_t next = 0;
  while (next < requests.size() || !engine.idle()) {
    if (engine.idle()) now = std::max(now, requests[next].arrival + overhead);
    for (; next < requests.size() && requests[next].arrival + overhead <= now; ++next) {
      (void)engine.submit({.id = next,
                           .prompt_tokens = requests[next].input_tokens,
                           .output_tokens = requests[next].output_tokens,
                           .granted_tokens = requests[next].cached_tokens});
    }
    const Duration change = next < requests.size() ? requests[next].arrival + overhead : Duration::max();
    if (const std::uint32_t quiet = engine.quiet_steps(QuietStepsMax); quiet > 0) {
      StepWork work = engine.quiet_work();
      std::uint32_t taken = 0;
      for (; taken < quiet && now < change; ++taken) {
        now += Duration(std::llround(step_seconds(config.step, work) * 1e9));
        work.context_tokens += work.emitting;
      }
      engine.take_quiet_steps(taken);
      continue;
    }
    const StepOutcome& outcome = engine.step();
    now += outcome.duration;
    for (const Emission& emission : outcome.emissions) {
      ServedRequest& request = simulated[emission.id];
      if (emission.first) request.first_token = now - request.arrival;
      if (emission.finished) request.total = now - request.arrival;
    }
  }
  return simulated;
}

QuantileErrors quantile_errors(std::span<const ServedRequest> simulated, std::span<const ServedRequest> measured) {
  QuantileErrors errors;
  const auto error_of = [&](auto figure, std::uint32_t output_min) {
    return mean_error(sorted(simulated, figure, output_min), sorted(measured, figure, output_min), errors.worst);
  };
  errors.ttft = error_of([](const ServedRequest& request) { return request.ttft_s(); }, 1);
  errors.tpot = error_of([](const ServedRequest& request) { return request.tpot_s(); }, 2);
  errors.e2e = error_of([](const ServedRequest& request) { return request.e2e_s(); }, 1);
  return errors;
}

}  // namespace evener::lab
