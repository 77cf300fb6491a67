#include "evener/base/config/node.h"

#include "evener/base/json_writer.h"

namespace evener::config {
namespace {

constexpr std::size_t ShownBytesMax = 60;

bool is_word(std::string_view key) {
  for (const char c : key) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!word) return false;
  }
  return !key.empty();
}

std::string cut(std::string_view text) {
  if (text.size() <= ShownBytesMax) return std::string(text);
  std::size_t end = ShownBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;  // not inside a character
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace

const Member* Node::member(std::string_view key) const {
  for (const Member& candidate : members) {
    if (candidate.key == key) return &candidate;
  }
  return nullptr;
}

std::string Path::text() const {
  std::string out;
  for (const Step& step : steps_) {
    if (const auto* index = std::get_if<std::size_t>(&step)) {
      out += '[' + std::to_string(*index) + ']';
      continue;
    }
    const std::string& key = std::get<std::string>(step);
    if (is_word(key)) {
      if (!out.empty()) out += '.';
      out += key;
    } else {
      out += '[';
      append_json_string(out, cut(key));
      out += ']';
    }
  }
  return out;
}

Mark find_mark(const Node& root, const Path& path) {
  const Node* node = &root;
  Mark mark = root.mark;
  for (const Path::Step& step : path.steps()) {
    if (const auto* index = std::get_if<std::size_t>(&step)) {
      if (*index >= node->items.size()) return mark;
      node = &node->items[*index];
      mark = node->mark;
    } else {
      const Member* member = node->member(std::get<std::string>(step));
      if (member == nullptr) return mark;
      node = &member->value;
      mark = member->value_mark();
    }
  }
  return mark;
}

std::string shown(std::string_view text) {
  std::string out;
  append_json_string(out, cut(text));
  return out;
}

std::string shown(const Node& node) {
  switch (node.kind) {
    case Node::Kind::Null: return "empty";
    case Node::Kind::List: return "a list";
    case Node::Kind::Map: return "a mapping";
    case Node::Kind::Scalar: break;
  }
  if (node.style == Node::Style::Quoted) return shown(node.scalar);
  const std::string quoted = shown(node.scalar);  // plain scalars hold no control characters, but input that we did not parse may
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace evener::config
