#pragma once
// How the values of made-up load are written. Each reader changes its target, or answers no and may leave it anywhere.

#include <cstdint>
#include <string_view>
#include <vector>

#include "evener/lab/arrival_law.h"
#include "evener/lab/laws.h"

namespace evener::cli {

bool read_within(std::string_view text, double least, double most, double& into);
bool read_whole(std::string_view text, std::uint32_t least, std::uint32_t most, std::uint32_t& into);
/// A duration such as 20s or 1h, in seconds; at most a year.
bool read_seconds(std::string_view text, double& into);
/// 512, 100-3000, exp:300 or lognormal:3000:1. What has a tail is cut at 64 times its mean.
bool read_length(std::string_view text, lab::LengthLaw& into);
/// 15x50+3x20: rate times seconds, one after the other.
bool read_stages(std::string_view text, std::vector<lab::Stage>& into);
/// fixed, poisson, gamma, weibull, mmpp or diurnal, with what is usual for each.
bool read_process(std::string_view text, lab::ArrivalLaw& law);
/// mon to sun, in days after Monday.
bool read_day(std::string_view text, double& into);

inline constexpr double RateMax = 1e6;
inline constexpr std::uint32_t LengthMax = 1U << 24;  // tokens

}  // namespace evener::cli
