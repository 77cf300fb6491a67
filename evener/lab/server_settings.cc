#include "evener/lab/server_settings.h"

#include <algorithm>
#include <array>
#include <span>

#include "evener/lab/engine_settings.h"
#include "evener/lab/setting_value.h"

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

// No model in particular: starting points with the servers' ways to batch. TensorFlow Serving and Triton fill a batch for a while; an ONNX Runtime
// session runs what it is given.
struct NamedModel {
  std::string_view name;
  decltype(SimulatedEndpoint::engine) model;
};
const std::array Models = {
    NamedModel{"tf-serving", ServiceConfig{.workers = 1, .base_s = 0.005, .item_s = 0.001, .batch_max = 32, .batch_wait = 1ms}},
    NamedModel{"triton", ServiceConfig{.workers = 2, .base_s = 0.004, .item_s = 0.001, .batch_max = 16, .batch_wait = 100us}},
    NamedModel{"onnx", ServiceConfig{.workers = 4, .item_s = 0.01}},
    NamedModel{"shared", SharingConfig{.cores = 4, .slots = 16, .base_s = 0.02}},
    NamedModel{"api", ExternalConfig{}},
};

template <class T>
struct Setting {
  std::string_view name;
  double min, max;
  Number number;
  void (*set)(T&, double);
};

std::uint32_t count(double value) { return static_cast<std::uint32_t>(value); }

constexpr auto Any = Number::Any, Whole = Number::Whole;
constexpr double MsMax = 600'000;

