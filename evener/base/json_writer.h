#pragma once
// Writes JSON straight to the end of a string, piece by piece. It allocates nothing but what the string needs, because the access log
// pays for it on every request. It puts the commas and the quotes; that begin and end match and that each key has one value is the
// caller's business, checked by asserts that stay on. No line breaks, no reading.

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace evener {

/// Appends text as a JSON string with its quotes. Control characters are escaped, invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// Not thread-safe. The string may be read and appended to between values by others, as long as it stays JSON.
class JsonWriter {
 public:
  static constexpr unsigned DepthMax = 63;

  explicit JsonWriter(std::string& out) : out_(out) {}
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(std::same_as<bool> auto yes) { return boolean(yes); }
  JsonWriter& value(double number);  // shortest form that reads back as the same double; infinities and NaN become null
  JsonWriter& value(std::signed_integral auto number) { return integer(number); }
  JsonWriter& value(std::unsigned_integral auto number)
    requires(!std::same_as<decltype(number), bool>)
  {
    return unsigned_integer(number);
  }
  /// A number with so many decimals (0..9), trailing zeros dropped: fixed(0.25, 6) writes 0.25.
  JsonWriter& fixed(double number, int decimals);
  JsonWriter& null();
  /// Bytes that already are one JSON value.
  JsonWriter& raw(std::string_view json);

  /// key(name).value(v), the usual case.
  template <class V>
  JsonWriter& member(std::string_view name, const V& v) {
    return key(name).value(v);
  }

  /// True when every begin has met its end and one whole value was written.
  [[nodiscard]] bool complete() const { return depth_ == 0 && (has_items_ & 1U) != 0; }

 private:
  JsonWriter& boolean(bool yes);
  JsonWriter& integer(std::int64_t number);
  JsonWriter& unsigned_integer(std::uint64_t number);
  void before_value();
  void open(char bracket, bool is_object);
  void close(char bracket, bool is_object);

  std::string& out_;
  std::uint64_t has_items_ = 0;  // bit d: the container at depth d has an item already
  std::uint64_t is_object_ = 0;  // bit d: the container at depth d is an object
  unsigned depth_ = 0;
  bool after_key_ = false;
};

}  // namespace evener
