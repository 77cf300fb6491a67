#pragma once
// The Prometheus text format 0.0.4, line by line. Only registry.cc needs this; it is apart because it is testable on its own.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace evener::telemetry {

/// `# HELP` and `# TYPE`; type is counter, gauge or histogram.
void append_family_head(std::string& out, std::string_view name, std::string_view help, std::string_view type);

/// The label part without braces, `a="1",b="2"`, with values escaped and made valid UTF-8.
[[nodiscard]] std::string label_text(std::span<const std::string> names, std::span<const std::string> values);

/// One line. `labels` and `extra_label` are label texts and may be empty.
void append_sample(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels, std::string_view extra_label,
                   double value);
void append_sample(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels, std::string_view extra_label,
                   std::uint64_t value);

/// A number as Prometheus writes it: 0.005, 100000, 1e+21, +Inf, NaN.
void append_float(std::string& out, double value);

}  // namespace evener::telemetry
