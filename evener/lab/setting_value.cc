#include "evener/lab/setting_value.h"

#include <array>
#include <charconv>
#include <cmath>
#include <string>

namespace evener::lab {
namespace {

std::string text_of(double number) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, std::chars_format::fixed).ptr;
  return {buffer.data(), end};
}

}  // namespace

Result<double> setting_value(std::string_view name, std::string_view text, double min, double max, Number number) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool read = error == std::errc() && end == text.data() + text.size();
  const bool within = (value >= min && value <= max) || (number == Number::ZeroOr && value == 0);
  if (read && within && (number != Number::Whole || std::floor(value) == value)) return value;
  return fail(std::string(name) + " is \"" + std::string(text) + "\"; it must be " +
                  (number == Number::Whole    ? "a whole number "
                   : number == Number::ZeroOr ? "0 or "
                                              : "") +
                  text_of(min) + ".." + text_of(max),
              Fault::Client);
}

}  // namespace evener::lab
