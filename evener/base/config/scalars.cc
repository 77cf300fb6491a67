#include "evener/base/config/scalars.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace evener::config {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool all_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

// Length of the digits, or digits and fraction, at the beginning. 0 = none, or a leading zero.
std::size_t decimal_length(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && is_digit(text[at])) ++at;
  if (at == 0 || (at > 1 && text[0] == '0')) return 0;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = at + 1;
    at = fraction;
    while (at < text.size() && is_digit(text[at])) ++at;
    if (at == fraction) return 0;
  }
  return at;
}

std::string leading_zero_hint(std::string_view text) {
  if (!all_digits(text) || text.size() < 2 || text[0] != '0') return {};
  const std::size_t first = std::min(text.find_first_not_of('0'), text.size() - 1);
  return "write " + std::string(text.substr(first)) + ", without leading zeros";
}

struct DurationUnit {
  std::string_view name;
  double nanoseconds;
};
constexpr std::array<DurationUnit, 5> duration_units = {{{"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}}};

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<SizeUnit, 3> size_units = {{{"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}}};
// What people write and what it might have meant.
constexpr std::array<std::array<std::string_view, 2>, 9> size_slips = {
    {{"GB", "GiB"}, {"MB", "MiB"}, {"KB", "KiB"}, {"kB", "KiB"}, {"G", "GiB"}, {"M", "MiB"}, {"K", "KiB"}, {"k", "KiB"}, {"Gi", "GiB"}}};

}  // namespace

Reading<std::uint64_t> read_whole_number(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0o")) return {.value = {}, .hint = "write it in decimal"};
  if (text.find('_') != std::string_view::npos || text.find(',') != std::string_view::npos) {
    std::string digits;
    std::copy_if(text.begin(), text.end(), std::back_inserter(digits), is_digit);
    return {.value = {}, .hint = digits.empty() ? std::string() : "write " + digits};
  }
  if (!all_digits(text)) return {};
  if (text.size() > 1 && text[0] == '0') return {.value = {}, .hint = leading_zero_hint(text)};
  std::uint64_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) return {};
  return {.value = value, .hint = {}};
}

Reading<double> read_number(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with('-')) rest.remove_prefix(1);
  const std::size_t decimal = decimal_length(rest);
  if (decimal == 0) {
    if (rest.size() > 1 && rest[0] == '.' && all_digits(rest.substr(1))) return {.value = {}, .hint = "write 0" + std::string(rest)};
    return {.value = {}, .hint = leading_zero_hint(rest)};
  }
  rest.remove_prefix(decimal);
  if (!rest.empty()) {
    if (rest[0] == '%') return {.value = {}, .hint = "write it as a share: 50% is 0.5"};
    if (rest[0] != 'e' && rest[0] != 'E') return {};
    rest.remove_prefix(1);
    if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) rest.remove_prefix(1);
    if (!all_digits(rest)) return {};
  }
  double value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) return {};
  return {.value = value, .hint = {}};
}

Reading<Duration> read_duration(std::string_view text) {
  if (text == "0") return {.value = Duration::zero(), .hint = {}};
  if (text.empty()) return {};
  if (const Reading<double> bare = read_number(text); bare.value) return {.value = {}, .hint = "write the unit: " + std::string(text) + "s or " + std::string(text) + "ms"};
  double total = 0;
  std::size_t next_unit = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t length = decimal_length(rest);
    if (length == 0) return {};
    double amount = 0;
    if (std::from_chars(rest.data(), rest.data() + length, amount).ec != std::errc()) return {};
    rest.remove_prefix(length);
    const std::string_view name(rest.begin(), std::find_if(rest.begin(), rest.end(), is_digit));
    while (next_unit < duration_units.size() && duration_units[next_unit].name != name) ++next_unit;
    if (next_unit == duration_units.size()) {
      if (name.starts_with('d')) return {.value = {}, .hint = "the largest unit is h: a day is 24h"};
      if (name.starts_with("se") || name.starts_with("mi") || name.starts_with(' ')) return {.value = {}, .hint = "the units are h, m, s, ms and us, without a space"};
      return {};
    }
    total += amount * duration_units[next_unit++].nanoseconds;
    rest.remove_prefix(name.size());
  }
  if (!(total < 9.2e18)) return {};  // what 64 bits of nanoseconds hold: 292 years
  return {.value = Duration(std::llround(total)), .hint = {}};
}

