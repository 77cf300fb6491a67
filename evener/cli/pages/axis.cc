#include "evener/cli/pages/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace evener::cli::pages {
namespace {

/// The least of 1, 2 and 5 times a power of ten that is at least this.
double round_up(double value) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double digit : {1.0, 2.0, 5.0}) {
    if (digit * power >= value * (1 - 1e-9)) return digit * power;
  }
  return 10 * power;
}

constexpr int LinearMarksMax = 16;  // usual are 3 to 8

std::vector<double> linear_marks(double low, double high) {
  const double step = round_up((high - low) / 6);
  std::vector<double> marks;
  const double first = std::ceil(low / step - 1e-9) * step;
  // Counted, as a step may be too small to change a mark where low and high differ by a rounding error.
  for (int i = 0; i < LinearMarksMax; ++i) {
    const double mark = first + i * step;
    if (mark > high + step * 1e-6) break;
    marks.push_back(std::abs(mark) < step * 1e-6 ? 0 : mark);
  }
  return marks;
}

std::vector<double> log_marks(double low, double high) {
  const int first = static_cast<int>(std::floor(std::log10(low))), last = static_cast<int>(std::ceil(std::log10(high)));
  const int every = std::max(1, (last - first + 7) / 8);
  std::vector<double> marks;
  for (int power = first; power <= last; power += every) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double mark = digit * std::pow(10, power);
      if (last - first > 3 && digit > 1) break;
      if (mark >= low * (1 - 1e-9) && mark <= high * (1 + 1e-9)) marks.push_back(mark);
    }
  }
  return marks;
}

}  // namespace

double Axis::position(double value) const {
  const double part = scale == Scale::Log ? std::log(std::max(value, low) / low) / std::log(high / low) : (value - low) / (high - low);
  return std::clamp(part, 0.0, 1.0);
}

std::vector<double> Axis::marks() const { return scale == Scale::Log ? log_marks(low, high) : linear_marks(low, high); }

Axis axis_for(const std::vector<double>& values, Scale scale, From from) {
  std::vector<double> shown;
  for (const double value : values) {
    if (std::isfinite(value) && (scale == Scale::Linear || value > 0)) shown.push_back(value);
  }
  if (shown.empty()) return {};
  const auto [low, high] = std::minmax_element(shown.begin(), shown.end());
  if (scale == Scale::Log) {
    // Room for at least a factor of ten, so that marks find a place.
    const double middle = std::sqrt(*low * *high), half = std::max(std::sqrt(*high / *low), std::sqrt(10.0));
    return {.low = middle / half, .high = middle * half, .scale = scale};
  }
  const double bottom = from == From::Zero ? std::min(*low, 0.0) : *low, top = *high > bottom ? *high : bottom + 1;
  const double step = round_up((top - bottom) / 6);
  return {.low = std::floor(bottom / step + 1e-9) * step, .high = std::ceil(top / step - 1e-9) * step};
}

std::string mark_text(double value) {
  const double size = std::abs(value);
  if (size >= 1e9) return fmt::format("{:.3g}G", value / 1e9);
  if (size >= 1e6) return fmt::format("{:.3g}M", value / 1e6);
  if (size >= 1e4) return fmt::format("{:.3g}k", value / 1e3);
  return fmt::format("{:.4g}", value);
}

}  // namespace evener::cli::pages
