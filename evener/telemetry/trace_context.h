#pragma once
// W3C Trace Context (level 1, https://www.w3.org/TR/trace-context/): one hop of a trace as a value. Pure: the random bits are given.

#include <array>
#include <cstdint>
#include <string_view>

namespace evener::telemetry {

/// The traceparent that this hop sends on: the caller's trace id and flags, and a parent id of its own.
class TraceContext {
 public:
  TraceContext() = default;

  /// "00-<trace id>-<parent id>-<flags>", 55 characters; empty when default constructed.
  [[nodiscard]] std::string_view traceparent() const { return text_[0] == 0 ? std::string_view() : std::string_view(text_.data(), Length); }
  /// 32 hex digits.
  [[nodiscard]] std::string_view trace_id() const { return text_[0] == 0 ? std::string_view() : std::string_view(text_.data() + 3, 32); }
  /// 16 hex digits, of this hop.
  [[nodiscard]] std::string_view span_id() const { return text_[0] == 0 ? std::string_view() : std::string_view(text_.data() + 36, 16); }
  /// Whether the caller sent a valid traceparent; only then may its tracestate be passed on.
  [[nodiscard]] bool continued() const { return continued_; }

 private:
  friend TraceContext continue_trace(std::string_view, std::uint64_t, std::uint64_t, std::uint64_t);
  static constexpr std::size_t Length = 55;
  std::array<char, Length> text_{};
  bool continued_ = false;
};

/// Continues the caller's trace, or starts a new, sampled-out one (flags 00) where `given` is empty or invalid: wrong length or characters,
/// version ff, an id of zeros. Of versions above 00 the first 55 characters count, if a '-' follows them.
[[nodiscard]] TraceContext continue_trace(std::string_view given, std::uint64_t trace_high, std::uint64_t trace_low, std::uint64_t span);

}  // namespace evener::telemetry
