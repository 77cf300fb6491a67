#include "evener/base/config/structure.h"

#include <utility>

namespace evener::config {
namespace {

std::string counted(Range<std::size_t> items, std::string_view noun) {
  if (items.min == 0) return "at most " + std::to_string(items.max) + " " + std::string(noun);
  return std::to_string(items.min) + ".." + std::to_string(items.max) + " " + std::string(noun);
}

std::string joined(const std::vector<std::string_view>& names) {
  std::string out;
  for (const std::string_view name : names) out.append(out.empty() ? "" : ", ").append(name);
  return out;
}

class ListType final : public Type {
 public:
  ListType(TypePtr item, const ListAccess& access, Range<std::size_t> items) : item_(std::move(item)), access_(access), items_(items) {}

  void read(const Node& node, Mark mark, void* out, ReadState& state) const override {
    if (node.kind == Node::Kind::Null) return state.wrong(mark, "empty", words(), "write [] for an empty list, or remove the line");
    if (node.kind != Node::Kind::List) {
      return state.wrong(mark, shown(node), words(), node.kind == Node::Kind::Scalar ? "write [" + shown(node) + "]" : "begin each item with '- '");
    }
    if (node.items.size() < items_.min || node.items.size() > items_.max) {
      return state.wrong(mark, "a list of " + std::to_string(node.items.size()), "a list with " + counted(items_, "items"));
    }
    access_.clear(out);
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      state.path.push(i);
      // A wrong item keeps its place with default values, so that the indices in later messages are those of the file.
      item_->read(node.items[i], node.items[i].mark, access_.append(out), state);
      state.path.pop();
    }
  }
  void json_schema(JsonWriter& json) const override {
    json.member("type", "array").key("items").begin_object();
    item_->json_schema(json);
    json.end_object().member("minItems", items_.min).member("maxItems", items_.max);
  }
  std::string words() const override { return "a list (" + counted(items_, "items") + "), each " + item_->words(); }
  std::string show(const void* value) const override {
    std::string out = "[";
    for (std::size_t i = 0; i < access_.size(value); ++i) out += (i > 0 ? ", " : "") + item_->show(access_.at(value, i));
    return out + "]";
  }
  void show_json(JsonWriter& json, const void* value) const override {
    json.begin_array();
    for (std::size_t i = 0; i < access_.size(value); ++i) item_->show_json(json, access_.at(value, i));
    json.end_array();
  }
  const Structure* structure() const override { return item_->structure(); }
  const std::vector<EnumValue>* choices() const override { return item_->choices(); }
  Shape shape() const override { return Shape::List; }

 private:
  const TypePtr item_;
  const ListAccess access_;
  const Range<std::size_t> items_;
};

class MapType final : public Type {
 public:
  MapType(TextRule key, TypePtr value, const MapAccess& access, Range<std::size_t> items)
      : key_(std::move(key)), value_(std::move(value)), access_(access), items_(items) {}

  void read(const Node& node, Mark mark, void* out, ReadState& state) const override {
    if (node.kind == Node::Kind::Null) return state.wrong(mark, "empty", words(), "write {} for an empty mapping, or remove the line");
    if (node.kind != Node::Kind::Map) return state.wrong(mark, shown(node), words(), "write 'name: value' lines");
    if (node.members.size() < items_.min || node.members.size() > items_.max) {
      return state.wrong(mark, "a mapping of " + std::to_string(node.members.size()), "a mapping with " + counted(items_, "entries"));
    }
    access_.clear(out);
    for (const Member& member : node.members) {
      state.path.push(member.key);
      const std::string fault = key_fault(member.key);
      if (fault.empty()) {
        value_->read(member.value, member.value_mark(), access_.insert(out, member.key), state);
      } else {
        state.problems.add(member.key_mark, state.path, state.path.text() + ": the key is " + shown(member.key) + "; it must be " + fault);
      }
      state.path.pop();
    }
  }
  void json_schema(JsonWriter& json) const override {
    json.member("type", "object").member("minProperties", items_.min).member("maxProperties", items_.max);
    json.key("propertyNames").begin_object().member("maxLength", key_.bytes_max);
    if (!key_.may_be_empty) json.member("minLength", 1);
    if (!key_.pattern.empty()) json.member("pattern", key_.pattern);
    json.end_object().key("additionalProperties").begin_object();
    value_->json_schema(json);
    json.end_object();
  }
  std::string words() const override { return "a mapping from " + key_.what + " to " + value_->words(); }
  std::string show(const void* value) const override {
    std::string out;
    access_.visit(value, [&](const std::string& key, const void* item) {
      out += out.empty() ? "" : ", ";
      append_json_string(out, key);
      out += ": " + value_->show(item);
    });
    return "{" + out + "}";
  }
  void show_json(JsonWriter& json, const void* value) const override {
    json.begin_object();
    access_.visit(value, [&](const std::string& key, const void* item) {
      json.key(key);
      value_->show_json(json, item);
    });
    json.end_object();
  }
  const Structure* structure() const override { return value_->structure(); }
  const std::vector<EnumValue>* choices() const override { return value_->choices(); }
  Shape shape() const override { return Shape::Map; }

