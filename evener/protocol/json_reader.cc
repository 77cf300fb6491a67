#include "evener/protocol/json_reader.h"

#include <simdjson.h>

#include <array>
#include <charconv>

#include "evener/protocol/json_string.h"

namespace evener::protocol {

namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr JsonKind kind_of(char c) {
  switch (c) {
    case '{': return JsonKind::Object;
    case '[': return JsonKind::Array;
    case '"': return JsonKind::String;
    case 't': return JsonKind::True;
    case 'f': return JsonKind::False;
    case 'n': return JsonKind::Null;
    default: return JsonKind::Number;
  }
}

/// What stands in a number or literal when these are not checked: printable ASCII but quotes, backslashes and structure.
constexpr auto LooseScalarChars = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x21; c < 0x7f; ++c) table[c] = true;
  for (const char c : std::string_view("\"\\{}[]:,")) table[static_cast<unsigned char>(c)] = false;
  return table;
}();

/// Walks over a text of which the caller has made sure that its first and last byte are the brackets of an object or array. Numbers, literals
/// and blanks therefore end before the text does, and only behind a closing bracket or inside of a string its end has to be looked for.
/// Functions that take a position return the one behind what they passed over, or nullptr and leave the error.
template <JsonCheck Check>
class Walk {
 public:
  explicit Walk(std::string_view text) : begin_(text.data()), end_(begin_ + text.size()) {}

  [[nodiscard]] bool object(std::vector<JsonMember>& out) {
    const char* p = past_blanks(begin_ + 1);
    if (*p != '}') {
      for (;; ++p) {
        p = past_blanks(p);
        const char* const name = p;
        traits_.escaped = false;
        if ((p = key(p)) == nullptr) return false;
        const bool escaped = traits_.escaped;
        const std::string_view text(name + 1, key_bytes_);
        const char* const first = p;
        if ((p = value(p)) == nullptr) return false;
        if (out.size() == JsonMembersMax) return fail("an object with more than 256 members", name) != nullptr;
        out.push_back({.key = text,
                       .value = {.kind = kind_of(*first), .text = std::string_view(first, static_cast<std::size_t>(p - first))},
                       .key_escaped = escaped});
        p = past_blanks(p);
        if (*p == ',') continue;
        if (*p == '}') break;
        return fail("no comma or closing bracket behind a value", p) != nullptr;
      }
    }
    return at_end(p);
  }

  [[nodiscard]] bool array(std::vector<JsonValue>& out) {
    const char* p = past_blanks(begin_ + 1);
    if (*p != ']') {
      for (;; ++p) {
        const char* const first = p = past_blanks(p);
        if ((p = value(p)) == nullptr) return false;
        out.push_back({.kind = kind_of(*first), .text = std::string_view(first, static_cast<std::size_t>(p - first))});
        p = past_blanks(p);
        if (*p == ',') continue;
        if (*p == ']') break;
        return fail("no comma or closing bracket behind a value", p) != nullptr;
      }
    }
    return at_end(p);
  }

  [[nodiscard]] const char* what() const { return what_; }
  [[nodiscard]] const char* where() const { return where_; }

 private:
  const char* fail(const char* what, const char* where) {
    what_ = what;
    where_ = where;
    return nullptr;
  }

  /// At the last bracket: nothing may follow, and now all strings are known.
  bool at_end(const char* p) {
    if (p + 1 != end_) return fail("more text behind the object", p + 1) != nullptr;
    if (traits_.non_ascii && !simdjson::validate_utf8(begin_, static_cast<std::size_t>(end_ - begin_)))
      return fail("the text is not valid UTF-8", begin_) != nullptr;
    return true;
  }

  static const char* past_blanks(const char* p) {
    while (is_blank(*p)) ++p;
    return p;
  }

  /// From a string's opening quote to behind its closing one.
  const char* string(const char* p) {
    const char* const stop = end_of_string(p + 1, end_, traits_);
    if (stop == nullptr) [[unlikely]] return fail("a string is not closed or holds a control character", p);
    return stop + 1;
  }

