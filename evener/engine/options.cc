#include "evener/engine/options.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "evener/lab/engine_presets.h"
#include "evener/lab/engine_settings.h"

namespace evener::engine {
namespace {

std::optional<double> read_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

struct Field {
  std::string_view name;
  double min, max;
  bool whole;
  void (*set)(EngineOptions&, double);
};

std::uint32_t count(double value) { return static_cast<std::uint32_t>(value); }

constexpr std::array Fields = {
    Field{"time_scale", 0.001, 10'000, false, [](EngineOptions& o, double v) { o.time_scale = v; }},
    Field{"output_tokens", 1, 1e6, true, [](EngineOptions& o, double v) { o.output_tokens_default = count(v); }},
    Field{"dimensions", 1, 8192, true, [](EngineOptions& o, double v) { o.embedding_dimensions = count(v); }},
};

Result<void> set_field(EngineOptions& options, std::string_view key, std::string_view text) {
  const std::optional<double> value = read_number(text);
  for (const Field& field : Fields) {
    if (field.name != key) continue;
    if (!value || *value < field.min || *value > field.max || (field.whole && std::floor(*value) != *value)) {
      return fail(fmt::format("{} is \"{}\"; it must be {}{}..{}", key, text, field.whole ? "a whole number " : "", field.min, field.max),
                  Fault::Client);
    }
    field.set(options, *value);
    return {};
  }
  if (is_fault_name(key)) {
    if (!value) return fail(fmt::format("{} is \"{}\"; it must be a number", key, text), Fault::Client);
    return set_fault(options.faults, key, *value);
  }
  if (lab::is_engine_setting(key)) {
    lab::NamedEngine engine{.name = options.name, .config = options.config, .request_overhead = options.request_overhead};
    if (auto set = lab::set_engine(engine, key, text); !set) return set;
    options.config = engine.config;
    options.request_overhead = engine.request_overhead;
    return {};
  }
  std::string known = "name, listen, port, model";
  for (const Field& field : Fields) known += fmt::format(", {}", field.name);
  known += ", " + lab::engine_setting_names() + ", kv_events, kv_replay, kv_topic, kv_encoding";
  return fail(fmt::format("there is no engine setting \"{}\"; known are {}, and the faults", key, known), Fault::Client);
}

}  // namespace

Result<EngineOptions> parse_engine_spec(std::string_view text, EngineOptions base) {
  const auto next_part = [&text] {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    return part;
  };
  const std::string_view preset_name = next_part();
  const auto named = lab::engine_named(preset_name);
  if (!named) return tl::unexpected(named.error());

  EngineOptions options = std::move(base);
  options.name = named->name;
  options.config = named->config;
  options.request_overhead = named->request_overhead;
  bool model_given = false;
  while (!text.empty()) {
    const std::string_view part = next_part();
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) return fail(fmt::format("\"{}\" is not of the form key=value", part), Fault::Client);
    const std::string_view key = part.substr(0, equals), value = part.substr(equals + 1);
    if (key == "name") {
      options.name = value;
    } else if (key == "listen") {
      options.listen = value;
    } else if (key == "port") {
      const auto port = read_number(value);
      if (!port || *port < 0 || *port > 65535 || std::floor(*port) != *port) {
        return fail(fmt::format("port is \"{}\"; it must be a whole number 0..65535", value), Fault::Client);
      }
      options.listen = fmt::format("127.0.0.1:{}", value);
    } else if (key == "kv_events" || key == "kv_replay") {
      if (auto checked = net::check_zmq_address(value, net::ZmqPort::MayBeFree); !checked) {
        return fail(fmt::format("{} is {}", key, checked.error().message), Fault::Client);
      }
      (key == "kv_events" ? options.kv_events.address : options.kv_events.replay) = value;
    } else if (key == "kv_topic") {
      options.kv_events.topic = value;
    } else if (key == "kv_encoding") {
      if (value != "maps" && value != "arrays")
        return fail(fmt::format("kv_encoding is \"{}\"; it must be maps or arrays", value), Fault::Client);
      options.kv_events.encoding = value == "maps" ? protocol::KvEncoding::Maps : protocol::KvEncoding::Arrays;
    } else if (key == "model") {
      if (!std::exchange(model_given, true)) options.models.clear();
      options.models.emplace_back(value);
    } else if (auto set = set_field(options, key, value); !set) {
      return tl::unexpected(set.error());
    }
  }
  return options;
}

}  // namespace evener::engine
