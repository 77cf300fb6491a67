#include "evener/base/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "evener/base/utf8.h"

namespace evener {
namespace {

void require(bool holds, const char* rule) {
  if (holds) [[likely]] return;
  std::fprintf(stderr, "JsonWriter used wrongly: %s\n", rule);
  std::abort();
}

// Bytes that cannot be copied as they are: controls, quote, backslash and everything that starts a longer UTF-8 sequence.
constexpr std::array<bool, 256> needs_care = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 256; ++c) table[c] = c < 0x20 || c == '"' || c == '\\' || c >= 0x80;
  return table;
}();

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  constexpr char hex[] = "0123456789abcdef";
  const auto code = static_cast<unsigned char>(c);
  out += "\\u00";
  out += hex[code >> 4U];
  out += hex[code & 15U];
}

template <class Number>
void append_number(std::string& out, Number number) {
  char digits[32];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t begin = 0;  // of the run not yet copied
  std::size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (!needs_care[static_cast<unsigned char>(c)]) {
      ++at;
      continue;
    }
    const std::size_t length = static_cast<unsigned char>(c) < 0x80 ? 0 : utf8_sequence_length(text, at);
    if (length != 0) {
      at += length;
      continue;
    }
    out.append(text.data() + begin, at - begin);
    if (static_cast<unsigned char>(c) < 0x80) {
      append_escaped(out, c);
    } else {
      out += Utf8Replacement;
    }
    begin = ++at;
  }
  out.append(text.data() + begin, text.size() - begin);
  out += '"';
}

void JsonWriter::before_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  const std::uint64_t bit = 1ULL << depth_;
  require((is_object_ & bit) == 0, "a value in an object needs a key");
  require(depth_ > 0 || has_items_ == 0, "one document holds one value");
  if ((has_items_ & bit) != 0 && depth_ > 0) out_ += ',';
  has_items_ |= bit;
}

void JsonWriter::open(char bracket, bool is_object) {
  before_value();
  require(depth_ < DepthMax, "nested too deeply");
  out_ += bracket;
  ++depth_;
  const std::uint64_t bit = 1ULL << depth_;
  has_items_ &= ~bit;
  is_object_ = is_object ? is_object_ | bit : is_object_ & ~bit;
}

void JsonWriter::close(char bracket, bool is_object) {
  require(depth_ > 0 && ((is_object_ >> depth_) & 1U) == (is_object ? 1U : 0U), "an end without its begin");
  require(!after_key_, "a key without a value");
  is_object_ &= ~(1ULL << depth_);
  --depth_;
  out_ += bracket;
}

JsonWriter& JsonWriter::begin_object() {
  open('{', true);
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  close('}', true);
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  open('[', false);
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  close(']', false);
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  const std::uint64_t bit = 1ULL << depth_;
  require((is_object_ & bit) != 0 && !after_key_, "a key belongs in an object, before its value");
  if ((has_items_ & bit) != 0) out_ += ',';
  has_items_ |= bit;
  append_json_string(out_, name);
  out_ += ':';
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  before_value();
  append_json_string(out_, text);
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  before_value();
  append_number(out_, number);
  return *this;
}

JsonWriter& JsonWriter::fixed(double number, int decimals) {
  // Beyond 2^53 there is nothing behind the point, and the fixed form could be 300 digits long.
  if (!(std::fabs(number) < 9007199254740992.0)) return value(number);
  before_value();
  char digits[48];
  const int places = decimals < 0 ? 0 : decimals > 9 ? 9 : decimals;
  char* end = std::to_chars(digits, digits + sizeof digits, number, std::chars_format::fixed, places).ptr;
  if (places > 0) {
    while (end[-1] == '0') --end;
    if (end[-1] == '.') --end;
  }
  const std::string_view text(digits, static_cast<std::size_t>(end - digits));
  out_ += text == "-0" ? std::string_view("0") : text;
  return *this;
}

JsonWriter& JsonWriter::null() {
  before_value();
  out_ += "null";
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  before_value();
  out_ += json;
  return *this;
}

JsonWriter& JsonWriter::boolean(bool yes) {
  before_value();
  out_ += yes ? std::string_view("true") : std::string_view("false");
  return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t number) {
  before_value();
  append_number(out_, number);
  return *this;
}

JsonWriter& JsonWriter::unsigned_integer(std::uint64_t number) {
  before_value();
  append_number(out_, number);
  return *this;
}

}  // namespace evener
