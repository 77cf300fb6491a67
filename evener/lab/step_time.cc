#include "evener/lab/step_time.h"

#include <algorithm>
#include <cmath>

#include "evener/core/portable_math.h"

namespace evener::lab {
namespace {

double seconds_of(const LinearStep& model, const StepWork& work) {
  return model.base_s + static_cast<double>(work.prefill_tokens) / model.prefill_tokens_per_s +
         model.per_sequence_s * static_cast<double>(work.emitting) + model.per_kv_token_s * static_cast<double>(work.context_tokens);
}

double seconds_of(const RooflineStep& model, const StepWork& work) {
  const double new_tokens = static_cast<double>(work.prefill_tokens + work.decode_tokens);
  const double emitting = static_cast<double>(work.emitting);
  const double flops_per_s = model.flops_per_s * model.matmul_efficiency;
  const double weight_bytes_per_s = model.bytes_per_s * model.weight_read_efficiency;

  double read_parameters = model.parameters, active_parameters = model.parameters;
  if (model.experts > 0) {
    const double active = model.experts_active / model.experts;
    read_parameters += model.expert_parameters * (1 - portable::exp(new_tokens * portable::log1p(-active)));
    active_parameters += model.expert_parameters * active;
  }
  const double linear_read = read_parameters * model.bytes_per_parameter / weight_bytes_per_s;
  const double linear_compute = 2 * active_parameters * new_tokens / flops_per_s;
  const double linear = std::sqrt(linear_read * linear_read + linear_compute * linear_compute);
  const double output_layer = std::max(model.output_layer_parameters * model.bytes_per_parameter / weight_bytes_per_s,
                                       2 * model.output_layer_parameters * emitting / flops_per_s);
  const double kv_read =
      static_cast<double>(work.context_tokens) * model.kv_bytes_per_token / (model.bytes_per_s * model.kv_read_efficiency);
  const double attention =
      4 * model.attention_width * model.layers * work.prefill_attention / (model.flops_per_s * model.attention_efficiency);
  return linear + output_layer + kv_read + attention + model.layer_overhead_s * model.layers + model.step_overhead_s +
         model.sequence_overhead_s * emitting + model.transfer_s_per_token * new_tokens;
}

}  // namespace

double step_seconds(const StepModel& model, const StepWork& work) {
  if (work.prefill_tokens + work.decode_tokens == 0) return 0;
  return std::visit([&](const auto& m) { return seconds_of(m, work); }, model);
}

}  // namespace evener::lab