Reading<std::uint64_t> read_size(std::string_view text) {
  const std::size_t length = decimal_length(text);
  if (length == 0) return {.value = {}, .hint = leading_zero_hint(text)};
  const std::string_view digits = text.substr(0, length);
  const std::string_view unit = text.substr(length);
  std::uint64_t value = 0;
  if (!all_digits(digits) || std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc()) {
    return {.value = {}, .hint = "write a whole number of a smaller unit"};
  }
  if (unit.empty()) return {.value = value, .hint = {}};
  for (const SizeUnit& known : size_units) {
    if (unit != known.name) continue;
    if (value > UINT64_MAX / known.bytes) return {};
    return {.value = value * known.bytes, .hint = {}};
  }
  for (const auto& [slip, meant] : size_slips) {
    if (unit == slip) return {.value = {}, .hint = "write " + std::string(digits) + std::string(meant)};
  }
  return {};
}

PlainKind plain_kind(std::string_view text) {
  if (text == "true" || text == "false" || text == "True" || text == "False" || text == "TRUE" || text == "FALSE") return PlainKind::Boolean;
  std::string_view rest = text;
  if (rest.starts_with("0x") && rest.size() > 2 && rest.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string_view::npos) return PlainKind::Number;
  if (rest.starts_with("0o") && rest.size() > 2 && rest.find_first_not_of("01234567", 2) == std::string_view::npos) return PlainKind::Number;
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == ".inf" || rest == ".Inf" || rest == ".INF" || text == ".nan" || text == ".NaN" || text == ".NAN") return PlainKind::Number;
  // [0-9]* [.[0-9]*] [e[+-][0-9]+] with a digit before the exponent
  std::size_t at = 0;
  std::size_t digits = 0;
  while (at < rest.size() && is_digit(rest[at])) ++at, ++digits;
  if (at < rest.size() && rest[at] == '.') {
    ++at;
    while (at < rest.size() && is_digit(rest[at])) ++at, ++digits;
  }
  if (digits == 0) return PlainKind::Text;
  if (at == rest.size()) return PlainKind::Number;
  if (rest[at] != 'e' && rest[at] != 'E') return PlainKind::Text;
  ++at;
  if (at < rest.size() && (rest[at] == '+' || rest[at] == '-')) ++at;
  return all_digits(rest.substr(at)) ? PlainKind::Number : PlainKind::Text;
}

std::string show_duration(Duration duration) {
  const std::int64_t ns = duration.count();
  if (ns == 0) return "0";
  for (const DurationUnit& unit : duration_units) {
    const auto unit_ns = static_cast<std::int64_t>(unit.nanoseconds);
    if (ns % unit_ns == 0) return std::to_string(ns / unit_ns) + std::string(unit.name);
  }
  return show_number(static_cast<double>(ns) / 1e3) + "us";
}

std::string show_size(std::uint64_t bytes) {
  for (const SizeUnit& unit : size_units) {
    if (bytes > 0 && bytes % unit.bytes == 0) return std::to_string(bytes / unit.bytes) + std::string(unit.name);
  }
  return std::to_string(bytes);
}

std::string show_number(double number) {
  char digits[40];
  const bool plain = number == 0 || (std::fabs(number) >= 1e-5 && std::fabs(number) < 1e15);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  return {digits, std::to_chars(digits, digits + sizeof digits, number, format).ptr};
}

}  // namespace evener::config
