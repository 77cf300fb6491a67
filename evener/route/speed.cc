#include "evener/route/speed.h"

#include <algorithm>

#include "evener/route/request_cost.h"

namespace evener::route {
namespace {

double work_of(const Share& share) { return static_cast<double>(share.ahead_tokens) + static_cast<double>(share.uncached_tokens); }

double doubt(double samples) { return SpeedRecord::PoolSamples / (SpeedRecord::PoolSamples + samples); }

/// The endpoint's own speed, which is the more the pool's the fewer answers showed it, and with age becomes `share_of_pool` times the pool's.
SpeedView mixed(const EndpointView& endpoint, const PoolView& pool, double share_of_pool) {
  const SpeedView& own = endpoint.speed;
  const double scale = 1.0 / endpoint.weight_configured;
  const double age = seconds(pool.now - own.at) / SpeedMemory_s;
  const double trust = age > 0 ? 1.0 / (1.0 + age * age) : 1.0;
  const auto mix = [&](bool known, double mine, bool others_known, double others, double doubted) {
    if (!known) return others * scale;
    if (!others_known) return mine;
    const double shown = mine + (others * scale - mine) * doubted;
    const double later = share_of_pool * others * scale;
    return later + (shown - later) * trust;
  };
  const bool first = own.first_token_known(), pool_first = pool.speed.first_token_known();
  const bool token = own.token_known(), pool_token = pool.speed.token_known();
  return {.base_s = mix(first, own.base_s, pool_first, pool.speed.base_s, own.first_token_doubt),
          .prefill_s_per_token = mix(first, own.prefill_s_per_token, pool_first, pool.speed.prefill_s_per_token, own.first_token_doubt),
          .step_s = mix(token, own.step_s, pool_token, pool.speed.step_s, own.token_doubt),
          .step_s_per_request = mix(token, own.step_s_per_request, pool_token, pool.speed.step_s_per_request, own.token_doubt),
          .at = own.at};
}

}  // namespace

void SpeedRecord::first_token(const Share& share, double seconds, double weight) { first_.add(work_of(share), seconds * weight); }

void SpeedRecord::tokens(double in_flight, double seconds_per_token, double weight) { token_.add(in_flight, seconds_per_token * weight); }

SpeedView SpeedRecord::view(double weight, Instant now) const {
  return {.base_s = first_.base() / weight,
          .prefill_s_per_token = first_.slope() / weight,
          .step_s = token_.base() / weight,
          .step_s_per_request = token_.slope() / weight,
          .at = now,
          .first_token_doubt = doubt(first_.samples()),
          .token_doubt = doubt(token_.samples())};
}

void SpeedRecord::after_silence(const Share& share, double seconds, double weight) {
  const double expected = first_.at(work_of(share));
  if (seconds * weight <= 2 * expected && 2 * seconds * weight >= expected) return;
  first_.doubt();
  token_.doubt();
}

SpeedView expected_speed(const EndpointView& endpoint, const PoolView& pool) { return mixed(endpoint, pool, 1.0); }

SpeedView believed_speed(const EndpointView& endpoint, const PoolView& pool) { return mixed(endpoint, pool, 0.5); }

Prediction predict(const EndpointView& endpoint, const SpeedView& speed, double uncached_tokens, double report_trust) {
  const double requests = load_in_requests(endpoint, report_trust);
  const double work = load_in_uncached_tokens(endpoint, report_trust) + uncached_tokens;
  return {.first_token_s = endpoint.network_s + speed.base_s + speed.prefill_s_per_token * work,
          .token_s = speed.step_s + speed.step_s_per_request * (requests + 1)};
}

bool meets_objectives(const RequestView& request, const PoolView& view, std::uint32_t index) {
  const EndpointView& endpoint = view.endpoints[index];
  const Prediction prediction =
      predict(endpoint, believed_speed(endpoint, view), uncached_tokens(request, view, index), foreign_trust(endpoint, view.now));
  if (request.first_token_objective > Duration::zero() && prediction.first_token_s > seconds(request.first_token_objective)) return false;
  return request.token_objective == Duration::zero() || prediction.token_s <= seconds(request.token_objective);
}

}  // namespace evener::route
