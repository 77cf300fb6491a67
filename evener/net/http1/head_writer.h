#pragma once
// Writes message heads anew: start line, fields, empty line, in this order. What is written parses back to the same message, therefore CR, LF
// and NUL, names that are no tokens and targets with blanks are broken invariants here and end the program: whoever lets bytes from outside
// reach this class has parsed them with head.h before. Not for chunk framing or bodies. Not safe for several threads.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "evener/net/http1/head.h"

namespace evener::net::http1 {

/// The standard phrase for a status, or "Status" where there is none: readers must not care, and some cannot bear an empty one.
[[nodiscard]] std::string_view reason_phrase(std::uint16_t status);

class HeadWriter {
 public:
  /// Appends to `out`, whose contents behind its present end are meaningless until end() was called.
  explicit HeadWriter(std::string& out);
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
  void header(std::string_view name, std::uint64_t value) {
    std::array<char, 20> digits;  // NOLINT: of them only those that are written are read
    unchecked_header(name, decimal(value, digits));
  }
  /// A name that stands in our own text need not be checked, only the value.
  template <std::size_t N>
  void header(const char (&name)[N], std::string_view value) {
    start(Stage::Fields);
    check_value(value);
    unchecked_header(std::string_view(name, N - 1), value);
  }
  template <std::size_t N>
  void header(const char (&name)[N], std::uint64_t value) {
    header(std::string_view(name, N - 1), value);
  }
  /// A field as the parser of head.h gave it: what it accepted is not checked again, which is most of the cost of writing one.
  void parsed_header(const Header& header) {
    const char* const between = header.name.data() + header.name.size();
    if (header.value.data() != between + 2 || between[0] != ':' || between[1] != ' ') return unchecked_header(header.name, header.value);
    // It stands in the parsed head exactly as it is written here: one copy instead of three.
    const std::string_view line(header.name.data(), header.name.size() + 2 + header.value.size());
    if (!reserve(line.size() + 2)) return;
    put(line);
    put("\r\n");
  }
  /// For a name that is a constant of ours and a value that cannot hold a control character: text that the caller made itself (a trace context,
  /// an address, a number), or that it checked when it took it in (a configured host, a client's request id). Nothing is checked here.
  void unchecked_header(std::string_view name, std::string_view value) {
    if (!reserve(name.size() + value.size() + 4)) return;
    put(name);
    put(": ");
    put(value);
    put("\r\n");
  }
  /// A value in two parts, such as a scheme and a secret, without putting them together first.
  void header(std::string_view name, std::string_view value, std::string_view more);

  /// The empty line. Nothing may follow.
  void end();

  [[nodiscard]] bool overflow() const { return overflow_; }
  /// Bytes written to the buffer (or this writer's share of the string).
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(pos_ - begin_); }

 private:
  enum class Stage : std::uint8_t { StartLine, Fields, Done };

  /// Makes room for so many bytes; false when the buffer cannot grow.
  bool reserve(std::size_t bytes) {
    if (!overflow_ && bytes <= static_cast<std::size_t>(end_ - pos_)) [[likely]]
      return true;
    return grow(bytes);
  }
  bool grow(std::size_t bytes);
  void put(std::string_view bytes) {
    __builtin_memcpy(pos_, bytes.data(), bytes.size());
    pos_ += bytes.size();
  }
  void start(Stage expected);
  static void check_value(std::string_view value);
  static std::string_view decimal(std::uint64_t value, std::array<char, 20>& digits);

  std::string* string_ = nullptr;
  char* begin_ = nullptr;
  char* pos_ = nullptr;
  char* end_ = nullptr;
  Stage stage_ = Stage::StartLine;
  bool overflow_ = false;
};

}  // namespace evener::net::http1
