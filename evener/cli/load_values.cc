#include "evener/cli/load_values.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "evener/base/config/scalars.h"
#include "evener/cli/option_words.h"

namespace evener::cli {
namespace {

constexpr double SecondsMax = 366.0 * 86'400;
constexpr std::size_t StagesMax = 1'000;

}  // namespace

bool read_within(std::string_view text, double least, double most, double& into) {
  const auto number = config::read_number(text).value;
  if (!number || !(*number >= least && *number <= most)) return false;
  into = *number;
  return true;
}

bool read_whole(std::string_view text, std::uint32_t least, std::uint32_t most, std::uint32_t& into) {
  const auto number = config::read_whole_number(text).value;
  if (!number || *number < least || *number > most) return false;
  into = static_cast<std::uint32_t>(*number);
  return true;
}

bool read_seconds(std::string_view text, double& into) {
  const auto duration = config::read_duration(text).value;
  if (!duration || seconds(*duration) > SecondsMax) return false;
  into = seconds(*duration);
  return true;
}

bool read_length(std::string_view text, lab::LengthLaw& into) {
  constexpr double TailMax = 64;  // a length this many times the mean is cut
  const std::vector<std::string> fields = split(std::string(text), ':');
  if (fields.empty()) return false;
  lab::LengthLaw law;
  const auto mean = [&](std::string_view field) { return read_within(field, 1, LengthMax, law.mean); };
  const std::size_t dash = fields[0].find('-');
  if (fields.size() == 1 && dash != std::string::npos) {
    if (!read_whole(fields[0].substr(0, dash), 1, LengthMax, law.min) ||
        !read_whole(fields[0].substr(dash + 1), law.min, LengthMax, law.max))
      return false;
    law.shape = lab::LengthLaw::Shape::Uniform;
    law.mean = (static_cast<double>(law.min) + law.max) / 2;
    law.spread = (static_cast<double>(law.max) - law.min) / 2;
    into = law;
    return true;
  }
  if (fields.size() == 1) {
    if (!mean(fields[0])) return false;
  } else if (fields.size() == 2 && fields[0] == "exp") {
    law.shape = lab::LengthLaw::Shape::Exponential;
    if (!mean(fields[1])) return false;
  } else if (fields.size() == 3 && fields[0] == "lognormal") {
    law.shape = lab::LengthLaw::Shape::LogNormal;
    if (!mean(fields[1]) || !read_within(fields[2], 0, 10, law.spread)) return false;
  } else {
    return false;
  }
  law.max = static_cast<std::uint32_t>(std::min<double>(law.mean * TailMax, LengthMax));
  into = law;
  return true;
}

bool read_stages(std::string_view text, std::vector<lab::Stage>& into) {
  std::vector<lab::Stage> stages;
  for (const std::string& part : split(std::string(text), '+')) {
    const std::size_t times = part.find('x');
    lab::Stage stage;
    if (times == std::string::npos || !read_within(part.substr(0, times), 1e-6, RateMax, stage.rate_per_s)) return false;
    if (!read_within(part.substr(times + 1), 1e-3, SecondsMax, stage.duration_s) || stages.size() == StagesMax) return false;
    stages.push_back(stage);
  }
  if (stages.empty()) return false;
  into = std::move(stages);
  return true;
}

bool read_process(std::string_view text, lab::ArrivalLaw& law) {
  constexpr lab::Bursts UsualBursts{.ratio = 5, .share = 0.1, .mean_s = 30};
  constexpr lab::Daily UsualDay{.swing = 0.6, .weekend = 0.6};
  const auto distances = [&](lab::ArrivalLaw::Distances family, double cv) {
    law.distances = family;
    law.cv = cv;
    return true;
  };
  if (text == "fixed") return distances(lab::ArrivalLaw::Distances::Gamma, 0);
  if (text == "poisson") return distances(lab::ArrivalLaw::Distances::Gamma, 1);
  if (text == "gamma") return distances(lab::ArrivalLaw::Distances::Gamma, 2);
  if (text == "weibull") return distances(lab::ArrivalLaw::Distances::Weibull, 2);
  if (text == "mmpp") law.bursts = UsualBursts;
  if (text == "diurnal") law.daily = UsualDay;
  return (text == "mmpp" || text == "diurnal") && distances(lab::ArrivalLaw::Distances::Gamma, 1);
}

bool read_day(std::string_view text, double& into) {
  constexpr std::array<std::string_view, 7> Days = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  const auto day = std::find(Days.begin(), Days.end(), text);
  into = static_cast<double>(day - Days.begin());
  return day != Days.end();
}

}  // namespace evener::cli
