#include "evener/telemetry/registry.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <type_traits>

#include "evener/telemetry/cells.h"
#include "evener/telemetry/exposition.h"

namespace evener::telemetry {
namespace {

using detail::CellArena;
using detail::Cells;
using Values = std::vector<std::string>;

constexpr std::size_t HistogramBoundsMax = 64;
constexpr std::string_view OverflowLabel = "otel_metric_overflow=\"true\"";
constexpr std::string_view OverflowCounter = "evener_metric_series_overflow_total";

[[noreturn]] void misuse(std::string_view metric, std::string_view why) {
  std::fprintf(stderr, "metric %.*s: %.*s\n", static_cast<int>(metric.size()), metric.data(), static_cast<int>(why.size()), why.data());
  std::abort();
}

bool is_name(std::string_view text, bool colons) {
  if (text.empty()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colons && c == ':');
    const bool digit = c >= '0' && c <= '9';
    if (!letter && !(digit && i > 0)) return false;
  }
  return true;
}

enum class Kind : std::uint8_t { Counter, UpDown, Gauge, Histogram, CollectedCounter, CollectedGauge };

bool is_counter(Kind kind) { return kind == Kind::Counter || kind == Kind::CollectedCounter; }
bool is_collected(Kind kind) { return kind == Kind::CollectedCounter || kind == Kind::CollectedGauge; }

std::string_view type_word(Kind kind) {
  if (is_counter(kind)) return "counter";
  return kind == Kind::Histogram ? "histogram" : "gauge";
}

void check_spec(const MetricSpec& spec, Kind kind, std::span<const double> bounds) {
  if (!is_name(spec.name, true)) misuse(spec.name, "not a metric name");
  if (spec.help.empty()) misuse(spec.name, "has no help");
  if (is_counter(kind) && !spec.name.ends_with("_total")) misuse(spec.name, "a counter's name ends in _total");
  if (!is_counter(kind) && spec.name.ends_with("_total")) misuse(spec.name, "only a counter's name ends in _total");
  for (const std::string& label : spec.labels) {
    if (!is_name(label, false) || label.starts_with("__") || label == "le") misuse(spec.name, "label name " + label + " is not allowed");
    if (std::count(spec.labels.begin(), spec.labels.end(), label) > 1) misuse(spec.name, "label " + label + " appears twice");
  }
  if (spec.series_max == 0) misuse(spec.name, "series_max is 0");
  if (kind != Kind::Histogram) return;
  if (bounds.empty() || bounds.size() > HistogramBoundsMax) misuse(spec.name, "a histogram has 1..64 bounds");
  if (!std::is_sorted(bounds.begin(), bounds.end(), std::less_equal<>())) misuse(spec.name, "bounds must rise");
  if (!std::all_of(bounds.begin(), bounds.end(), [](double bound) { return std::isfinite(bound); })) misuse(spec.name, "bounds are finite");
}

// Sorts what one metric's collectors hand in.
using Collected = std::map<Values, double>;

}  // namespace

struct Registry::FamilyState {
  MetricSpec spec;
  Kind kind{};
  std::shared_ptr<const std::vector<double>> bounds;
  std::map<Values, std::shared_ptr<const Cells>> series;
  std::shared_ptr<const Cells> overflow;
  std::uint64_t overflowed = 0;
  std::size_t collectors = 0;  // of a collected metric; at 0 it is gone from the page

  [[nodiscard]] std::uint32_t cells_per_series() const { return kind == Kind::Histogram ? static_cast<std::uint32_t>(bounds->size() + 2) : 1; }
};

struct Registry::State {
  explicit State(std::uint32_t workers) : arena(std::make_shared<CellArena>(workers + 1)) {}

  mutable std::mutex mutex;
  std::shared_ptr<CellArena> arena;
  std::map<std::string, std::unique_ptr<FamilyState>, std::less<>> families;

  struct Collector {
    std::vector<FamilyState*> metrics;
    std::function<void(Samples&)> fill;
  };
  std::map<std::uint64_t, Collector> collectors;
  std::uint64_t next_collector = 1;

  FamilyState* declare(MetricSpec spec, Kind kind, std::span<const double> bounds = {}) {
    check_spec(spec, kind, bounds);
    const std::lock_guard lock(mutex);
    return declare_locked(std::move(spec), kind, bounds);
  }

