#include "evener/protocol/orca.h"

#include <array>
#include <bit>
#include <string>

#include "evener/protocol/json_reader.h"
#include "evener/protocol/prometheus_text.h"

namespace evener::protocol {
namespace {

constexpr std::string_view HeaderName = "endpoint-load-metrics";

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_ignoring_case(std::string_view a, std::string_view lower_case) {
  if (a.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower_case[i]) return false;
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Gathers the metrics of one report, whatever its form.
class Report {
 public:
  void named(std::string_view name, double value) {
    if (name == "kv_cache_usage_perc" || name == "kv_cache_utilization") figures_.set(Figure::KvUsed, value);
    if (name == "num_requests_waiting") figures_.set(Figure::Waiting, value);
    if (name == "num_requests_running") figures_.set(Figure::Running, value);
    if (name == "max_token_capacity") figures_.set(Figure::KvCapacityTokens, value);
  }
  void field(std::string_view name, double value) {
    // What the application says of itself goes before what the machine says.
    if (name == "application_utilization" || name == "applicationUtilization") application_ = value;
    if (name == "cpu_utilization" || name == "cpuUtilization") cpu_ = value;
  }
  std::optional<LoadFigures> take() {
    if (application_) figures_.set(Figure::Utilization, *application_);
    if (cpu_ && !figures_[Figure::Utilization]) figures_.set(Figure::Utilization, *cpu_);
    if (figures_.present().empty()) return std::nullopt;
    return figures_;
  }

 private:
  LoadFigures figures_;
  std::optional<double> application_, cpu_;
};

/// `name=value` or `name:value`, separated by commas.
std::optional<LoadFigures> read_text(std::string_view text) {
  constexpr std::string_view prefix = "named_metrics.";
  Report report;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view pair = trimmed(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    if (pair.empty()) continue;
    const std::size_t split = pair.find_first_of("=:");
    if (split == std::string_view::npos) return std::nullopt;
    std::string_view name = trimmed(pair.substr(0, split));
    const auto value = to_sample_value(trimmed(pair.substr(split + 1)));
    if (name.empty() || !value) return std::nullopt;
    if (name.starts_with(prefix)) {
      report.named(name.substr(prefix.size()), *value);
    } else {
      report.field(name, *value);
    }
  }
  return report.take();
}

std::optional<LoadFigures> read_json(std::string_view text) {
  JsonReader& reader = thread_json_reader();
  if (reader.read(text, JsonCheck::Everything)) return std::nullopt;
  Report report;
  std::vector<JsonMember> metrics;
  for (const JsonMember& member : reader.members()) {
    if ((member.key == "named_metrics" || member.key == "namedMetrics") && members_of(member.value, metrics)) {
      for (const JsonMember& metric : metrics) {
        if (metric.value.kind != JsonKind::Number) continue;
        if (const auto value = to_sample_value(metric.value.text)) report.named(metric.key, *value);
      }
    } else if (member.value.kind == JsonKind::Number) {
      if (const auto value = to_sample_value(member.value.text)) report.field(member.key, *value);
    }
  }
  return report.take();
}

// The protobuf message xds.data.orca.v3.OrcaLoadReport, as far as its fields are of use here.

/// Takes the parts of a protobuf message off its bytes.
class Wire {
 public:
  explicit Wire(std::string_view bytes) : bytes_(bytes) {}

  struct Field {
    std::uint64_t number = 0;
    std::optional<double> real;  // of 64 fixed bits
    std::string_view bytes;      // of length-delimited ones
  };
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }
  std::optional<Field> take() {
    const auto tag = varint();
    if (!tag || *tag >> 3 == 0) return std::nullopt;
    Field field{.number = *tag >> 3, .real = {}, .bytes = {}};
    switch (*tag & 7) {
      case 0: return varint() ? std::optional(field) : std::nullopt;
      case 1: {
        const auto raw = skip(8);
        if (!raw) return std::nullopt;
        std::uint64_t bits = 0;
        for (std::size_t i = 8; i-- > 0;) bits = bits << 8 | static_cast<unsigned char>((*raw)[i]);
        field.real = std::bit_cast<double>(bits);
        return field;
      }
      case 2: {
        const auto length = varint();
        if (!length) return std::nullopt;
        const auto raw = skip(*length);
        if (!raw) return std::nullopt;
        field.bytes = *raw;
        return field;
      }
      case 5: return skip(4) ? std::optional(field) : std::nullopt;
      default: return std::nullopt;
    }
  }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (bytes_.empty()) return std::nullopt;
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }
  std::optional<std::string_view> skip(std::uint64_t count) {
    if (count > bytes_.size()) return std::nullopt;
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }

