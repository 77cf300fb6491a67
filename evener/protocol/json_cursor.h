#pragma once
// Walks over the inside of a value that a JsonReader has accepted: into arrays and objects, from element to element, without a list of what is
// there and without looking at a byte twice. Checks nothing; on other text the results are undefined.

#include <cstddef>
#include <string_view>

#include "evener/protocol/json_reader.h"
#include "evener/protocol/json_string.h"

namespace evener::protocol {

class JsonCursor {
 public:
  /// `value` is exactly one value, as JsonValue::text has it.
  explicit JsonCursor(std::string_view value) : p_(value.data()), end_(value.data() + value.size()) {}

  [[nodiscard]] bool at_string() const { return *p_ == '"'; }
  [[nodiscard]] bool at_array() const { return *p_ == '['; }
  [[nodiscard]] bool at_object() const { return *p_ == '{'; }
  [[nodiscard]] bool at_null() const { return *p_ == 'n'; }

  /// At an array or object: goes to its first element or key. False if it is empty; the cursor is then behind it.
  [[nodiscard]] bool enter() {
    blanks(p_ + 1);
    if (*p_ != ']' && *p_ != '}') return true;
    ++p_;
    return false;
  }

  /// Behind an element or member: goes to the next one. False if there is none; the cursor is then behind the container.
  [[nodiscard]] bool next() {
    blanks(p_);
    const bool more = *p_ == ',';
    ++p_;
    if (more) blanks(p_);
    return more;
  }

  /// At a key: returns it as written and goes to its value.
  std::string_view key() {
    const std::string_view name = string();
    blanks(p_);
    blanks(p_ + 1);
    return name;
  }

  /// At a string: what is between its quotes, as written; the cursor goes behind it.
  std::string_view string() {
    StringTraits traits;
    const char* const first = p_ + 1;
    p_ = end_of_string(first, end_, traits) + 1;
    return {first, static_cast<std::size_t>(p_ - 1 - first)};
  }

  /// Goes behind the value, whatever it is, and returns its text.
  std::string_view skip() {
    const char* const first = p_;
    std::size_t depth = 0;
    do {
      switch (*p_) {
        case '"': string(); break;
        case '{':
        case '[':
          ++depth;
          ++p_;
          break;
        case '}':
        case ']':
          --depth;
          ++p_;
          break;
        case ',':
        case ':':
        case ' ':
        case '\t':
        case '\n':
        case '\r': ++p_; break;
        default: scalar(); break;
      }
    } while (depth != 0);
    return {first, static_cast<std::size_t>(p_ - first)};
  }

 private:
  // A value's last byte is known to end it, except that of a number or literal that is the whole value.
  void blanks(const char* p) {
    while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') ++p;
    p_ = p;
  }
  void scalar() {
    while (p_ != end_ && static_cast<unsigned char>(*p_) > ' ' && *p_ != ',' && *p_ != ']' && *p_ != '}') ++p_;
  }

  const char* p_;
  const char* end_;
};

}  // namespace evener::protocol