  FamilyState* declare_locked(MetricSpec spec, Kind kind, std::span<const double> bounds) {
    if (spec.name == OverflowCounter) misuse(spec.name, "is made by the registry itself");
    std::unique_ptr<FamilyState>& family = families[spec.name];
    if (family != nullptr) {
      const bool same = family->kind == kind && family->spec.help == spec.help && family->spec.labels == spec.labels &&
                        family->spec.series_max == spec.series_max && std::ranges::equal(*family->bounds, bounds);
      if (!same) misuse(spec.name, "declared twice, differently");
      return family.get();
    }
    family = std::make_unique<FamilyState>();
    family->spec = std::move(spec);
    family->kind = kind;
    family->bounds = std::make_shared<const std::vector<double>>(bounds.begin(), bounds.end());
    return family.get();
  }

  std::shared_ptr<const Cells> new_cells(const FamilyState& family) const {
    return std::make_shared<const Cells>(arena, family.cells_per_series(), family.bounds);
  }

  std::shared_ptr<const Cells> resolve(FamilyState& family, Labels values) {
    if (values.size() != family.spec.labels.size()) misuse(family.spec.name, "label values do not match the label names");
    Values key(values.begin(), values.end());
    const std::lock_guard lock(mutex);
    const auto found = family.series.find(key);
    if (found != family.series.end()) return found->second;
    if (family.series.size() >= family.spec.series_max) {
      ++family.overflowed;
      if (family.overflow == nullptr) family.overflow = new_cells(family);
      return family.overflow;
    }
    return family.series.emplace(std::move(key), new_cells(family)).first->second;
  }

  static void expose_series(std::string& out, const FamilyState& family, std::string_view labels, const Cells& cells) {
    const std::string_view name = family.spec.name;
    switch (family.kind) {
      case Kind::Counter: return append_sample(out, name, "", labels, "", cells.total(0));
      case Kind::UpDown: return append_sample(out, name, "", labels, "", static_cast<double>(static_cast<std::int64_t>(cells.total(0))));
      case Kind::Gauge: return append_sample(out, name, "", labels, "", cells.total_double(0));
      case Kind::Histogram: break;
      case Kind::CollectedCounter:
      case Kind::CollectedGauge: return;
    }
    std::uint64_t so_far = 0;
    std::string bound;
    for (std::size_t i = 0; i <= cells.bounds().size(); ++i) {
      so_far += cells.total(i);
      bound = "le=\"";
      if (i < cells.bounds().size()) {
        append_float(bound, cells.bounds()[i]);
      } else {
        bound += "+Inf";
      }
      bound += '"';
      append_sample(out, name, "_bucket", labels, bound, so_far);
    }
    append_sample(out, name, "_sum", labels, "", cells.total_double(cells.bounds().size() + 1));
    append_sample(out, name, "_count", labels, "", so_far);  // from the buckets, so that it always equals the last of them
  }

  class Gathering final : public Samples {
   public:
    explicit Gathering(std::map<FamilyState*, Collected>& all) : all_(all) {}
    void from(const Collector& collector) {
      collector_ = &collector;
      collector.fill(*this);
    }
    void put(std::size_t metric, Labels values, double value) override {
      if (metric >= collector_->metrics.size()) misuse("?", "a collector put a metric it does not have");
      FamilyState& family = *collector_->metrics[metric];
      if (values.size() != family.spec.labels.size()) misuse(family.spec.name, "label values do not match the label names");
      Collected& samples = all_[&family];
      if (samples.size() >= family.spec.series_max) {
        ++family.overflowed;
        return;
      }
      samples.emplace(Values(values.begin(), values.end()), value);
    }

   private:
    std::map<FamilyState*, Collected>& all_;
    const Collector* collector_ = nullptr;
  };
};

template <class Handle>
Handle Registry::Family<Handle>::with(Labels values) const {
  const std::shared_ptr<const Cells> cells = state_->resolve(*family_, values);
  detail::CellRef ref(cells->base(), cells->shards(), cells);
  if constexpr (std::is_same_v<Handle, Histogram>) {
    return Histogram(std::move(ref), cells->bounds());
  } else {
    return Handle(std::move(ref));
  }
}

template class Registry::Family<Counter>;
template class Registry::Family<UpDown>;
template class Registry::Family<Gauge>;
template class Registry::Family<Histogram>;

