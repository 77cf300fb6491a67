#include "evener/protocol/engine_load.h"

#include <algorithm>
#include <array>

#include "evener/protocol/engine_load_json.h"
#include "evener/protocol/engine_load_names.h"
#include "evener/protocol/prometheus_text.h"

namespace evener::protocol {
namespace {

/// One figure out of the samples of several label sets.
struct Gathered {
  double sum = 0;
  double most = 0;
  double count = 0;
  std::uint64_t ranks_seen = 0;  // SGLang: data-parallel ranks that were counted

  void add(double value) {
    sum += value;
    most = count > 0 ? std::max(most, value) : value;
    ++count;
  }
  void into(LoadFigures& figures, Figure figure, Combine combine, double scale) const {
    const double value = combine == Combine::Sum ? sum : combine == Combine::Mean ? sum / count : most;
    figures.set(figure, value * scale);
  }
};

std::optional<double> label_number(const PrometheusLabels& labels, std::string_view name) {
  const auto text = labels.find(name);
  return text ? to_sample_value(*text) : std::nullopt;  // "None" while the engine starts
}

/// Whether a sample counts. With tensor parallelism every rank may export the same figures of the one engine that they are together; with
/// data-parallel attention the tensor rank differs between engines. So one sample per data-parallel rank counts, and without that label the
/// one of tensor rank 0.
bool counts_sglang(const PrometheusLabels& labels, Gathered& gathered) {
  if (const auto stage = labels.find("pp_rank"); stage && *stage != "0") return false;
  if (const auto rank = label_number(labels, "dp_rank"); rank && *rank >= 0 && *rank < 64) {
    const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(*rank);
    if ((gathered.ranks_seen & bit) != 0) return false;
    gathered.ranks_seen |= bit;
    return true;
  }
  const auto tensor = labels.find("tp_rank");
  return !tensor || *tensor == "0";
}

void add_adapters(std::vector<std::string>& out, std::string_view list) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view name = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (!name.empty() && out.size() < AdaptersMax) out.push_back(unescape_label(name));
  }
}

bool matches(const FigureSource& source, const PrometheusSample& sample) {
  return source.metric == sample.name && std::all_of(source.labels.begin(), source.labels.end(), [&](const auto& wanted) {
           const auto found = sample.labels.find(wanted.first);
           return found && (*found == wanted.second || unescape_label(*found) == wanted.second);
         });
}

class PrometheusLoad {
 public:
  explicit PrometheusLoad(std::span<const FigureSource> mapping) : mapping_(mapping), mapped_(mapping.size()) {}

  LoadReading read(std::string_view page) {
    PrometheusReader reader(page);
    PrometheusSample sample;
    while (reader.next()) {
      const auto known = engine_of_metric(reader.name());
      const bool wanted = (known && is_wanted(*known)) || is_mapped(reader.name());
      // One sample at least has to be whole: any text of words has something that looks like a name.
      if (!wanted && reading_.samples > 0) {
        if (known) ++seen_[static_cast<std::size_t>(known->engine)];
        continue;
      }
      if (!reader.read(sample)) continue;
      ++reading_.samples;
      if (known) ++seen_[static_cast<std::size_t>(known->engine)];
      for (std::size_t i = 0; i < mapping_.size(); ++i) {
        if (matches(mapping_[i], sample)) mapped_[i].add(sample.value);
      }
      if (known) take(*known, sample);
    }
    finish();
    return std::move(reading_);
  }

 private:
  static bool is_adapters(const EngineMetricName& known) { return known.engine == EngineKind::Vllm && known.name == "lora_requests_info"; }
  static bool is_wanted(const EngineMetricName& known) {
    const auto rules = load_rules();
    return is_adapters(known) || std::any_of(rules.begin(), rules.end(),
                                             [&](const LoadRule& rule) { return rule.engine == known.engine && rule.name == known.name; });
  }
  [[nodiscard]] bool is_mapped(std::string_view name) const {
    return std::any_of(mapping_.begin(), mapping_.end(), [&](const FigureSource& source) { return source.metric == name; });
  }

