#include "evener/telemetry/exposition.h"

#include <charconv>
#include <cmath>

#include "evener/base/utf8.h"

namespace evener::telemetry {
namespace {

enum class Quotes : std::uint8_t { Keep, Escape };

void append_escaped(std::string& out, std::string_view text, Quotes quotes) {
  std::string valid;
  append_valid_utf8(valid, text);
  for (const char c : valid) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes == Quotes::Escape) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

void append_name_and_labels(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels, std::string_view extra) {
  out += name;
  out += suffix;
  if (!labels.empty() || !extra.empty()) {
    out += '{';
    out += labels;
    if (!labels.empty() && !extra.empty()) out += ',';
    out += extra;
    out += '}';
  }
  out += ' ';
}

}  // namespace

void append_family_head(std::string& out, std::string_view name, std::string_view help, std::string_view type) {
  out.append("# HELP ").append(name).append(" ");
  append_escaped(out, help, Quotes::Keep);
  out.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

std::string label_text(std::span<const std::string> names, std::span<const std::string> values) {
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < values.size(); ++i) {
    if (i > 0) out += ',';
    out.append(names[i]).append("=\"");
    append_escaped(out, values[i], Quotes::Escape);
    out += '"';
  }
  return out;
}

void append_float(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
    return;
  }
  char digits[40];
  const double size = std::fabs(value);
  const bool plain = size == 0 || (size >= 1e-5 && size < 1e21);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value, format).ptr);
}

void append_sample(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels, std::string_view extra_label,
                   double value) {
  append_name_and_labels(out, name, suffix, labels, extra_label);
  append_float(out, value);
  out += '\n';
}

void append_sample(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels, std::string_view extra_label,
                   std::uint64_t value) {
  append_name_and_labels(out, name, suffix, labels, extra_label);
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  out += '\n';
}

}  // namespace evener::telemetry