Registry::Registry(std::uint32_t workers) : state_(std::make_unique<State>(workers)) {}
Registry::~Registry() = default;

Registry::Family<Counter> Registry::counter(MetricSpec spec) { return {state_.get(), state_->declare(std::move(spec), Kind::Counter)}; }
Registry::Family<UpDown> Registry::up_down(MetricSpec spec) { return {state_.get(), state_->declare(std::move(spec), Kind::UpDown)}; }
Registry::Family<Gauge> Registry::gauge(MetricSpec spec) { return {state_.get(), state_->declare(std::move(spec), Kind::Gauge)}; }
Registry::Family<Histogram> Registry::histogram(MetricSpec spec, std::span<const double> bounds) {
  return {state_.get(), state_->declare(std::move(spec), Kind::Histogram, bounds)};
}

Registry::Collection Registry::collect(std::vector<CollectedMetric> metrics, std::function<void(Samples&)> fill) {
  const auto kind_of = [](const CollectedMetric& metric) {
    return metric.kind == CollectedKind::Counter ? Kind::CollectedCounter : Kind::CollectedGauge;
  };
  for (const CollectedMetric& metric : metrics) check_spec(metric.spec, kind_of(metric), {});
  const std::lock_guard lock(state_->mutex);
  State::Collector collector{.metrics = {}, .fill = std::move(fill)};
  for (CollectedMetric& metric : metrics) {
    const Kind kind = kind_of(metric);
    FamilyState* family = state_->declare_locked(std::move(metric.spec), kind, {});
    ++family->collectors;
    collector.metrics.push_back(family);
  }
  const std::uint64_t id = state_->next_collector++;
  state_->collectors.emplace(id, std::move(collector));
  return {state_.get(), id};
}

Registry::Collection::~Collection() {
  if (state_ == nullptr) return;
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->collectors.find(id_);
  for (FamilyState* family : found->second.metrics) --family->collectors;
  state_->collectors.erase(found);
}

std::size_t Registry::drop_series(std::initializer_list<LabelPair> labels) {
  if (labels.size() == 0) return 0;
  std::size_t dropped = 0;
  const std::lock_guard lock(state_->mutex);
  for (auto& [name, family] : state_->families) {
    const std::vector<std::string>& names = family->spec.labels;
    const auto carries = [&](const Values& values, const LabelPair& label) {
      const auto at = std::find(names.begin(), names.end(), label.first) - names.begin();
      return static_cast<std::size_t>(at) < names.size() && values[static_cast<std::size_t>(at)] == label.second;
    };
    dropped += std::erase_if(family->series, [&](const auto& series) {
      return std::all_of(labels.begin(), labels.end(), [&](const LabelPair& label) { return carries(series.first, label); });
    });
  }
  return dropped;
}

void Registry::expose(std::string& out) const {
  const std::lock_guard lock(state_->mutex);
  std::map<FamilyState*, Collected> collected;
  State::Gathering gathering(collected);
  for (const auto& [id, collector] : state_->collectors) gathering.from(collector);

  std::map<std::string_view, std::uint64_t> overflowed;
  for (const auto& [name, family] : state_->families) {
    if (family->overflowed > 0) overflowed[name] += family->overflowed;
  }
  bool overflow_shown = overflowed.empty();
  const auto show_overflow = [&] {
    overflow_shown = true;
    append_family_head(out, OverflowCounter, "How often a new series of a metric was refused by its limit and counted in the overflow series.",
                       "counter");
    for (const auto& [name, times] : overflowed) {
      append_sample(out, OverflowCounter, "", "metric=\"" + std::string(name) + "\"", "", times);
    }
  };

  for (const auto& [name, family] : state_->families) {
    if (!overflow_shown && name > OverflowCounter) show_overflow();
    if (is_collected(family->kind) && family->collectors == 0) continue;
    append_family_head(out, name, family->spec.help, type_word(family->kind));
    for (const auto& [values, cells] : family->series) State::expose_series(out, *family, label_text(family->spec.labels, values), *cells);
    if (family->overflow != nullptr) State::expose_series(out, *family, OverflowLabel, *family->overflow);
    if (!is_collected(family->kind)) continue;
    for (const auto& [values, value] : collected[family.get()]) {
      append_sample(out, name, "", label_text(family->spec.labels, values), "", value);
    }
  }
  if (!overflow_shown) show_overflow();
}

}  // namespace evener::telemetry
