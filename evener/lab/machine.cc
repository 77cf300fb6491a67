#include "evener/lab/machine.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace evener::lab {
namespace {

// 4-bit formats carry a 16-bit scale for every 32 weights.
constexpr std::array Formats{WeightFormat{"bf16", 2}, WeightFormat{"fp8", 1}, WeightFormat{"int8", 1}, WeightFormat{"int4", 0.5625}};

// What vLLM leaves free by default, and about what activations and CUDA graphs take of each accelerator.
constexpr double MemoryShare = 0.9, ActivationBytes = 2e9;
// All-reduces reach about this much of a link.
constexpr double LinkShare = 0.7;

template <class Range>
std::string names_of(const Range& range) {
  std::string text;
  for (const auto& each : range) text += (text.empty() ? "" : ", ") + std::string(each.name);
  return text;
}

/// "h100x2" into "h100" and 2. Names of hardware may hold an x themselves ("rtx4090").
std::uint32_t take_count(std::string_view& hardware) {
  const std::size_t x = hardware.rfind('x');
  if (x == std::string_view::npos || x + 1 == hardware.size() || find_hardware(hardware) != nullptr) return 1;
  std::uint32_t count = 0;
  const char* const end = hardware.data() + hardware.size();
  const auto [stop, error] = std::from_chars(hardware.data() + x + 1, end, count);
  if (error != std::errc() || stop != end) return 1;
  hardware = hardware.substr(0, x);
  return count;
}

}  // namespace

bool names_machine(std::string_view text) { return text.find('/') != std::string_view::npos; }

Result<Machine> parse_machine(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos)
    return fail(std::string(text) + " is not of the form HARDWARE[xCOUNT]/MODEL[@FORMAT]", Fault::Client);
  std::string_view hardware = text.substr(0, slash), model = text.substr(slash + 1), format = "bf16";
  if (const std::size_t at = model.find('@'); at != std::string_view::npos) {
    format = model.substr(at + 1);
    model = model.substr(0, at);
  }
  Machine machine;
  machine.count = take_count(hardware);
  machine.hardware = find_hardware(hardware);
  machine.model = find_model(model);
  const auto* const found = std::find_if(Formats.begin(), Formats.end(), [&](const WeightFormat& each) { return each.name == format; });
  const auto unknown = [&](std::string_view what, std::string_view name, const std::string& known) {
    return fail(std::string(text) + ": there is no " + std::string(what) + " \"" + std::string(name) + "\"; known are " + known,
                Fault::Client);
  };
  if (machine.hardware == nullptr) return unknown("hardware", hardware, names_of(known_hardware()));
  if (machine.model == nullptr) return unknown("model", model, names_of(known_models()));
  if (found == Formats.end()) return unknown("format", format, names_of(Formats));
  machine.format = *found;
  if (machine.count < 1 || machine.count > AcceleratorsMax || (machine.count > 1 && machine.hardware->link_bytes_per_s <= 0)) {
    return fail(std::string(text) + ": " + std::string(hardware) + " can share a model among 1 to " +
                    std::to_string(machine.hardware->link_bytes_per_s > 0 ? AcceleratorsMax : 1) + ", not " + std::to_string(machine.count),
                Fault::Client);
  }
  return machine;
}

Result<EngineConfig> engine_of(const Machine& machine) {
  const Hardware& hardware = *machine.hardware;
  const ModelShape& model = *machine.model;
  const double count = machine.count;
  const bool experts = model.experts > 0;
  const double dense_parameters = model.attention_parameters() + (experts ? 0 : model.feed_forward_parameters());
  // Each accelerator holds whole KV heads: where there are fewer than accelerators, several hold the same.
  const double kv_share = std::max(1.0, std::floor(model.kv_heads / count)) / model.kv_heads;

  RooflineStep step{.parameters = dense_parameters / count,
                    .expert_parameters = experts ? model.feed_forward_parameters() * model.experts / count : 0,
                    .experts = model.experts,
                    .experts_active = model.experts_active,
                    .output_layer_parameters = model.output_layer_parameters() / count,
                    .bytes_per_parameter = machine.format.bytes_per_parameter,
                    .layers = model.layers,
                    .attention_width = model.heads * model.head_width / count,
                    .kv_bytes_per_token = model.kv_bytes_per_token() * kv_share,
                    .flops_per_s = hardware.flops_per_s,
                    .bytes_per_s = hardware.bytes_per_s,
                    .matmul_efficiency = hardware.efficiencies.matmul,
                    .weight_read_efficiency = hardware.efficiencies.weight_read,
                    .kv_read_efficiency = hardware.efficiencies.kv_read,
                    .attention_efficiency = hardware.efficiencies.attention,
                    .layer_overhead_s = hardware.efficiencies.layer_overhead_s};
  if (machine.count > 1) {
    // Two all-reduces per layer, after attention and after the feed-forward part; each moves 2*(count - 1)/count of the stream's 16-bit
    // activations through every link.
    step.layer_overhead_s += 2 * hardware.link_latency_s;
    step.transfer_s_per_token = 2 * model.layers * model.width * 2 * 2 * (count - 1) / count / (hardware.link_bytes_per_s * LinkShare);
  }

  EngineConfig config{.step = step, .batch_sequences_max = hardware.batch_sequences_max, .batch_tokens_max = hardware.batch_tokens_max};
  const double weight_bytes = model.parameters() * machine.format.bytes_per_parameter / count;
  const double kv_bytes = hardware.memory_bytes * MemoryShare - weight_bytes - ActivationBytes;
  const double blocks = std::floor(kv_bytes / (config.kv_block_tokens * step.kv_bytes_per_token));
  if (!(blocks >= 1)) {
    return fail(std::string(model.name) + " in " + std::string(machine.format.name) + " takes " +
                    std::to_string(std::llround(weight_bytes / 1e9)) + " GB of each " + std::string(hardware.name) + ", which has " +
                    std::to_string(std::llround(hardware.memory_bytes / 1e9)) + "; take more of them, or a smaller format",
                Fault::Client);
  }
  config.kv_blocks = static_cast<std::uint32_t>(std::min(blocks, 1e7));
  return config;
}

}  // namespace evener::lab