  /// A key, its colon, and the blanks around it, up to the value.
  const char* key(const char* p) {
    if (*p != '"') return fail("no key where one is due", p);
    const char* const first = p + 1;
    if ((p = string(p)) == nullptr) return nullptr;
    key_bytes_ = static_cast<std::size_t>(p - 1 - first);
    p = past_blanks(p);
    if (*p != ':') return fail("no colon behind a key", p);
    return past_blanks(p + 1);
  }

  const char* value(const char* p) {
    if (*p == '"') return string(p);
    if (*p == '{' || *p == '[') return container(p);
    return scalar(p);
  }

  const char* scalar(const char* p) {
    const char* const first = p;
    if constexpr (Check == JsonCheck::Structure) {
      while (LooseScalarChars[static_cast<unsigned char>(*p)]) ++p;
      if (p == first) p = nullptr;
    } else {
      switch (*p) {
        case 't': p = word(p, "true"); break;
        case 'f': p = word(p, "false"); break;
        case 'n': p = word(p, "null"); break;
        default: p = number(p); break;
      }
      // Of "nullx" all is at fault, not what follows the null.
      if (p != nullptr && LooseScalarChars[static_cast<unsigned char>(*p)]) p = nullptr;
    }
    return p != nullptr ? p : fail("a value that is no number, string, true, false or null", first);
  }

  const char* word(const char* p, std::string_view literal) const {
    return std::string_view(p, static_cast<std::size_t>(end_ - p)).starts_with(literal) ? p + literal.size() : nullptr;
  }

  /// RFC 8259: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
  static const char* number(const char* p) {
    if (*p == '-') ++p;
    if (!is_digit(*p)) return nullptr;
    if (*p == '0') {
      ++p;
    } else {
      while (is_digit(*p)) ++p;
    }
    if (*p == '.') {
      ++p;
      if (!is_digit(*p)) return nullptr;
      while (is_digit(*p)) ++p;
    }
    if (*p == 'e' || *p == 'E') {
      ++p;
      if (*p == '+' || *p == '-') ++p;
      if (!is_digit(*p)) return nullptr;
      while (is_digit(*p)) ++p;
    }
    return p;
  }

  /// A nested object or array with all that is in it. Nobody looks for members here, so this loop only checks.
  const char* container(const char* p) {
    char closing[JsonDepthMax];  // of the containers that are open; the first one is that of the walk
    std::size_t depth = 1;
    char close = ']';  // of the innermost
    for (;;) {
      if (close == '}' && (p = key(p)) == nullptr) return nullptr;
      if (*p == '{' || *p == '[') {
        if (depth == JsonDepthMax) return fail("nesting beyond 1024 levels", p);
        close = static_cast<char>(*p + 2);  // so ASCII has it for both kinds
        closing[depth++] = close;
        p = past_blanks(p + 1);
        if (*p != close) continue;
      } else {
        if ((p = *p == '"' ? string(p) : scalar(p)) == nullptr) return nullptr;
        p = past_blanks(p);
      }
      while (*p == close) {
        ++p;
        if (p == end_) return fail("the object is not closed", p);
        if (--depth == 1) return p;
        close = closing[depth - 1];
        p = past_blanks(p);
      }
      if (*p != ',') return fail("no comma or closing bracket behind a value", p);
      p = past_blanks(p + 1);
    }
  }

  const char* begin_;
  const char* end_;
  std::size_t key_bytes_ = 0;
  StringTraits traits_;
  const char* what_ = "";
  const char* where_ = nullptr;
};

