#pragma once
// The log of the process itself: one event per line on standard error, as JSON, or as text when a person's terminal is there. An event is a
// fixed phrase and its fields, so that it can be searched for and counted. Not for requests: those have the access log.
//
//   log::info("endpoint ejected", {{"pool", pool}, {"endpoint", name}, {"for_s", 10.0}});

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace evener::log {

enum class Level : std::uint8_t { Debug, Info, Warn, Error };
[[nodiscard]] std::string_view level_name(Level level);  // "debug", "info", "warn", "error"

/// Borrows texts for the duration of the call.
class Value {
 public:
  template <class T>
    requires std::convertible_to<const T&, std::string_view>
  Value(const T& text) : value_(std::string_view(text)) {}
  Value(std::same_as<bool> auto yes) : value_(yes) {}
  Value(std::signed_integral auto number) : value_(static_cast<std::int64_t>(number)) {}
  Value(std::unsigned_integral auto number)
    requires(!std::same_as<decltype(number), bool>)
      : value_(static_cast<std::uint64_t>(number)) {}
  Value(std::floating_point auto number) : value_(static_cast<double>(number)) {}

  using Alternatives = std::variant<std::string_view, bool, std::int64_t, std::uint64_t, double>;
  [[nodiscard]] const Alternatives& get() const { return value_; }

 private:
  Alternatives value_;
};

struct Field {
  std::string_view key;
  Value value;
};
using Fields = std::initializer_list<Field>;

/// Thread-safe. Where the reader of standard error has stopped reading, a line is given up after DropAfterMs without progress and counted;
/// the next line that gets through says how many are missing. Only the first line that meets such a reader waits.
void write(Level level, std::string_view event, Fields fields = {});
inline void debug(std::string_view event, Fields fields = {}) { write(Level::Debug, event, fields); }
inline void info(std::string_view event, Fields fields = {}) { write(Level::Info, event, fields); }
inline void warn(std::string_view event, Fields fields = {}) { write(Level::Warn, event, fields); }
inline void error(std::string_view event, Fields fields = {}) { write(Level::Error, event, fields); }

/// Events below this level are not written; Info at start.
void set_level(Level level);
[[nodiscard]] bool enabled(Level level);

enum class Format : std::uint8_t { Json, Text, ColouredText };
/// Without this call: text when standard error is a terminal (coloured unless NO_COLOR is set and not empty), else JSON.
void set_format(Format format);

inline constexpr int DropAfterMs = 20;
inline constexpr std::size_t TextBytesMax = 2048;  // of one field's text or of the event; longer ones are cut

/// One line with its '\n'; wall_ns is nanoseconds since 1970 UTC. For tests and for other targets than standard error.
void append_line(std::string& out, Format format, std::int64_t wall_ns, Level level, std::string_view event, Fields fields);

/// Writes whole lines to a descriptor without waiting long for its reader. Not thread-safe: write() guards its own.
class LineSink {
 public:
  explicit LineSink(int fd) : fd_(fd) {}

  enum class Outcome : std::uint8_t { Written, Dropped };
  Outcome put(std::string_view line);

 private:
  const int fd_;
  bool stuck_ = false;     // the last line found no room: do not wait for the next
  bool mid_line_ = false;  // a line was cut off: the next begins on a line of its own
};

}  // namespace evener::log