  std::string_view bytes_;
};

std::optional<LoadFigures> read_message(std::string_view bytes) {
  constexpr std::uint64_t cpu_utilization = 1, named_metrics = 8, application_utilization = 9, entry_key = 1, entry_value = 2;
  Report report;
  Wire message(bytes);
  while (!message.at_end()) {
    const auto field = message.take();
    if (!field) return std::nullopt;
    if (field->number == cpu_utilization && field->real) report.field("cpu_utilization", *field->real);
    if (field->number == application_utilization && field->real) report.field("application_utilization", *field->real);
    if (field->number != named_metrics) continue;
    std::string_view name;
    double value = 0;  // an entry without a value is one of 0
    Wire entry(field->bytes);
    while (!entry.at_end()) {
      const auto part = entry.take();
      if (!part) return std::nullopt;
      if (part->number == entry_key) name = part->bytes;
      if (part->number == entry_value && part->real) value = *part->real;
    }
    report.named(name, value);
  }
  return report.take();
}

std::optional<std::string> from_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    std::uint32_t digit = 0;
    if (c >= 'A' && c <= 'Z') {
      digit = static_cast<std::uint32_t>(c - 'A');
    } else if (c >= 'a' && c <= 'z') {
      digit = static_cast<std::uint32_t>(c - 'a') + 26;
    } else if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint32_t>(c - '0') + 52;
    } else if (c == '+' || c == '-') {
      digit = 62;
    } else if (c == '/' || c == '_') {
      digit = 63;
    } else {
      return std::nullopt;
    }
    bits = (bits << 6 | digit) & 0xFFFFFF;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> held & 0xFF);
  }
  // One digit left over is no byte.
  if (text.size() % 4 == 1) return std::nullopt;
  return out;
}

std::optional<LoadFigures> read_binary(std::string_view text) {
  const auto bytes = from_base64(text);
  return bytes ? read_message(*bytes) : std::nullopt;
}

}  // namespace

std::optional<OrcaForm> orca_form(std::string_view header_name) {
  if (header_name.size() < HeaderName.size() || !equal_ignoring_case(header_name.substr(0, HeaderName.size()), HeaderName))
    return std::nullopt;
  const std::string_view rest = header_name.substr(HeaderName.size());
  if (rest.empty()) return OrcaForm::Tagged;
  if (equal_ignoring_case(rest, "-json")) return OrcaForm::Json;
  if (equal_ignoring_case(rest, "-bin")) return OrcaForm::Binary;
  return std::nullopt;
}

std::optional<LoadFigures> read_orca(std::string_view value, OrcaForm form) {
  if (value.size() > OrcaBytesMax) return std::nullopt;
  value = trimmed(value);
  if (form == OrcaForm::Json) return read_json(value);
  if (form == OrcaForm::Binary) return read_binary(value);
  const std::size_t blank = value.find(' ');
  if (blank != std::string_view::npos) {
    const std::string_view tag = value.substr(0, blank);
    const std::string_view report = trimmed(value.substr(blank));
    if (equal_ignoring_case(tag, "text")) return read_text(report);
    if (equal_ignoring_case(tag, "json")) return read_json(report);
    if (equal_ignoring_case(tag, "bin")) return read_binary(report);
  }
  return value.starts_with('{') ? read_json(value) : read_text(value);
}

}  // namespace evener::protocol
