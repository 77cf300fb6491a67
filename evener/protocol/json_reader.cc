#include "evener/protocol/json_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

namespace evener::protocol {

/// The first stage is simdjson's interface between its own two parsers; it is the part that is worth having here.
struct JsonReader::Index {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
  const std::uint32_t* at = nullptr;  // offsets of brackets, colons, commas and the first bytes of scalars; one more entry holds the length
  std::uint32_t count = 0;
};

namespace {

constexpr std::size_t IndexTextBytesMin = 16U << 10;

constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

const char* first_stage_error(simdjson::error_code code) {
  switch (code) {
    case simdjson::UTF8_ERROR: return "the text is not valid UTF-8";
    case simdjson::UNCLOSED_STRING: return "a string is not closed";
    case simdjson::UNESCAPED_CHARS: return "a string holds a control character";
    case simdjson::EMPTY: return "the text is empty";
    default: return "the text is not valid JSON";
  }
}

/// RFC 8259: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?  Returns its end, or nullptr.
const char* number_end(const char* p, const char* end) {
  if (p != end && *p == '-') ++p;
  if (p == end || !is_digit(*p)) return nullptr;
  if (*p == '0') {
    ++p;
  } else {
    while (p != end && is_digit(*p)) ++p;
  }
  if (p != end && *p == '.') {
    ++p;
    if (p == end || !is_digit(*p)) return nullptr;
    while (p != end && is_digit(*p)) ++p;
  }
  if (p != end && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p != end && (*p == '+' || *p == '-')) ++p;
    if (p == end || !is_digit(*p)) return nullptr;
    while (p != end && is_digit(*p)) ++p;
  }
  return p;
}

/// Whether [p, end) is a number or literal followed by nothing but blanks; end is where the next piece of structure begins.
bool is_scalar(const char* p, const char* end) {
  const auto starts = [&](std::string_view word) { return std::string_view(p, static_cast<std::size_t>(end - p)).starts_with(word); };
  const char* after = nullptr;
  switch (*p) {
    case 't': after = starts("true") ? p + 4 : nullptr; break;
    case 'f': after = starts("false") ? p + 5 : nullptr; break;
    case 'n': after = starts("null") ? p + 4 : nullptr; break;
    default: after = number_end(p, end); break;
  }
  // After a blank the first stage begins a new piece of structure, so one look is enough.
  return after != nullptr && (after == end || is_blank(*after));
}

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

JsonReader::JsonReader() : index_(std::make_unique<Index>()) {}
JsonReader::~JsonReader() = default;

JsonReader& thread_json_reader() {
  thread_local JsonReader reader;
  return reader;
}

std::size_t JsonReader::index_bytes() const { return index_->parser == nullptr ? 0 : index_->parser->capacity() * sizeof(std::uint32_t); }

void JsonReader::trim() {
  text_ = {};
  members_.clear();
  index_->at = nullptr;
  index_->count = 0;
  if (index_bytes() > JsonIndexBytesKept) index_->parser.reset();
}

bool JsonReader::reserve(std::size_t bytes) {
  if (index_->parser != nullptr && index_->parser->capacity() >= bytes) return true;
  const std::size_t capacity = std::bit_ceil(std::max(bytes, IndexTextBytesMin));
  index_->parser.reset();
  return simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, index_->parser) == simdjson::SUCCESS;
}

std::optional<JsonError> JsonReader::read(std::string_view text, JsonCheck check) {
  text_ = text;
  members_.clear();
  index_->count = 0;
  if (text.empty()) return JsonError{"the text is empty", 0};
  if (text.size() > JsonTextBytesMax) return JsonError{"the text is longer than 1 GiB", JsonTextBytesMax};
  if (!reserve(text.size())) return JsonError{"no memory for the text", 0};
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  if (const auto code = index_->parser->stage1(bytes, text.size(), simdjson::stage1_mode::regular); code != simdjson::SUCCESS) {
    return JsonError{first_stage_error(code), 0};
  }
  index_->at = index_->parser->structural_indexes.get();
  index_->count = index_->parser->n_structural_indexes;
  return check == JsonCheck::Everything ? walk<JsonCheck::Everything>() : walk<JsonCheck::Structure>();
}