template <JsonCheck Check>
std::optional<JsonError> read_object(std::string_view text, const char* origin, std::vector<JsonMember>& out) {
  Walk<Check> walk(text);
  if (walk.object(out)) return std::nullopt;
  return JsonError{walk.what(), static_cast<std::size_t>(walk.where() - origin)};
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool read_hex4(std::string_view raw, std::size_t at, std::uint32_t& out) {
  if (raw.size() < at + 4) return false;
  out = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const int digit = hex_value(raw[i]);
    if (digit < 0) return false;
    out = out << 4 | static_cast<std::uint32_t>(digit);
  }
  return true;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto add = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | code >> 6);
    add(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  } else {
    add(0xf0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3f));
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  }
}

}  // namespace

JsonReader& thread_json_reader() {
  thread_local JsonReader reader;
  return reader;
}

std::optional<JsonError> JsonReader::read(std::string_view text, JsonCheck check) {
  members_.clear();
  if (text.size() > JsonTextBytesMax) return JsonError{"the text is longer than 1 GiB", JsonTextBytesMax};
  const char* const origin = text.data();
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  if (text.empty()) return JsonError{"the text is empty", 0};
  const auto offset = static_cast<std::size_t>(text.data() - origin);
  if (text.front() != '{') return JsonError{"the text is not a JSON object", offset};
  if (text.back() != '}') return JsonError{"the text does not end with the object's bracket", offset + text.size() - 1};
  return check == JsonCheck::Everything ? read_object<JsonCheck::Everything>(text, origin, members_)
                                        : read_object<JsonCheck::Structure>(text, origin, members_);
}

bool members_of(const JsonValue& object, std::vector<JsonMember>& out) {
  out.clear();
  return object.kind == JsonKind::Object && Walk<JsonCheck::Structure>(object.text).object(out);
}

std::vector<JsonValue> elements_of(const JsonValue& array) {
  std::vector<JsonValue> out;
  if (array.kind == JsonKind::Array && !Walk<JsonCheck::Structure>(array.text).array(out)) out.clear();
  return out;
}

std::optional<JsonValue> find_in(const JsonValue& object, std::string_view key) {
  std::vector<JsonMember> members;
  if (!members_of(object, members)) return std::nullopt;
  const JsonMember* member = find_member(members, key);
  return member == nullptr ? std::nullopt : std::optional(member->value);
}

const JsonMember* find_member(std::span<const JsonMember> members, std::string_view key) {
  for (const JsonMember& member : members) {
    if (member.key == key) return &member;
    if (!member.key_escaped) continue;
    std::string unescaped;
    if (unescape_json(member.key, unescaped) && unescaped == key) return &member;
  }
  return nullptr;
}

bool unescape_json(std::string_view raw, std::string& out) {
  for (std::size_t at = 0;;) {
    const std::size_t backslash = raw.find('\\', at);
    out.append(raw.substr(at, backslash == std::string_view::npos ? std::string_view::npos : backslash - at));
    if (backslash == std::string_view::npos) return true;
    if (backslash + 1 == raw.size()) return false;
    at = backslash + 2;
    switch (raw[backslash + 1]) {
      case '"': out += '"'; break;
      case '\\': out += '\\'; break;
      case '/': out += '/'; break;
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'u': {
        std::uint32_t code = 0;
        if (!read_hex4(raw, at, code)) return false;
        at += 4;
        if (code >= 0xdc00 && code < 0xe000) return false;
        if (code >= 0xd800 && code < 0xdc00) {
          std::uint32_t low = 0;
          if (raw.substr(at, 2) != "\\u" || !read_hex4(raw, at + 2, low) || low < 0xdc00 || low >= 0xe000) return false;
          at += 6;
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        append_utf8(out, code);
        break;
      }
      default: return false;
    }
  }
}

std::optional<std::uint64_t> to_unsigned(const JsonValue& value) {
  if (value.kind != JsonKind::Number) return std::nullopt;
  std::uint64_t number = 0;
  const char* const begin = value.text.data();
  const char* const end = begin + value.text.size();
  const auto [after, error] = std::from_chars(begin, end, number);
  if (error != std::errc() || after != end) return std::nullopt;
  return number;
}

}  // namespace evener::protocol
