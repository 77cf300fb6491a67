#include "evener/lab/rate_series.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <numeric>
#include <optional>

#include "evener/lab/csv_fields.h"

namespace evener::lab {
namespace {

constexpr double SecondsMax = 100.0 * 366 * 86'400;  // 1970 to 2070; nanoseconds of it fit 64 bits
constexpr double RateMax = 1e12;

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// "2014-07-01 00:30:00", in seconds since 1970.
std::optional<double> date_and_time(std::string_view text) {
  constexpr std::string_view Form = "dddd-dd-dd dd:dd:dd";
  if (text.size() != Form.size()) return std::nullopt;
  std::array<int, 6> parts{};
  std::size_t part = 0;
  for (std::size_t i = 0; i < Form.size(); ++i) {
    if (Form[i] != 'd') {
      if (text[i] != Form[i]) return std::nullopt;
      ++part;
    } else {
      if (text[i] < '0' || text[i] > '9') return std::nullopt;
      parts[part] = parts[part] * 10 + (text[i] - '0');
    }
  }
  const std::chrono::year_month_day day{std::chrono::year(parts[0]), std::chrono::month(static_cast<unsigned>(parts[1])),
                                        std::chrono::day(static_cast<unsigned>(parts[2]))};
  if (!day.ok() || parts[3] > 23 || parts[4] > 59 || parts[5] > 59) return std::nullopt;
  const auto days = std::chrono::sys_days(day).time_since_epoch().count();
  return static_cast<double>(days) * 86'400 + parts[3] * 3600 + parts[4] * 60 + parts[5];
}

/// Puts the rates that were read in their places.
class Collector {
 public:
  explicit Collector(RateReading& reading) : reading_(reading) {}

  /// What is wrong with the line, or nothing.
  std::string_view add(double at_s, double rate) {
    std::vector<double>& rates = reading_.series.rates;
    if (rates.empty()) {
      first_s_ = at_s;
      rates.push_back(rate);
      return {};
    }
    if (reading_.series.step == Duration::zero()) {
      const double step_s = at_s - first_s_;
      if (!(step_s >= 0.001)) return "the time is not at least a millisecond after the one before";
      reading_.series.step = from_seconds(step_s);
    }
    const double place = (at_s - first_s_) / seconds(reading_.series.step);
    if (std::abs(place - std::round(place)) > 0.01) return "the time is not a whole number of steps after the first";
    if (place < static_cast<double>(rates.size()) - 0.5) return "the time is not after the one before";
    if (place > static_cast<double>(RateStepsMax - 1)) return "the time is more than 10000000 steps after the first";
    const auto index = static_cast<std::size_t>(std::round(place));
    const double from = rates.back();
    const std::size_t gap = index - rates.size();
    for (std::size_t i = 1; i <= gap; ++i) rates.push_back(from + (rate - from) * static_cast<double>(i) / static_cast<double>(gap + 1));
    reading_.filled += gap;
    rates.push_back(rate);
    return {};
  }

 private:
  RateReading& reading_;
  double first_s_ = 0;
};

std::string_view read_line(const std::vector<std::string_view>& fields, std::size_t column, Collector& collector) {
  if (fields.size() <= column) return "the line has too few columns";
  auto at_s = number(fields.front());
  if (!at_s) at_s = date_and_time(fields.front());
  if (!at_s || *at_s < 0 || *at_s > SecondsMax) return "the time is neither seconds nor of the form 2014-07-01 00:30:00";
  const auto rate = number(fields[column]);
  if (!rate || *rate < 0 || *rate > RateMax) return "the rate is not a number of 0 to 1e12";
  return collector.add(*at_s, *rate);
}

}  // namespace

double RateSeries::at(Duration at) const {
  if (rates.empty()) return 0;
  const double place = std::max(seconds(at) / seconds(step), 0.0);
  if (place >= static_cast<double>(rates.size() - 1)) return rates.back();
  const auto index = static_cast<std::size_t>(place);
  return rates[index] + (rates[index + 1] - rates[index]) * (place - static_cast<double>(index));
}

double RateSeries::mean() const {
  if (rates.empty()) return 0;
  return std::accumulate(rates.begin(), rates.end(), 0.0) / static_cast<double>(rates.size());
}

double RateSeries::peak() const { return rates.empty() ? 0 : *std::max_element(rates.begin(), rates.end()); }

Result<RateReading> read_rate_series(std::string_view text, std::string_view file_name, std::string_view column) {
  const std::string file(file_name);
  RateReading reading;
  Collector collector(reading);
  std::optional<std::size_t> chosen;
  std::uint64_t number_of_line = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number_of_line;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const std::vector<std::string_view> fields = csv_fields(line);
    if (!chosen) {
      for (std::size_t i = 1; i < fields.size() && !chosen; ++i) {
        if (column.empty() || fields[i] == column) chosen = i;
      }
      if (!chosen) {
        return fail(file + ":" + std::to_string(number_of_line) + ": the header \"" + std::string(line.substr(0, 200)) + "\" has no " +
                        (column.empty() ? "second column" : "column \"" + std::string(column) + "\" after the time"),
                    Fault::Client);
      }
      continue;
    }
    ++reading.lines;
    const std::string_view problem = read_line(fields, *chosen, collector);
    if (problem.empty()) continue;
    if (++reading.malformed <= RateReading::ProblemsMax) {
      reading.problems.push_back(file + ":" + std::to_string(number_of_line) + ": " + std::string(problem));
    }
  }
  if (reading.series.rates.size() < 2) return fail(file + ": fewer than two lines with a time and a rate could be read", Fault::Client);
  return reading;
}

}  // namespace evener::lab