template <JsonCheck Check>
std::optional<JsonError> JsonReader::walk() {
  enum class Expect : std::uint8_t { KeyOrEnd, Key, Colon, Value, ValueOrEnd, CommaOrEnd };
  const char* const text = text_.data();
  const std::uint32_t* const at = index_->at;
  const std::uint32_t count = index_->count;
  if (count == 0 || text[at[0]] != '{') return JsonError{"the text is not a JSON object", count == 0 ? 0 : at[0]};

  Expect expect = Expect::KeyOrEnd;
  std::uint32_t depth = 1;           // containers open
  bool in_array = false;             // the innermost one
  std::uint32_t key = 0, value = 0;  // of the current top-level member
  is_array_[0] = 0;

  for (std::uint32_t i = 1; i < count; ++i) {
    const char c = text[at[i]];
    const bool takes_value = expect == Expect::Value || expect == Expect::ValueOrEnd;
    switch (c) {
      case '"':
        if (takes_value) {
          if (depth == 1) value = i;
          expect = Expect::CommaOrEnd;
        } else if (expect == Expect::Key || expect == Expect::KeyOrEnd) {
          if (depth == 1) key = i;
          expect = Expect::Colon;
        } else {
          return JsonError{"a string where a comma, a colon or an end is due", at[i]};
        }
        break;
      case ':':
        if (expect != Expect::Colon) return JsonError{"a colon in the wrong place", at[i]};
        expect = Expect::Value;
        break;
      case ',':
        if (expect != Expect::CommaOrEnd) return JsonError{"a comma in the wrong place", at[i]};
        expect = in_array ? Expect::Value : Expect::Key;
        break;
      case '{':
      case '[': {
        if (!takes_value) return JsonError{"a bracket in the wrong place", at[i]};
        if (depth == JsonDepthMax) return JsonError{"nesting beyond 1024 levels", at[i]};
        if (depth == 1) value = i;
        in_array = c == '[';
        const std::uint64_t bit = std::uint64_t{1} << (depth % 64);
        is_array_[depth / 64] = in_array ? is_array_[depth / 64] | bit : is_array_[depth / 64] & ~bit;
        ++depth;
        expect = in_array ? Expect::ValueOrEnd : Expect::KeyOrEnd;
        break;
      }
      case '}':
      case ']': {
        const bool may_end = expect == Expect::CommaOrEnd || expect == (in_array ? Expect::ValueOrEnd : Expect::KeyOrEnd);
        if (!may_end || in_array != (c == ']')) return JsonError{"a closing bracket in the wrong place", at[i]};
        --depth;
        if (depth == 0) {
          if (i + 1 != count) return JsonError{"more text behind the object", at[i + 1]};
          if (expect == Expect::KeyOrEnd) return std::nullopt;  // the last member, if any, has yet to be noted
        } else {
          in_array = ((is_array_[(depth - 1) / 64] >> ((depth - 1) % 64)) & 1) != 0;
          expect = Expect::CommaOrEnd;
        }
        break;
      }
      default:
        if (!takes_value) return JsonError{"a value where a key, a comma or an end is due", at[i]};
        if constexpr (Check == JsonCheck::Everything) {
          if (!is_scalar(text + at[i], text + at[i + 1])) return JsonError{"a value that is no number, string, true, false or null", at[i]};
        }
        if (depth == 1) value = i;
        expect = Expect::CommaOrEnd;
        break;
    }
    // A top-level member ends at the comma or bracket behind it.
    if ((depth == 1 && c == ',') || depth == 0) {
      if (members_.size() == JsonMembersMax) return JsonError{"an object with more than 256 members", at[key]};
      const JsonValue name = value_at(key, key + 1);
      members_.push_back({.key = name.text.substr(1, name.text.size() - 2), .value = value_at(value, i)});
    }
  }
  return depth == 0 ? std::nullopt : std::optional(JsonError{"the object is not closed", text_.size()});
}

/// The value whose structure is [first, last): from its first byte to the last one that is not blank.
JsonValue JsonReader::value_at(std::uint32_t first, std::uint32_t last) const {
  const char* const begin = text_.data() + index_->at[first];
  const char* end = text_.data() + index_->at[last];
  while (is_blank(end[-1])) --end;
  return {.kind = kind_of(*begin), .text = std::string_view(begin, static_cast<std::size_t>(end - begin)), .position = first};
}

/// Where the structure goes on behind the value that begins at `first`: its comma or the bracket of what it stands in.
std::uint32_t JsonReader::after_value(std::uint32_t first) const {
  std::uint32_t depth = 0;
  for (std::uint32_t i = first;; ++i) {
    const char c = text_[index_->at[i]];
    if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return i;
      --depth;
    } else if (c == ',' && depth == 0) {
      return i;
    }
  }
}

bool JsonReader::members_of(const JsonValue& object, std::vector<JsonMember>& out) const {
  out.clear();
  if (object.kind != JsonKind::Object) return false;
  const std::uint32_t* const at = index_->at;
  for (std::uint32_t i = object.position; text_[at[i]] != '}';) {  // at the bracket or comma before a member; the grammar has been checked
    const std::uint32_t key = i + 1;
    if (text_[at[key]] == '}') break;
    if (out.size() == JsonMembersMax) return false;
    i = after_value(key + 2);
    const JsonValue name = value_at(key, key + 1);
    out.push_back({.key = name.text.substr(1, name.text.size() - 2), .value = value_at(key + 2, i)});
  }
  return true;
}

std::vector<JsonValue> JsonReader::elements_of(const JsonValue& array) const {
  std::vector<JsonValue> out;
  if (array.kind != JsonKind::Array) return out;
  const std::uint32_t* const at = index_->at;
  for (std::uint32_t i = array.position; text_[at[i]] != ']';) {
    const std::uint32_t first = i + 1;
    if (text_[at[first]] == ']') break;
    i = after_value(first);
    out.push_back(value_at(first, i));
  }
  return out;
}

std::optional<JsonValue> JsonReader::find_in(const JsonValue& object, std::string_view key) const {
  std::vector<JsonMember> members;
  if (!members_of(object, members)) return std::nullopt;
  const JsonMember* member = find_member(members, key);
  return member == nullptr ? std::nullopt : std::optional(member->value);
}

const JsonMember* find_member(std::span<const JsonMember> members, std::string_view key) {
  for (const JsonMember& member : members) {
    if (member.key == key) return &member;
    if (member.key.find('\\') == std::string_view::npos) continue;
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
