#pragma once
// Registry: which metrics exist, and their text for Prometheus. A metric is declared once with its help and label names; a series (one set
// of label values) is resolved with with() when its subject appears, and its handle is kept. Values that live elsewhere (the state of an
// endpoint, say) are not copied here but collected when somebody scrapes.
//
//   Registry metrics(workers);
//   const auto requests = metrics.counter({.name = "evener_requests_total", .help = "Requests by outcome.", .labels = {"pool", "outcome"}});
//   const Counter ok = requests.with({"chat", "ok"});   // once
//   ok.add();                                           // per request

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evener/telemetry/metrics.h"

namespace evener::telemetry {

inline constexpr std::size_t DefaultSeriesMax = 2000;

/// A wrong name or label is a programming error and ends the process with a message, as it would give a page that nobody can scrape.
struct MetricSpec {
  std::string name;                 // [a-zA-Z_:][a-zA-Z0-9_:]*, counters end in _total
  std::string help;
  std::vector<std::string> labels = {};
  /// Beyond so many sets of label values, new ones count together in one series labelled otel_metric_overflow="true", and
  /// evener_metric_series_overflow_total{metric=...} counts how often that was asked for. Collected values beyond it are left out.
  std::size_t series_max = DefaultSeriesMax;
};

using Labels = std::initializer_list<std::string_view>;                         // values, in the order of MetricSpec::labels
using LabelPair = std::pair<std::string_view, std::string_view>;                // name, value

/// What a collector hands in while somebody scrapes.
class Samples {
 public:
  virtual ~Samples() = default;
  /// `metric` is the index of a metric of this collector. A second value for the same labels is ignored.
  virtual void put(std::size_t metric, Labels values, double value) = 0;
};

enum class CollectedKind : std::uint8_t { Gauge, Counter };
struct CollectedMetric {
  MetricSpec spec;
  CollectedKind kind = CollectedKind::Gauge;
};

/// Thread-safe. Families and collections must not outlive it; handles may.
class Registry {
 private:
  struct State;
  struct FamilyState;

 public:
  template <class Handle>
  class Family {
   public:
    Family() = default;
    /// Takes the registry's lock: at set-up, not per request. Asked again with the same values it gives the same series.
    [[nodiscard]] Handle with(Labels values) const;

   private:
    friend class Registry;
    Family(State* state, FamilyState* family) : state_(state), family_(family) {}
    State* state_ = nullptr;
    FamilyState* family_ = nullptr;
  };

  /// Ends a collection when it goes. After that the callback is not running and will not run.
  class Collection {
   public:
    Collection() = default;
    Collection(Collection&& other) noexcept : state_(std::exchange(other.state_, nullptr)), id_(other.id_) {}
    Collection& operator=(Collection&& other) noexcept {
      std::swap(state_, other.state_);
      std::swap(id_, other.id_);
      return *this;
    }
    ~Collection();

   private:
    friend class Registry;
    Collection(State* state, std::uint64_t id) : state_(state), id_(id) {}
    State* state_ = nullptr;
    std::uint64_t id_ = 0;
  };

  /// `workers` threads will claim the shards 1..workers with use_shard().
  explicit Registry(std::uint32_t workers);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // Declared again with the same spec, a metric is the same metric.
  Family<Counter> counter(MetricSpec spec);
  Family<UpDown> up_down(MetricSpec spec);
  Family<Gauge> gauge(MetricSpec spec);
  /// Upper bounds in rising order, 1..64 of them; +Inf is added.
  Family<Histogram> histogram(MetricSpec spec, std::span<const double> bounds);

  /// `fill` is called for every scrape, under the registry's lock: it must not call the registry. Several collections may share metrics.
  [[nodiscard]] Collection collect(std::vector<CollectedMetric> metrics, std::function<void(Samples&)> fill);

  /// Drops every series of every metric that carries all these labels, such as those of an endpoint that was removed. Handles to them stay
  /// valid and count into nothing. Returns how many series went.
  std::size_t drop_series(std::initializer_list<LabelPair> labels);

  /// Appends the page in the text format 0.0.4, metrics sorted by name and series by label values.
  void expose(std::string& out) const;

 private:
  std::unique_ptr<State> state_;
};

inline constexpr std::string_view ExpositionContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace evener::telemetry