  void take(const EngineMetricName& known, const PrometheusSample& sample) {
    if (is_adapters(known)) {
      // Old states stay on the page; the value is the time of each.
      reading_.adapters_known = true;
      if (!(sample.value >= adapters_at_)) return;
      adapters_at_ = sample.value;
      reading_.adapters.clear();
      for (const std::string_view label : {"running_lora_adapters", "waiting_lora_adapters"}) {
        if (const auto names = sample.labels.find(label)) add_adapters(reading_.adapters, *names);
      }
      return;
    }
    const auto rules = load_rules();
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const LoadRule& rule = rules[i];
      if (rule.engine != known.engine || rule.name != known.name) continue;
      if (!rule.label.empty() && sample.labels.find(rule.label) != rule.label_value) continue;
      if (rule.engine == EngineKind::Sglang && !counts_sglang(sample.labels, gathered_[i])) continue;
      const std::optional<double> value =
          rule.value_label.empty() ? std::optional(sample.value) : label_number(sample.labels, rule.value_label);
      if (value) gathered_[i].add(*value);
    }
  }

  void finish() {
    for (std::size_t i = 0; i < mapping_.size(); ++i) {
      if (mapped_[i].count > 0 && !reading_.figures[mapping_[i].figure])
        mapped_[i].into(reading_.figures, mapping_[i].figure, mapping_[i].combine, mapping_[i].scale);
    }
    // A page may carry the names of several, such as a server that embeds an engine: the one with the most metrics is it.
    const auto most = std::max_element(seen_.begin(), seen_.end());
    if (*most > 0) {
      reading_.engine = static_cast<EngineKind>(most - seen_.begin());
      LoadFigures own;
      const auto rules = load_rules();
      for (std::size_t i = 0; i < rules.size(); ++i) {
        if (rules[i].engine != *reading_.engine || gathered_[i].count == 0 || own[rules[i].figure]) continue;
        gathered_[i].into(own, rules[i].figure, rules[i].combine, 1);
      }
      reading_.figures.fill_from(own);
    }
    std::sort(reading_.adapters.begin(), reading_.adapters.end());
    reading_.adapters.erase(std::unique(reading_.adapters.begin(), reading_.adapters.end()), reading_.adapters.end());
  }

  std::span<const FigureSource> mapping_;
  std::vector<Gathered> mapped_;
  std::array<Gathered, LoadRulesMax> gathered_{};
  std::array<std::size_t, EngineNames.size()> seen_{};
  double adapters_at_ = 0;
  LoadReading reading_;
};

constexpr std::array<std::string_view, 1> MetricsPath = {"/metrics"};
constexpr std::array<std::string_view, 2> SglangPaths = {"/v1/loads?include=core,queues,memory", "/metrics"};
constexpr std::array<std::string_view, 2> LlamaPaths = {"/metrics", "/slots"};
constexpr std::array<std::string_view, 2> TrtPaths = {"/prometheus/metrics", "/metrics"};
constexpr std::array<std::string_view, 1> TfServingPaths = {"/monitoring/prometheus/metrics"};
// /version comes last: it has no figures, but tells a vLLM that keeps no statistics from a server that has none.
constexpr std::array<std::string_view, 6> DetectionPaths = {"/metrics", "/v1/loads?include=core,queues,memory", "/prometheus/metrics",
                                                            "/slots",   "/monitoring/prometheus/metrics",       "/version"};

}  // namespace

LoadReading read_load(std::string_view body, std::span<const FigureSource> mapping) {
  const std::size_t begin = body.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  LoadReading reading = body[begin] == '{' || body[begin] == '[' ? read_json_load(body) : PrometheusLoad(mapping).read(body);
  reading.figures.derive();
  return reading;
}

std::span<const std::string_view> load_paths(EngineKind kind) {
  switch (kind) {
    case EngineKind::Vllm:
    case EngineKind::Tgi:
    case EngineKind::Triton:
    case EngineKind::Generic: return MetricsPath;
    case EngineKind::Sglang: return SglangPaths;
    case EngineKind::LlamaCpp: return LlamaPaths;
    case EngineKind::TrtLlm: return TrtPaths;
    case EngineKind::TfServing: return TfServingPaths;
    case EngineKind::OpenAi:
    case EngineKind::Ollama: break;
  }
  return {};
}

std::span<const std::string_view> detection_paths() { return DetectionPaths; }

std::uint16_t metrics_port(EngineKind kind) { return kind == EngineKind::Triton ? 8002 : 0; }

FigureSet figures_of(EngineKind kind) {
  LoadFigures all;
  for (const LoadRule& rule : load_rules()) {
    if (rule.engine == kind) all.set(rule.figure, 1);
  }
  if (kind == EngineKind::Sglang) all.set(Figure::WaitingTokens, 1);
  if (kind == EngineKind::LlamaCpp) all.set(Figure::RequestsMax, 1);
  all.derive();
  return all.present();
}

std::string_view title_of(EngineKind kind) {
  switch (kind) {
    case EngineKind::OpenAi: return "OpenAI API";
    case EngineKind::Vllm: return "vLLM";
    case EngineKind::Sglang: return "SGLang";
    case EngineKind::LlamaCpp: return "llama.cpp";
    case EngineKind::Tgi: return "TGI";
    case EngineKind::TrtLlm: return "TensorRT-LLM";
    case EngineKind::Triton: return "Triton";
    case EngineKind::TfServing: return "TensorFlow Serving";
    case EngineKind::Ollama: return "Ollama";
    case EngineKind::Generic: break;
  }
  return "generic";
}

std::string describe_load(std::optional<EngineKind> engine, std::string_view path, FigureSet present) {
  const auto listed = [](FigureSet set) {
    std::string text;
    for (std::size_t i = 0; i < ReportedFigures; ++i) {
      if (set.has(static_cast<Figure>(i))) text.append(text.empty() ? "" : ", ").append(words_of(static_cast<Figure>(i)));
    }
    return text;
  };
  std::string text(engine ? title_of(*engine) : "unknown engine");
  text.append(" (").append(path).append("): ");
  if (present.empty()) return text + "no load figure";
  text += listed(present) + " present";
  if (engine) {
    if (const std::string absent = listed(figures_of(*engine).without(present)); !absent.empty()) text += "; " + absent + " absent";
  }
  return text;
}

}  // namespace evener::protocol
