// The types of single values. Lists, maps and structures are in structure.cc.

#include "evener/base/config/type.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "evener/base/config/scalars.h"
#include "evener/base/config/structure.h"

namespace evener::config {
namespace {

// Unsigned integers and enums of any width, in memory.
void store(void* out, std::size_t bytes, std::uint64_t value) {
  switch (bytes) {
    case 1: { const auto v = static_cast<std::uint8_t>(value); std::memcpy(out, &v, sizeof v); return; }
    case 2: { const auto v = static_cast<std::uint16_t>(value); std::memcpy(out, &v, sizeof v); return; }
    case 4: { const auto v = static_cast<std::uint32_t>(value); std::memcpy(out, &v, sizeof v); return; }
    default: std::memcpy(out, &value, sizeof value); return;
  }
}

std::uint64_t load(const void* from, std::size_t bytes) {
  switch (bytes) {
    case 1: { std::uint8_t v; std::memcpy(&v, from, sizeof v); return v; }
    case 2: { std::uint16_t v; std::memcpy(&v, from, sizeof v); return v; }
    case 4: { std::uint32_t v; std::memcpy(&v, from, sizeof v); return v; }
    default: { std::uint64_t v; std::memcpy(&v, from, sizeof v); return v; }
  }
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

// `${NAME}` in a value: other programs replace it, we do not, and the value as it stands is never what was meant.
bool has_environment_reference(std::string_view text) {
  const std::size_t begin = text.find("${");
  return begin != std::string_view::npos && text.find('}', begin) != std::string_view::npos;
}

// What all single values share: the node must be a scalar.
class ScalarType : public Type {
 public:
  void read(const Node& node, Mark mark, void* out, ReadState& state) const final {
    if (node.kind == Node::Kind::Null) return state.wrong(mark, "empty", words(), "or remove the line");
    if (node.kind != Node::Kind::Scalar) return state.wrong(mark, shown(node), words());
    if (has_environment_reference(node.scalar)) {
      return state.wrong(mark, shown(node), words(), "references to the environment are not replaced in this file");
    }
    read_scalar(node, mark, out, state);
  }
  void show_json(JsonWriter& json, const void* value) const override { json.raw(show(value)); }

 protected:
  virtual void read_scalar(const Node& node, Mark mark, void* out, ReadState& state) const = 0;

  // Numbers and booleans are not written in quotes.
  bool is_plain(const Node& node, Mark mark, ReadState& state) const {
    if (node.style == Node::Style::Plain) return true;
    state.wrong(mark, "the text " + shown(node), words(), "remove the quotes");
    return false;
  }
};

class TextType final : public ScalarType {
 public:
  explicit TextType(TextRule rule) : rule_(std::move(rule)) {}

  void json_schema(JsonWriter& json) const override {
    json.member("type", "string").member("maxLength", rule_.bytes_max);
    if (!rule_.may_be_empty) json.member("minLength", 1);
    if (!rule_.pattern.empty()) json.member("pattern", rule_.pattern);
  }
  std::string words() const override { return rule_.what; }
  std::string show(const void* value) const override { return json_string(*static_cast<const std::string*>(value)); }

 protected:
  void read_scalar(const Node& node, Mark mark, void* out, ReadState& state) const override {
    const std::string& text = node.scalar;
    if (node.style == Node::Style::Plain && plain_kind(text) != PlainKind::Text) {
      const bool number = plain_kind(text) == PlainKind::Number;
      return state.wrong(mark, (number ? "the number " : "the truth value ") + shown(node), rule_.what, "if it is meant as a text, write " + shown(text));
    }
    if (text.empty()) {
      if (!rule_.may_be_empty) return state.wrong(mark, "empty", rule_.what);
    } else if (text.size() > rule_.bytes_max) {
      return state.wrong(mark, shown(node), "at most " + std::to_string(rule_.bytes_max) + " bytes long");
    } else if (rule_.check) {
      const std::string fault = rule_.check(text);
      if (!fault.empty()) return state.wrong(mark, shown(text), fault);
    }
    *static_cast<std::string*>(out) = text;
  }

 private:
  const TextRule rule_;
};

class BooleanType final : public ScalarType {
 public:
  void json_schema(JsonWriter& json) const override { json.member("type", "boolean"); }
  std::string words() const override { return "true or false"; }
  std::string show(const void* value) const override { return *static_cast<const bool*>(value) ? "true" : "false"; }

 protected:
  void read_scalar(const Node& node, Mark mark, void* out, ReadState& state) const override {
    if (!is_plain(node, mark, state)) return;
    const bool yes = node.scalar == "true";
    if (!yes && node.scalar != "false") return state.wrong(mark, shown(node), words());
    *static_cast<bool*>(out) = yes;
  }
};

class WholeNumberType final : public ScalarType {
 public:
  WholeNumberType(std::size_t bytes, Range<std::uint64_t> range, std::string hint) : bytes_(bytes), range_(range), hint_(std::move(hint)) {}

  void json_schema(JsonWriter& json) const override { json.member("type", "integer").member("minimum", range_.min).member("maximum", range_.max); }
  std::string words() const override { return "a whole number " + std::to_string(range_.min) + ".." + std::to_string(range_.max); }
  std::string show(const void* value) const override { return std::to_string(load(value, bytes_)); }

 protected:
  void read_scalar(const Node& node, Mark mark, void* out, ReadState& state) const override {
    if (!is_plain(node, mark, state)) return;
    const Reading<std::uint64_t> reading = read_whole_number(node.scalar);
    if (!reading.value) return state.wrong(mark, shown(node), words(), reading.hint.empty() ? hint_ : reading.hint);
    if (*reading.value < range_.min || *reading.value > range_.max) return state.wrong(mark, shown(node), words(), hint_);
    store(out, bytes_, *reading.value);
  }

 private:
  const std::size_t bytes_;
  const Range<std::uint64_t> range_;
  const std::string hint_;
};

class NumberType final : public ScalarType {
 public:
  NumberType(Range<double> range, std::string hint) : range_(range), hint_(std::move(hint)) {}

  void json_schema(JsonWriter& json) const override { json.member("type", "number").member("minimum", range_.min).member("maximum", range_.max); }
  std::string words() const override { return "a number " + show_number(range_.min) + ".." + show_number(range_.max); }
  std::string show(const void* value) const override { return show_number(*static_cast<const double*>(value)); }

 protected:
  void read_scalar(const Node& node, Mark mark, void* out, ReadState& state) const override {
    if (!is_plain(node, mark, state)) return;
    const Reading<double> reading = read_number(node.scalar);
    if (!reading.value) return state.wrong(mark, shown(node), words(), reading.hint.empty() ? hint_ : reading.hint);
    if (!(*reading.value >= range_.min && *reading.value <= range_.max)) return state.wrong(mark, shown(node), words(), hint_);
    *static_cast<double*>(out) = *reading.value;
  }

 private:
  const Range<double> range_;
  const std::string hint_;
};

class DurationType final : public ScalarType {
 public:
  DurationType(Range<Duration> range, std::string zero) : range_(range), zero_(std::move(zero)) {}

  void json_schema(JsonWriter& json) const override {
    json.key("anyOf").begin_array();
    json.begin_object().member("type", "string").member("pattern", "^([0-9]+(\\.[0-9]+)?(h|m|s|ms|us))+$").end_object();
    if (!zero_.empty() || range_.min <= Duration::zero()) json.begin_object().key("enum").begin_array().value(0).value("0").end_array().end_object();
    json.end_array();
  }
  std::string words() const override {
    std::string out = "a duration " + show_duration(range_.min) + ".." + show_duration(range_.max);
    if (!zero_.empty()) out += ", or 0 (" + zero_ + ")";
    return out;
  }
  std::string show(const void* value) const override { return show_duration(*static_cast<const Duration*>(value)); }
  void show_json(JsonWriter& json, const void* value) const override {
    const Duration duration = *static_cast<const Duration*>(value);
    if (duration == Duration::zero()) {
      json.value(0);
    } else {
      json.value(show_duration(duration));
    }
  }

 protected:
  void read_scalar(const Node& node, Mark mark, void* out, ReadState& state) const override {
    const Reading<Duration> reading = read_duration(node.scalar);
    if (!reading.value) return state.wrong(mark, shown(node), words(), reading.hint.empty() ? "such as 2s, 500ms or 1m30s" : reading.hint);
    const bool zero = *reading.value == Duration::zero() && !zero_.empty();
    if (!zero && (*reading.value < range_.min || *reading.value > range_.max)) return state.wrong(mark, shown(node), words());
    *static_cast<Duration*>(out) = *reading.value;
  }

 private:
  const Range<Duration> range_;
  const std::string zero_;
};

class SizeType final : public ScalarType {
 public:
  SizeType(std::size_t bytes, Range<std::uint64_t> range, std::string hint) : bytes_(bytes), range_(range), hint_(std::move(hint)) {}

  void json_schema(JsonWriter& json) const override {
    json.key("anyOf").begin_array();
    json.begin_object().member("type", "string").member("pattern", "^(0|[1-9][0-9]*)(KiB|MiB|GiB)?$").end_object();
    json.begin_object().member("type", "integer").member("minimum", range_.min).member("maximum", range_.max).end_object();
    json.end_array();
  }
  std::string words() const override { return "a size " + show_size(range_.min) + ".." + show_size(range_.max); }
  std::string show(const void* value) const override { return show_size(load(value, bytes_)); }
  void show_json(JsonWriter& json, const void* value) const override { json.value(show(value)); }

 protected:
  void read_scalar(const Node& node, Mark mark, void* out, ReadState& state) const override {
    const Reading<std::uint64_t> reading = read_size(node.scalar);
    if (!reading.value) return state.wrong(mark, shown(node), words(), reading.hint.empty() ? "such as 64KiB or 32MiB" : reading.hint);
    if (*reading.value < range_.min || *reading.value > range_.max) return state.wrong(mark, shown(node), words(), hint_);
    store(out, bytes_, *reading.value);
  }

 private:
  const std::size_t bytes_;
  const Range<std::uint64_t> range_;
  const std::string hint_;
};

class EnumType final : public ScalarType {
 public:
  EnumType(std::size_t bytes, std::vector<EnumValue> values) : bytes_(bytes), values_(std::move(values)) {
    for (const EnumValue& value : values_) names_.push_back(value.name);
  }

  void json_schema(JsonWriter& json) const override {
    json.key("enum").begin_array();
    for (const EnumValue& value : values_) json.value(value.name);
    json.end_array();
  }
  std::string words() const override {
    std::string out = "one of ";
    for (std::size_t i = 0; i < names_.size(); ++i) out.append(i > 0 ? ", " : "").append(names_[i]);
    return out;
  }
  std::string show(const void* value) const override {
    const std::uint64_t number = load(value, bytes_);
    const auto found = std::find_if(values_.begin(), values_.end(), [&](const EnumValue& known) { return known.value == number; });
    return found == values_.end() ? "?" : std::string(found->name);
  }
  void show_json(JsonWriter& json, const void* value) const override { json.value(show(value)); }
  const std::vector<EnumValue>* choices() const override { return &values_; }

 protected:
  void read_scalar(const Node& node, Mark mark, void* out, ReadState& state) const override {
    const auto found = std::find_if(values_.begin(), values_.end(), [&](const EnumValue& known) { return known.name == node.scalar; });
    if (found != values_.end()) return store(out, bytes_, found->value);
    const std::string_view near = nearest_word(node.scalar, names_);
    state.wrong(mark, shown(node), words(), near.empty() ? std::string() : "did you mean " + std::string(near) + "?");
  }

 private:
  const std::size_t bytes_;
  const std::vector<EnumValue> values_;
  std::vector<std::string_view> names_;
};

}  // namespace

void ReadState::wrong(Mark mark, const std::string& value, const std::string& rule, const std::string& hint) {
  std::string message = (path.empty() ? "the file" : path.text()) + " is " + value + "; it must be " + rule;
  if (!hint.empty()) message += " (" + hint + ")";
  problems.add(mark, path, std::move(message));
}

TypePtr text_type(TextRule rule) { return std::make_shared<TextType>(std::move(rule)); }
TypePtr boolean_type() { return std::make_shared<BooleanType>(); }
TypePtr whole_number_type(std::size_t bytes, Range<std::uint64_t> range, std::string hint) {
  return std::make_shared<WholeNumberType>(bytes, range, std::move(hint));
}
TypePtr number_type(Range<double> range, std::string hint) { return std::make_shared<NumberType>(range, std::move(hint)); }
TypePtr duration_type(Range<Duration> range, std::string zero) { return std::make_shared<DurationType>(range, std::move(zero)); }
TypePtr size_type(std::size_t bytes, Range<std::uint64_t> range, std::string hint) {
  return std::make_shared<SizeType>(bytes, range, std::move(hint));
}
TypePtr enum_type(std::size_t bytes, std::vector<EnumValue> values) { return std::make_shared<EnumType>(bytes, std::move(values)); }

}  // namespace evener::config
