#include "evener/lab/engine_settings.h"

#include <algorithm>
#include <array>

#include "evener/lab/setting_value.h"

namespace evener::lab {
namespace {

LinearStep& linear(NamedEngine& engine) {
  if (!std::holds_alternative<LinearStep>(engine.config.step)) engine.config.step = LinearStep{};
  return std::get<LinearStep>(engine.config.step);
}

std::uint32_t count(double value) { return static_cast<std::uint32_t>(value); }

struct Setting {
  std::string_view name;
  double min, max;
  bool whole;
  void (*set)(NamedEngine&, double);
  double RooflineStep::* constant = nullptr;
  double scale = 1;
};

constexpr std::array Settings = {
    Setting{"overhead_ms", 0, 60'000, false, [](NamedEngine& e, double v) { e.request_overhead = from_seconds(v / 1000); }},
    Setting{"batch", 1, 1e5, true, [](NamedEngine& e, double v) { e.config.batch_sequences_max = count(v); }},
    Setting{"batch_tokens", 1, 1e6, true, [](NamedEngine& e, double v) { e.config.batch_tokens_max = count(v); }},
    Setting{"kv_blocks", 1, 1e7, true, [](NamedEngine& e, double v) { e.config.kv_blocks = count(v); }},
    Setting{"block_tokens", 1, 4096, true, [](NamedEngine& e, double v) { e.config.kv_block_tokens = count(v); }},
    Setting{"context", 1, 1e8, true, [](NamedEngine& e, double v) { e.config.context_tokens_max = count(v); }},
    Setting{"queue", 0, 1e6, true, [](NamedEngine& e, double v) { e.config.queue_max = count(v); }},
    Setting{"prefix_cache", 0, 1, true,
            [](NamedEngine& e, double v) { e.config.prefix_cache = v > 0 ? KvCache::Prefix::On : KvCache::Prefix::Off; }},
    Setting{"prefill_tokens_per_s", 1, 1e9, false, [](NamedEngine& e, double v) { linear(e).prefill_tokens_per_s = v; }},
    Setting{"step_ms", 0, 60'000, false, [](NamedEngine& e, double v) { linear(e).base_s = v / 1000; }},
    Setting{"per_sequence_ms", 0, 60'000, false, [](NamedEngine& e, double v) { linear(e).per_sequence_s = v / 1000; }},
    Setting{"matmul", 0.001, 1, false, nullptr, &RooflineStep::matmul_efficiency},
    Setting{"weight_read", 0.001, 1, false, nullptr, &RooflineStep::weight_read_efficiency},
    Setting{"kv_read", 0.001, 1, false, nullptr, &RooflineStep::kv_read_efficiency},
    Setting{"attention", 0.001, 1, false, nullptr, &RooflineStep::attention_efficiency},
    Setting{"layer_us", 0, 1e5, false, nullptr, &RooflineStep::layer_overhead_s, 1e-6},
};

const Setting* find(std::string_view name) {
  const auto* const found = std::find_if(Settings.begin(), Settings.end(), [&](const Setting& setting) { return setting.name == name; });
  return found == Settings.end() ? nullptr : found;
}

}  // namespace

bool is_engine_setting(std::string_view name) { return find(name) != nullptr; }

std::string engine_setting_names() {
  std::string names;
  for (const Setting& setting : Settings) names += (names.empty() ? "" : ", ") + std::string(setting.name);
  return names;
}

Result<void> set_engine(NamedEngine& engine, std::string_view name, std::string_view text) {
  const Setting* setting = find(name);
  if (setting == nullptr) {
    return fail("there is no engine setting \"" + std::string(name) + "\"; known are " + engine_setting_names(), Fault::Client);
  }
  const auto value = setting_value(name, text, setting->min, setting->max, setting->whole ? Number::Whole : Number::Any);
  if (!value) return tl::unexpected(value.error());
  if (setting->constant == nullptr) {
    setting->set(engine, *value);
    return {};
  }
  auto* const roofline = std::get_if<RooflineStep>(&engine.config.step);
  if (roofline == nullptr) {
    return fail(std::string(name) + " is a constant of machines, and " + engine.name + " is a straight line: set step_ms and the like",
                Fault::Client);
  }
  roofline->*(setting->constant) = *value * setting->scale;
  return {};
}

}  // namespace evener::lab
