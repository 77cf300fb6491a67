#include "evener/route/speed.h"

#include <algorithm>

namespace evener::route {

void SpeedRecord::first_token(const Share& share, double seconds, double weight) {
  const double work = static_cast<double>(share.ahead_tokens) + static_cast<double>(share.uncached_tokens);
  first_.add(work, seconds * weight);
}

void SpeedRecord::tokens(double in_flight, double seconds_per_token, double weight) { token_.add(in_flight, seconds_per_token * weight); }

SpeedView SpeedRecord::view(double weight, Instant now) const {
  SpeedView view{.at = now};
  if (first_.samples() >= SamplesWanted) {
    view.base_s = first_.base() / weight;
    view.prefill_s_per_token = first_.slope() / weight;
  }
  if (token_.samples() >= SamplesWanted) {
    view.step_s = token_.base() / weight;
    view.step_s_per_request = token_.slope() / weight;
  }
  return view;
}

SpeedView believed_speed(const EndpointView& endpoint, const PoolView& pool) {
  const SpeedView& own = endpoint.speed;
  const double scale = 1.0 / endpoint.weight_configured;
  const double age_s = std::max(seconds(pool.now - own.at), 0.0);
  const double trust = SpeedMemory_s / (SpeedMemory_s + age_s);
  const auto mix = [trust](double mine, double others) { return others + (mine - others) * trust; };
  SpeedView belief{.at = own.at};
  if (own.first_token_known() && !pool.speed.first_token_known()) {
    belief.base_s = own.base_s;
    belief.prefill_s_per_token = own.prefill_s_per_token;
  } else if (own.first_token_known()) {
    belief.base_s = mix(own.base_s, pool.speed.base_s * scale);
    belief.prefill_s_per_token = mix(own.prefill_s_per_token, pool.speed.prefill_s_per_token * scale);
  } else {
    belief.base_s = pool.speed.base_s * scale;
    belief.prefill_s_per_token = pool.speed.prefill_s_per_token * scale;
  }
  if (own.token_known() && !pool.speed.token_known()) {
    belief.step_s = own.step_s;
    belief.step_s_per_request = own.step_s_per_request;
  } else if (own.token_known()) {
    belief.step_s = mix(own.step_s, pool.speed.step_s * scale);
    belief.step_s_per_request = mix(own.step_s_per_request, pool.speed.step_s_per_request * scale);
  } else {
    belief.step_s = pool.speed.step_s * scale;
    belief.step_s_per_request = pool.speed.step_s_per_request * scale;
  }
  return belief;
}

Prediction predict(const EndpointView& endpoint, const SpeedView& speed, double uncached_tokens, double report_trust) {
  const double requests = load_in_requests(endpoint, report_trust);
  const double work = load_in_uncached_tokens(endpoint, report_trust) + uncached_tokens;
  return {.first_token_s = endpoint.network_s + speed.base_s + speed.prefill_s_per_token * work,
          .token_s = speed.step_s + speed.step_s_per_request * (requests + 1)};
}

}  // namespace evener::route
