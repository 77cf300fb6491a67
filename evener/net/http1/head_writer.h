#pragma once
// Writes message heads anew: start line, fields, empty line, in this order. What is written parses back to the same message, therefore CR, LF
// and NUL, names that are no tokens and targets with blanks are broken invariants here and end the program: whoever lets bytes from outside
// reach this class has parsed them with head.h before. Not for chunk framing or bodies. Not safe for several threads.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace evener::net::http1 {

/// The standard phrase for a status, or "Status" where there is none: readers must not care, and some cannot bear an empty one.
[[nodiscard]] std::string_view reason_phrase(std::uint16_t status);

class HeadWriter {
 public:
  /// Appends to `out`.
  explicit HeadWriter(std::string& out) : string_(&out) {}
  /// Writes to [buffer, buffer + capacity). A head that is too long for it leaves overflow() set and its bytes are not to be used.
  HeadWriter(char* buffer, std::size_t capacity) : begin_(buffer), pos_(buffer), end_(buffer + capacity) {}

  /// `METHOD target HTTP/1.1`
  void request_line(std::string_view method, std::string_view target);
  /// The same with the target in two parts, as it is after a path was rewritten; '?' comes in between unless `query` is empty.
  void request_line(std::string_view method, std::string_view path, std::string_view query);
  /// `HTTP/1.1 status reason`, status 100..599.
  void status_line(std::uint16_t status) { status_line(status, reason_phrase(status)); }
  void status_line(std::uint16_t status, std::string_view reason);

  void header(std::string_view name, std::string_view value);
  void header(std::string_view name, std::uint64_t value);
  /// A value in two parts, such as a scheme and a secret, without putting them together first.
  void header(std::string_view name, std::string_view value, std::string_view more);

  /// The empty line. Nothing may follow.
  void end();

  [[nodiscard]] bool overflow() const { return overflow_; }
  /// Bytes written to the buffer (or this writer's share of the string).
  [[nodiscard]] std::size_t size() const { return string_ != nullptr ? written_ : static_cast<std::size_t>(pos_ - begin_); }

 private:
  enum class Stage : std::uint8_t { StartLine, Fields, Done };

  void append(std::initializer_list<std::string_view> parts);
  void start(Stage expected);
  static void check_value(std::string_view value);

  std::string* string_ = nullptr;
  char* begin_ = nullptr;
  char* pos_ = nullptr;
  char* end_ = nullptr;
  std::size_t written_ = 0;
  Stage stage_ = Stage::StartLine;
  bool overflow_ = false;
};

}  // namespace evener::net::http1
