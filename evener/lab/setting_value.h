#pragma once
// The value of a setting, as a person wrote it: a number within limits, or what is wrong with it.

#include <string_view>

#include "evener/core/result.h"

namespace evener::lab {

enum class Number : std::uint8_t {
  Any,
  Whole,
  ZeroOr,  // 0, whatever the least is
};

[[nodiscard]] Result<double> setting_value(std::string_view name, std::string_view text, double min, double max, Number number);

}  // namespace evener::lab
