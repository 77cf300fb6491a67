#include "evener/telemetry/trace_context.h"

#include <algorithm>

#include "evener/base/hex.h"

namespace evener::telemetry {
namespace {

bool lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool all_zero(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '0'; });
}

void write_hex(char* out, std::uint64_t number) {
  const auto digits = hex_digits(number);
  std::copy(digits.begin(), digits.end(), out);
}

bool valid(std::string_view given) {
  constexpr std::size_t length = 55;
  if (given.size() < length || (given.size() > length && (given[length] != '-' || given.starts_with("00")))) return false;
  if (given[2] != '-' || given[35] != '-' || given[52] != '-') return false;
  const std::string_view version = given.substr(0, 2);
  const std::string_view trace = given.substr(3, 32);
  const std::string_view parent = given.substr(36, 16);
  return lower_hex(version) && version != "ff" && lower_hex(trace) && !all_zero(trace) && lower_hex(parent) && !all_zero(parent) &&
         lower_hex(given.substr(53, 2));
}

}  // namespace

TraceContext continue_trace(std::string_view given, std::uint64_t trace_high, std::uint64_t trace_low, std::uint64_t span) {
  TraceContext context;
  constexpr std::string_view frame = "00-00000000000000000000000000000000-0000000000000000-00";
  std::copy(frame.begin(), frame.end(), context.text_.begin());
  char* text = context.text_.data();
  context.continued_ = valid(given);
  if (context.continued_) {
    std::copy_n(given.begin() + 3, 32, text + 3);
    // Sampled (bit 0) and random trace id (bit 1); what other bits mean is not known, and the standard has them cleared.
    const char low = given[54];
    const int flags = low >= 'a' ? low - 'a' + 10 : low - '0';
    text[54] = static_cast<char>('0' + (flags & 3));
  } else {
    // Bit 0 keeps an id from being all zeros, which the standard calls invalid.
    write_hex(text + 3, trace_high);
    write_hex(text + 19, trace_low | 1U);
  }
  write_hex(text + 36, span | 1U);
  return context;
}

}  // namespace evener::telemetry
