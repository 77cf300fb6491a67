#include "evener/actuators/xml_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace evener::actuators {
namespace {

constexpr std::string_view Blanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(Blanks), text.size()));
  return text.substr(0, text.find_last_not_of(Blanks) + 1);
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&](std::uint32_t bits) { out += static_cast<char>(bits); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xc0 | code >> 6);
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3f));
  } else {
    byte(0xf0 | code >> 18);
    byte(0x80 | (code >> 12 & 0x3f));
    byte(0x80 | (code >> 6 & 0x3f));
  }
  byte(0x80 | (code & 0x3f));
}

/// "&lt;", "&#10;", "&#xA;" without the & and the ;
bool append_entity(std::string& out, std::string_view name) {
  constexpr std::array<std::pair<std::string_view, char>, 5> known = {
      {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}}};
  for (const auto& [word, character] : known) {
    if (name == word) {
      out += character;
      return true;
    }
  }
  if (!name.starts_with('#')) return false;
  name.remove_prefix(1);
  const bool is_hex = name.starts_with('x');
  if (is_hex) name.remove_prefix(1);
  std::uint32_t code = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), code, is_hex ? 16 : 10);
  if (error != std::errc() || end != name.data() + name.size() || code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
    return false;
  append_utf8(out, code);
  return true;
}

bool append_text(std::string& out, std::string_view raw) {
  for (std::size_t at = 0; at < raw.size();) {
    const std::size_t entity = std::min(raw.find('&', at), raw.size());
    out += raw.substr(at, entity - at);
    if (entity == raw.size()) break;
    const std::size_t end = raw.find(';', entity);
    if (end == std::string_view::npos || !append_entity(out, raw.substr(entity + 1, end - entity - 1))) return false;
    at = end + 1;
  }
  return true;
}

class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  std::optional<XmlElement> read() {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
    while (!done_) {
      const std::size_t tag = rest_.find('<');
      if (tag == std::string_view::npos || !take_text(rest_.substr(0, tag))) return std::nullopt;
      rest_.remove_prefix(tag);
      if (!take_tag()) return std::nullopt;
    }
    // Comments may follow; anything else is not one document.
    while (!(rest_ = trimmed(rest_)).empty()) {
      if (!rest_.starts_with("<!--") || !skip_past("-->", 4)) return std::nullopt;
    }
    return std::move(root_);
  }

 private:
  bool take_text(std::string_view raw) {
    if (open_.empty()) return trimmed(raw).empty();
    return append_text(open_.back().text, raw);
  }

  bool take_tag() {
    if (rest_.starts_with("<!--")) return skip_past("-->", 4);
    if (rest_.starts_with("<?")) return open_.empty() && skip_past("?>", 2);
    if (rest_.starts_with("<![CDATA[")) return !open_.empty() && take_cdata();
    if (rest_.starts_with("<!")) return false;
    if (rest_.starts_with("</")) return take_end();
    return take_start();
  }

  bool skip_past(std::string_view end, std::size_t from) {
    const std::size_t at = rest_.find(end, from);
    if (at == std::string_view::npos) return false;
    rest_.remove_prefix(at + end.size());
    return true;
  }

  bool take_cdata() {
    constexpr std::size_t begin = 9;
    const std::string_view text = rest_.substr(begin, rest_.find("]]>", begin) - begin);
    open_.back().text += text;
    return skip_past("]]>", begin);
  }

  bool take_end() {
    const std::size_t end = rest_.find('>');
    if (end == std::string_view::npos || open_.empty() || trimmed(rest_.substr(2, end - 2)) != open_.back().name) return false;
    rest_.remove_prefix(end + 1);
    close();
    return true;
  }

  bool take_start() {
    const std::size_t name_end = rest_.find_first_of(" \t\r\n/>", 1);
    if (name_end == std::string_view::npos || name_end == 1 || open_.size() == XmlDepthMax || ++elements_ > XmlElementsMax) return false;
    const std::string_view name = rest_.substr(1, name_end - 1);
    if (name.find_first_of("<&\"'=") != std::string_view::npos) return false;
    open_.push_back({.name = std::string(name), .text = {}, .children = {}});
    // A > may stand in an attribute's value.
    char quote = '\0';
    for (std::size_t at = name_end; at < rest_.size(); ++at) {
      const char c = rest_[at];
      if (quote != '\0') {
        if (c == quote) quote = '\0';
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '<') {
        return false;
      } else if (c == '>') {
        const bool is_empty = rest_[at - 1] == '/';
        rest_.remove_prefix(at + 1);
        if (is_empty) close();
        return true;
      }
    }
    return false;
  }

  void close() {
    XmlElement element = std::move(open_.back());
    open_.pop_back();
    element.text = std::string(trimmed(element.text));
    done_ = open_.empty();
    if (done_) {
      root_ = std::move(element);
    } else {
      open_.back().children.push_back(std::move(element));
    }
  }

  std::string_view rest_;
  std::vector<XmlElement> open_;
  XmlElement root_;
  std::size_t elements_ = 0;
  bool done_ = false;
};

}  // namespace

const XmlElement* XmlElement::child(std::string_view wanted) const {
  const auto found = std::find_if(children.begin(), children.end(), [&](const XmlElement& each) { return each.name == wanted; });
  return found == children.end() ? nullptr : &*found;
}

std::string_view XmlElement::text_of(std::string_view wanted) const {
  const XmlElement* found = child(wanted);
  return found == nullptr ? std::string_view() : std::string_view(found->text);
}

const XmlElement* XmlElement::at(std::initializer_list<std::string_view> path) const {
  const XmlElement* element = this;
  for (const std::string_view step : path) {
    if (element != nullptr) element = element->child(step);
  }
  return element;
}

std::optional<XmlElement> read_xml(std::string_view text) { return Reader(text).read(); }

}  // namespace evener::actuators
