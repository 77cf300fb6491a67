#pragma once
// Reads a page in Prometheus' text format (0.0.4, and the samples of OpenMetrics) line by line: names, labels, values and timestamps. One pass
// without allocations. Histograms and summaries are plain samples here; comments, HELP, TYPE and exemplars are passed over. A line that is
// malformed costs that line and is counted, because one odd series must not blind us to the others.
//
//   PrometheusReader page(text);
//   PrometheusSample sample;
//   while (page.next()) {
//     if (page.name() == "queue_length" && page.read(sample)) total += sample.value;
//   }

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace evener::protocol {

inline constexpr std::size_t PrometheusLineBytesMax = 64 * 1024;  // a longer line is malformed
inline constexpr std::size_t PrometheusLabelsMax = 64;            // of one sample

/// The labels of a sample that was read, hence well-formed. Borrows from the page.
class PrometheusLabels {
 public:
  struct Label {
    std::string_view name;
    std::string_view value;  // as written: escapes are left in
  };

  PrometheusLabels() = default;
  explicit PrometheusLabels(std::string_view between_braces) : text_(between_braces) {}

  /// The value as written, or nothing when there is no such label. O(labels).
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  /// Takes the first label off `rest`, which starts as text(). Nothing at the end.
  [[nodiscard]] static std::optional<Label> take(std::string_view& rest);
  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

/// The value of a label with its escapes (\\, \", \n) undone.
[[nodiscard]] std::string unescape_label(std::string_view value);

/// What Prometheus takes for a number: decimal or scientific, NaN, and infinities. Beyond a double's range it is none.
[[nodiscard]] std::optional<double> to_sample_value(std::string_view text);

struct PrometheusSample {
  std::string_view name;
  PrometheusLabels labels;
  double value = 0;  // may be NaN or infinite
  std::optional<std::int64_t> timestamp_ms;
};

/// Borrows the page. Not safe for several threads.
class PrometheusReader {
 public:
  explicit PrometheusReader(std::string_view page) : rest_(page) {}

  /// Moves to the next sample that may be of interest; false at the end. After a sample that was not read, the following ones of the same
  /// name are passed over too: whoever did not want one bucket of a histogram wants none.
  bool next();
  /// [a-zA-Z_:][a-zA-Z0-9_:]*, of the sample that next() found.
  [[nodiscard]] std::string_view name() const { return name_; }
  /// Reads that sample; false, and counted, when its line is malformed.
  bool read(PrometheusSample& out);

  /// Lines so far that are neither blank nor comments nor begin with a name, and those that read() refused. What was passed over is not
  /// looked into.
  [[nodiscard]] std::size_t malformed() const { return malformed_; }

 private:
  std::string_view rest_;  // after the current line
  std::string_view line_;  // behind the name
  std::string_view name_;
  bool read_ = true;  // the current sample was read, or there is none
  std::size_t malformed_ = 0;
};

}  // namespace evener::protocol