constexpr std::array ServiceSettings = {
    Setting<ServiceConfig>{"instances", 1, 10'000, Whole, [](ServiceConfig& c, double v) { c.workers = count(v); }},
    Setting<ServiceConfig>{"base_ms", 0, MsMax, Any, [](ServiceConfig& c, double v) { c.base_s = v / 1000; }},
    Setting<ServiceConfig>{"item_ms", 0, MsMax, Any, [](ServiceConfig& c, double v) { c.item_s = v / 1000; }},
    Setting<ServiceConfig>{"input_token_us", 0, 1e9, Any, [](ServiceConfig& c, double v) { c.input_token_s = v / 1e6; }},
    Setting<ServiceConfig>{"output_token_us", 0, 1e9, Any, [](ServiceConfig& c, double v) { c.output_token_s = v / 1e6; }},
    Setting<ServiceConfig>{"batch", 1, 100'000, Whole, [](ServiceConfig& c, double v) { c.batch_max = count(v); }},
    Setting<ServiceConfig>{"batch_wait_ms", 0, MsMax, Any, [](ServiceConfig& c, double v) { c.batch_wait = from_seconds(v / 1000); }},
    Setting<ServiceConfig>{"queue", 0, 1e6, Whole, [](ServiceConfig& c, double v) { c.queue_max = count(v); }},
};
constexpr std::array SharingSettings = {
    Setting<SharingConfig>{"cores", 0.1, 10'000, Any, [](SharingConfig& c, double v) { c.cores = v; }},
    Setting<SharingConfig>{"slots", 1, 1e6, Whole, [](SharingConfig& c, double v) { c.slots = count(v); }},
    Setting<SharingConfig>{"base_ms", 0, MsMax, Any, [](SharingConfig& c, double v) { c.base_s = v / 1000; }},
    Setting<SharingConfig>{"input_token_us", 0, 1e9, Any, [](SharingConfig& c, double v) { c.input_token_s = v / 1e6; }},
    Setting<SharingConfig>{"output_token_us", 0, 1e9, Any, [](SharingConfig& c, double v) { c.output_token_s = v / 1e6; }},
    Setting<SharingConfig>{"queue", 0, 1e6, Whole, [](SharingConfig& c, double v) { c.queue_max = count(v); }},
};
constexpr std::array ExternalSettings = {
    Setting<ExternalConfig>{"rpm", 0, 1e9, Any, [](ExternalConfig& c, double v) { c.requests_per_minute = v; }},
    Setting<ExternalConfig>{"tpm", 0, 1e12, Any, [](ExternalConfig& c, double v) { c.tokens_per_minute = v; }},
    Setting<ExternalConfig>{"ttft_p50_ms", 0.001, MsMax, Any, [](ExternalConfig& c, double v) { c.first_token_p50_s = v / 1000; }},
    Setting<ExternalConfig>{"ttft_p99_ms", 0.001, MsMax, Any, [](ExternalConfig& c, double v) { c.first_token_p99_s = v / 1000; }},
    Setting<ExternalConfig>{"tpot_p50_ms", 0.001, MsMax, Any, [](ExternalConfig& c, double v) { c.token_p50_s = v / 1000; }},
    Setting<ExternalConfig>{"tpot_p99_ms", 0.001, MsMax, Any, [](ExternalConfig& c, double v) { c.token_p99_s = v / 1000; }},
};
constexpr std::array EndpointSettings = {
    Setting<SimulatedEndpoint>{"slow", 0.001, 1e6, Any, [](SimulatedEndpoint& e, double v) { e.slowdown = v; }},
    Setting<SimulatedEndpoint>{"slow-from-s", 0, 1e9, Any, [](SimulatedEndpoint& e, double v) { e.slows_at = from_seconds(v); }},
    Setting<SimulatedEndpoint>{"slow-until-s", 0, 1e9, Any, [](SimulatedEndpoint& e, double v) { e.recovers_at = from_seconds(v); }},
    Setting<SimulatedEndpoint>{"startup-s", 0, 1e9, Any, [](SimulatedEndpoint& e, double v) { e.joins_at = from_seconds(v); }},
    // Failures a millisecond apart would be all that a run does.
    Setting<SimulatedEndpoint>{"mtbf-s", 1, 1e9, Number::ZeroOr,
                               [](SimulatedEndpoint& e, double v) { e.failures.mean_between = from_seconds(v); }},
    Setting<SimulatedEndpoint>{"mttr-s", 0, 1e9, Any, [](SimulatedEndpoint& e, double v) { e.failures.mean_repair = from_seconds(v); }},
    Setting<SimulatedEndpoint>{"jitter-ms", 0, MsMax, Any, [](SimulatedEndpoint& e, double v) { e.jitter = from_seconds(v / 1000); }},
    Setting<SimulatedEndpoint>{"input-price", 0, 1e9, Any, [](SimulatedEndpoint& e, double v) { e.settings.input_price = v; }},
    Setting<SimulatedEndpoint>{"output-price", 0, 1e9, Any, [](SimulatedEndpoint& e, double v) { e.settings.output_price = v; }},
    Setting<SimulatedEndpoint>{"request-price", 0, 1e9, Any, [](SimulatedEndpoint& e, double v) { e.settings.price_per_request = v; }},
    Setting<SimulatedEndpoint>{"overhead_ms", 0, 60'000, Any,
                               [](SimulatedEndpoint& e, double v) { e.request_overhead = from_seconds(v / 1000); }},
};

/// What came of it; nothing when there is no setting of this name.
template <class T>
std::optional<Result<void>> set_one(std::span<const Setting<T>> settings, T& target, std::string_view name, std::string_view text) {
  const auto found = std::find_if(settings.begin(), settings.end(), [&](const Setting<T>& setting) { return setting.name == name; });
  if (found == settings.end()) return std::nullopt;
  const auto value = setting_value(name, text, found->min, found->max, found->number);
  if (!value) return tl::unexpected(value.error());
  found->set(target, *value);
  return Result<void>();
}

template <class T>
std::string names_of(std::span<const Setting<T>> settings) {
  std::string names;
  for (const Setting<T>& setting : settings) names += (names.empty() ? "" : ", ") + std::string(setting.name);
  return names;
}

struct SetModel {
  SimulatedEndpoint& endpoint;
  std::string_view name, value;

  std::optional<Result<void>> operator()(ServiceConfig& config) const {
    return set_one(std::span<const Setting<ServiceConfig>>(ServiceSettings), config, name, value);
  }
  std::optional<Result<void>> operator()(SharingConfig& config) const {
    return set_one(std::span<const Setting<SharingConfig>>(SharingSettings), config, name, value);
  }
  std::optional<Result<void>> operator()(ExternalConfig& config) const {
    return set_one(std::span<const Setting<ExternalConfig>>(ExternalSettings), config, name, value);
  }
  std::optional<Result<void>> operator()(EngineConfig& config) const {
    if (!is_engine_setting(name)) return std::nullopt;
    NamedEngine engine{.name = endpoint.name, .config = config, .request_overhead = endpoint.request_overhead};
    if (auto set = set_engine(engine, name, value); !set) return set;
    config = engine.config;
    endpoint.request_overhead = engine.request_overhead;
    return Result<void>();
  }
};

struct NamesOfModel {
  std::string operator()(const ServiceConfig&) const { return names_of(std::span<const Setting<ServiceConfig>>(ServiceSettings)); }
  std::string operator()(const SharingConfig&) const { return names_of(std::span<const Setting<SharingConfig>>(SharingSettings)); }
  std::string operator()(const ExternalConfig&) const { return names_of(std::span<const Setting<ExternalConfig>>(ExternalSettings)); }
  std::string operator()(const EngineConfig&) const { return engine_setting_names(); }
};

}  // namespace

Result<SimulatedEndpoint> endpoint_named(std::string_view name) {
  for (const NamedModel& named : Models) {
    if (named.name != name) continue;
    SimulatedEndpoint endpoint{.name = std::string(name), .engine = named.model, .settings = {}};
    endpoint.settings.external.enabled = std::holds_alternative<ExternalConfig>(named.model);
    return endpoint;
  }
  auto engine = engine_named(name);
  if (!engine) {
    std::string others;
    for (const NamedModel& named : Models) others += ", " + std::string(named.name);
    return fail(engine.error().message + others, Fault::Client);
  }
  return SimulatedEndpoint{.name = engine->name, .engine = engine->config, .settings = {}, .request_overhead = engine->request_overhead};
}

Result<void> set_endpoint(SimulatedEndpoint& endpoint, std::string_view name, std::string_view value) {
  if (auto set = std::visit(SetModel{endpoint, name, value}, endpoint.engine)) return *set;
  if (auto set = set_one(std::span<const Setting<SimulatedEndpoint>>(EndpointSettings), endpoint, name, value)) return *set;
  return fail("there is no setting \"" + std::string(name) + "\" of " + endpoint.name + "; known are " +
                  std::visit(NamesOfModel{}, endpoint.engine) + "; and of every endpoint " +
                  names_of(std::span<const Setting<SimulatedEndpoint>>(EndpointSettings)),
              Fault::Client);
}

}  // namespace evener::lab