 private:
  [[nodiscard]] std::string key_fault(const std::string& key) const {
    if (key.empty()) return key_.may_be_empty ? "" : key_.what;
    if (key.size() > key_.bytes_max) return "at most " + std::to_string(key_.bytes_max) + " bytes long";
    return key_.check ? key_.check(key) : "";
  }

  const TextRule key_;
  const TypePtr value_;
  const MapAccess access_;
  const Range<std::size_t> items_;
};

class StructureType final : public Type {
 public:
  explicit StructureType(std::shared_ptr<const Structure> structure) : structure_(std::move(structure)) {}

  void read(const Node& node, Mark mark, void* out, ReadState& state) const override { structure_->read(node, mark, out, state); }
  void json_schema(JsonWriter& json) const override { json.member("$ref", "#/$defs/" + structure_->name()); }
  std::string words() const override {
    const bool vowel = std::string_view("aeiou").find(structure_->name().front()) != std::string_view::npos;
    return (vowel ? "an " : "a ") + structure_->name() + " mapping";
  }
  std::string show(const void*) const override { return "{}"; }
  void show_json(JsonWriter& json, const void*) const override { json.begin_object().end_object(); }
  const Structure* structure() const override { return structure_.get(); }

 private:
  const std::shared_ptr<const Structure> structure_;
};

}  // namespace

void Structure::read(const Node& node, Mark mark, void* out, ReadState& state) const {
  if (node.kind == Node::Kind::Null && !state.path.empty()) return state.wrong(mark, "empty", "a mapping with fields", "or remove the line");
  if (node.kind != Node::Kind::Map && node.kind != Node::Kind::Null) return state.wrong(mark, shown(node), "a mapping with fields ('name: value' lines)");
  std::vector<std::string_view> names;
  for (const Field& field : fields_) names.push_back(field.name);
  for (const Member& member : node.members) {
    state.path.push(member.key);
    const Field* known = nullptr;
    for (const Field& field : fields_) {
      if (field.name == member.key) known = &field;
    }
    if (known != nullptr) {
      known->type->read(member.value, member.value_mark(), static_cast<char*>(out) + known->offset, state);
    } else {
      const std::string_view near = nearest_word(member.key, names);
      const std::string hint = near.empty() ? "known here: " + joined(names) : "did you mean \"" + std::string(near) + "\"?";
      state.problems.add(member.key_mark, state.path, state.path.text() + ": unknown field (" + hint + ")");
    }
    state.path.pop();
  }
  for (const Field& field : fields_) {
    if (field.text.presence != Presence::Required || node.member(field.name) != nullptr) continue;
    Path missing = state.path;
    missing.push(field.name);
    state.problems.add(mark, missing, missing.text() + " is missing; it must be " + field.type->words());
  }
}

TypePtr list_type(TypePtr item, const ListAccess& access, Range<std::size_t> items) {
  return std::make_shared<ListType>(std::move(item), access, items);
}
TypePtr map_type(TextRule key, TypePtr value, const MapAccess& access, Range<std::size_t> items) {
  return std::make_shared<MapType>(std::move(key), std::move(value), access, items);
}
TypePtr structure_type(std::shared_ptr<const Structure> structure) { return std::make_shared<StructureType>(std::move(structure)); }

}  // namespace evener::config
