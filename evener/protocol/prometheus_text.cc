#include "evener/protocol/prometheus_text.h"

#include <array>
#include <charconv>
#include <cstring>
#include <limits>

namespace evener::protocol {
namespace {

enum : std::uint8_t { LabelFirst = 1, LabelNext = 2, NameFirst = 4, NameNext = 8 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    if (letter) classes[c] = LabelFirst | LabelNext | NameFirst | NameNext;
    if (digit) classes[c] = LabelNext | NameNext;
    if (c == ':') classes[c] = NameFirst | NameNext;
  }
  return classes;
}
constexpr std::array<std::uint8_t, 256> Classes = make_classes();

constexpr bool is(char c, std::uint8_t wanted) { return (Classes[static_cast<unsigned char>(c)] & wanted) != 0; }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

void skip_blanks(std::string_view& text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
}

/// Takes a name off the text; empty when there is none.
std::string_view take_word(std::string_view& text, std::uint8_t first, std::uint8_t next) {
  if (text.empty() || !is(text.front(), first)) return {};
  std::size_t length = 1;
  while (length < text.size() && is(text[length], next)) ++length;
  const std::string_view word = text.substr(0, length);
  text.remove_prefix(length);
  return word;
}

std::string_view take_until_blank(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && !is_blank(text[length])) ++length;
  const std::string_view word = text.substr(0, length);
  text.remove_prefix(length);
  return word;
}

/// Takes `name="value"` with the blanks around it and the comma behind it.
std::optional<PrometheusLabels::Label> take_label(std::string_view& text) {
  skip_blanks(text);
  PrometheusLabels::Label label;
  label.name = take_word(text, LabelFirst, LabelNext);
  if (label.name.empty()) return std::nullopt;
  skip_blanks(text);
  if (!text.starts_with('=')) return std::nullopt;
  text.remove_prefix(1);
  skip_blanks(text);
  if (!text.starts_with('"')) return std::nullopt;
  text.remove_prefix(1);
  std::size_t end = 0;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  if (end >= text.size()) return std::nullopt;
  label.value = text.substr(0, end);
  text.remove_prefix(end + 1);
  skip_blanks(text);
  if (text.starts_with(',')) text.remove_prefix(1);
  return label;
}

/// Takes `{...}` off the text.
std::optional<PrometheusLabels> take_labels(std::string_view& text) {
  text.remove_prefix(1);
  const std::string_view begin = text;
  for (std::size_t count = 0; count <= PrometheusLabelsMax; ++count) {
    skip_blanks(text);
    if (text.starts_with('}')) {
      const std::string_view between = begin.substr(0, begin.size() - text.size());
      text.remove_prefix(1);
      return PrometheusLabels(between);
    }
    const std::size_t left = text.size();
    if (!take_label(text)) return std::nullopt;
    // Two labels need a comma between them.
    const bool comma = begin[begin.size() - text.size() - 1] == ',';
    if (text.size() == left || (!comma && !text.starts_with('}'))) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::optional<PrometheusLabels::Label> PrometheusLabels::take(std::string_view& rest) { return take_label(rest); }

std::optional<std::string_view> PrometheusLabels::find(std::string_view name) const {
  std::string_view rest = text_;
  while (const auto label = take_label(rest)) {
    if (label->name == name) return label->value;
  }
  return std::nullopt;
}

std::string unescape_label(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '\\' || i + 1 == value.size()) {
      out += value[i];
      continue;
    }
    const char escaped = value[++i];
    if (escaped == 'n') {
      out += '\n';
    } else if (escaped == '\\' || escaped == '"') {
      out += escaped;
    } else {
      // No escape that the format knows: what is written is meant.
      out += '\\';
      out += escaped;
    }
  }
  return out;
}

std::optional<double> to_sample_value(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool PrometheusReader::next() {
  const std::string_view unwanted = read_ ? std::string_view() : name_;
  while (!rest_.empty()) {
    const void* found = std::memchr(rest_.data(), '\n', rest_.size());
    const std::size_t length = found == nullptr ? rest_.size() : static_cast<std::size_t>(static_cast<const char*>(found) - rest_.data());
    line_ = rest_.substr(0, length);
    rest_.remove_prefix(found == nullptr ? length : length + 1);
    if (line_.starts_with('#')) continue;
    if (!unwanted.empty() && line_.size() > unwanted.size() && !is(line_[unwanted.size()], NameNext) && line_.starts_with(unwanted))
      continue;

    if (line_.ends_with('\r')) line_.remove_suffix(1);
    skip_blanks(line_);
    if (line_.empty() || line_.starts_with('#')) continue;
    if (line_.size() > PrometheusLineBytesMax) {
      ++malformed_;
      continue;
    }
    name_ = take_word(line_, NameFirst, NameNext);
    if (name_.empty()) {
      ++malformed_;
      continue;
    }
    if (name_ == unwanted) continue;
    read_ = false;
    return true;
  }
  read_ = true;
  name_ = {};
  return false;
}

bool PrometheusReader::read(PrometheusSample& out) {
  if (name_.empty()) return false;
  read_ = true;
  const auto refuse = [this] {
    ++malformed_;
    return false;
  };
  std::string_view text = line_;
  out.name = name_;
  out.labels = {};
  out.timestamp_ms.reset();
  const bool blank = !text.empty() && is_blank(text.front());
  skip_blanks(text);
  if (text.starts_with('{')) {
    const auto labels = take_labels(text);
    if (!labels) return refuse();
    out.labels = *labels;
  } else if (!blank) {
    return refuse();
  }
  skip_blanks(text);
  const auto value = to_sample_value(take_until_blank(text));
  if (!value) return refuse();
  out.value = *value;
  skip_blanks(text);
  if (!text.empty() && text.front() != '#') {
    // Milliseconds in Prometheus' format, seconds with a fraction in OpenMetrics: both are numbers, and only whole ones are kept.
    const std::string_view word = take_until_blank(text);
    std::int64_t timestamp = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), timestamp);
    if (error == std::errc() && end == word.data() + word.size()) {
      out.timestamp_ms = timestamp;
    } else if (!to_sample_value(word)) {
      return refuse();
    }
    skip_blanks(text);
  }
  if (!text.empty() && text.front() != '#') return refuse();
  return true;
}

}  // namespace evener::protocol
