#include "evener/cli/load_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "evener/cli/option_words.h"
#include "evener/cli/load_values.h"

namespace evener::cli {
namespace {

using lab::ArrivalLaw;
using lab::IndependentLoad;
using lab::MadeLoad;
using lab::SessionLoad;
using lab::SharedPrefixLoad;
using Text = std::string_view;

constexpr std::uint32_t CountMax = 1'000'000;

/// Something of a load that can be set.
template <class Of>
struct Key {
  LoadKey shown;
  bool (*set)(Of&, Text);  // whether the value was good
};

bool set_rate(ArrivalLaw& law, Text text) {
  double rate_per_s = 0;
  if (!read_within(text, 1e-6, RateMax, rate_per_s)) return false;
  for (lab::Stage& stage : law.stages) stage.rate_per_s = rate_per_s;
  return true;
}

bool set_duration(ArrivalLaw& law, Text text) {
  double duration_s = 0;
  if (!read_seconds(text, duration_s) || duration_s <= 0) return false;
  for (lab::Stage& stage : law.stages) stage.duration_s = duration_s;
  return true;
}

bool set_cv(ArrivalLaw& law, Text text) {
  return read_within(text, law.distances == ArrivalLaw::Distances::Weibull ? 0.05 : 0, 20, law.cv);
}

constexpr std::array ArrivalKeys = {
    Key<ArrivalLaw>{{"rate", "N", "requests per second, or new sessions; in all stages"}, set_rate},
    Key<ArrivalLaw>{{"for", "DURATION", "how long they come; of each stage"}, set_duration},
    Key<ArrivalLaw>{{"stages", "RATExSECONDS+...", "stages, each of which waits until the one before is done"},
                    [](ArrivalLaw& law, Text text) { return read_stages(text, law.stages); }},
    Key<ArrivalLaw>{{"arrivals", "PROCESS", "fixed, poisson, gamma, weibull, mmpp or diurnal: sets cv, burst or swing and weekend"},
                    [](ArrivalLaw& law, Text text) { return read_process(text, law); }},
    Key<ArrivalLaw>{{"cv", "X", "coefficient of variation of the distances: 0 to 20 of gamma, 0.05 to 20 of weibull"}, set_cv},
    Key<ArrivalLaw>{{"burst", "X", "rate in bursts over that between them, 1 to 1000; 1 = no bursts"},
                    [](ArrivalLaw& law, Text text) { return read_within(text, 1, 1000, law.bursts.ratio); }},
    Key<ArrivalLaw>{{"burst-share", "X", "share of the time that is in bursts, 0.001 to 0.999"},
                    [](ArrivalLaw& law, Text text) { return read_within(text, 0.001, 0.999, law.bursts.share); }},
    Key<ArrivalLaw>{{"burst-for", "DURATION", "how long a burst lasts on average"},
                    [](ArrivalLaw& law, Text text) { return read_seconds(text, law.bursts.mean_s) && law.bursts.mean_s > 0; }},
    Key<ArrivalLaw>{{"swing", "X", "how far the rate goes up and down in a day, 0 to 1 of its mean"},
                    [](ArrivalLaw& law, Text text) { return read_within(text, 0, 1, law.daily.swing); }},
    Key<ArrivalLaw>{{"weekend", "X", "rate of Saturdays and Sundays over that of other days, 0 to 100"},
                    [](ArrivalLaw& law, Text text) { return read_within(text, 0, 100, law.daily.weekend); }},
    Key<ArrivalLaw>{{"day", "DURATION", "length of a day, at least 1s"},
                    [](ArrivalLaw& law, Text text) { return read_seconds(text, law.daily.day_s) && law.daily.day_s >= 1; }},
    Key<ArrivalLaw>{{"peak", "X", "when the rate is highest, 0 to 1 of the day"},
                    [](ArrivalLaw& law, Text text) { return read_within(text, 0, 1, law.daily.peak); }},
    Key<ArrivalLaw>{{"begin", "DAY", "the day at whose midnight the load begins: mon, tue, wed, thu, fri, sat or sun"},
                    [](ArrivalLaw& law, Text text) { return read_day(text, law.daily.begin); }},
};

constexpr std::array IndependentKeys = {
    Key<IndependentLoad>{{"input", "LENGTH", "tokens of a prompt"},
                         [](IndependentLoad& load, Text text) { return read_length(text, load.input); }},
    Key<IndependentLoad>{{"output", "LENGTH", "tokens of an answer"},
                         [](IndependentLoad& load, Text text) { return read_length(text, load.output); }},
};

constexpr std::array SharedPrefixKeys = {
    Key<SharedPrefixLoad>{{"groups", "N", "system prompts"},
                          [](SharedPrefixLoad& load, Text text) { return read_whole(text, 1, CountMax, load.groups); }},
    Key<SharedPrefixLoad>{{"questions", "N", "different questions under each system prompt"},
                          [](SharedPrefixLoad& load, Text text) { return read_whole(text, 1, CountMax, load.questions); }},
    Key<SharedPrefixLoad>{{"system", "N", "tokens of a system prompt"},
                          [](SharedPrefixLoad& load, Text text) { return read_whole(text, 1, LengthMax, load.system_tokens); }},
    Key<SharedPrefixLoad>{{"question", "N", "tokens of a question"},
                          [](SharedPrefixLoad& load, Text text) { return read_whole(text, 1, LengthMax, load.question_tokens); }},
    Key<SharedPrefixLoad>{{"answer", "N", "tokens of an answer"},
                          [](SharedPrefixLoad& load, Text text) { return read_whole(text, 1, LengthMax, load.output_tokens); }},
};

constexpr std::array SessionKeys = {
    Key<SessionLoad>{{"turns", "X", "turns of a session on average, geometric"},
                     [](SessionLoad& load, Text text) { return read_within(text, 1, 1000, load.turns_mean); }},
    Key<SessionLoad>{{"requests-max", "N", "most requests of a session"},
                     [](SessionLoad& load, Text text) { return read_whole(text, 1, 10'000, load.requests_max); }},
    Key<SessionLoad>{{"system", "N", "tokens of a system prompt"},
                     [](SessionLoad& load, Text text) { return read_whole(text, 0, LengthMax, load.system_tokens); }},
    Key<SessionLoad>{{"first", "LENGTH", "tokens of the first message of a session"},
                     [](SessionLoad& load, Text text) { return read_length(text, load.first_input); }},
    Key<SessionLoad>{{"next", "LENGTH", "tokens of each later message"},
                     [](SessionLoad& load, Text text) { return read_length(text, load.next_input); }},
    Key<SessionLoad>{{"output", "LENGTH", "tokens of an answer"},
                     [](SessionLoad& load, Text text) { return read_length(text, load.output); }},
    Key<SessionLoad>{{"think", "DURATION", "from an answer to the next message on average, exponential"},
                     [](SessionLoad& load, Text text) { return read_seconds(text, load.think_s); }},
    Key<SessionLoad>{{"calls", "X", "requests of a turn on average, geometric; all but the last call a tool"},
                     [](SessionLoad& load, Text text) { return read_within(text, 1, 1000, load.calls_mean); }},
    Key<SessionLoad>{{"tool", "DURATION", "how long a tool takes on average, gamma"},
                     [](SessionLoad& load, Text text) { return read_seconds(text, load.tool_s); }},
    Key<SessionLoad>{{"tool-cv", "X", "coefficient of variation of that, 0 to 20"},
                     [](SessionLoad& load, Text text) { return read_within(text, 0, 20, load.tool_cv); }},
    Key<SessionLoad>{{"tool-output", "LENGTH", "tokens of a tool's result"},
                     [](SessionLoad& load, Text text) { return read_length(text, load.tool_output); }},
};

std::span<const Key<IndependentLoad>> keys_of(const IndependentLoad&) { return IndependentKeys; }
std::span<const Key<SharedPrefixLoad>> keys_of(const SharedPrefixLoad&) { return SharedPrefixKeys; }
std::span<const Key<SessionLoad>> keys_of(const SessionLoad&) { return SessionKeys; }

enum class Outcome { Done, NoSuchKey, WrongValue };

template <class Of>
Outcome set_in(std::span<const Key<Of>> keys, Of& target, Text name, Text value) {
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key<Of>& each) { return each.shown.key == name; });
  if (key == keys.end()) return Outcome::NoSuchKey;
  return key->set(target, value) ? Outcome::Done : Outcome::WrongValue;
}

Outcome set(MadeLoad& load, Text name, Text value) {
  const Outcome outcome = set_in(std::span<const Key<ArrivalLaw>>(ArrivalKeys), lab::arrivals_of(load), name, value);
  if (outcome != Outcome::NoSuchKey) return outcome;
  return std::visit([&](auto& kind) { return set_in(keys_of(kind), kind, name, value); }, load);
}

std::string known_loads() {
  std::string known;
  for (const lab::NamedLoad& load : lab::named_loads()) known += fmt::format("\n  {:<20}{}", load.name, load.description);
  return known;
}

std::string known_keys(const MadeLoad& load) {
  std::string known;
  for (const LoadKey& key : load_keys(load)) known += fmt::format("\n  {:<30}{}", fmt::format("{}={}", key.key, key.form), key.meaning);
  return known;
}

}  // namespace

std::vector<LoadKey> load_keys(const MadeLoad& load) {
  std::vector<LoadKey> keys;
  for (const auto& key : ArrivalKeys) keys.push_back(key.shown);
  std::visit(
      [&](const auto& kind) {
        for (const auto& key : keys_of(kind)) keys.push_back(key.shown);
      },
      load);
  return keys;
}

Result<MadeLoad> read_load_spec(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const lab::NamedLoad* named = lab::find_named_load(name);
  if (named == nullptr) return fail(fmt::format("--workload: {} is not a load; there are{}", name, known_loads()), Fault::Client);
  MadeLoad load = named->load();
  if (colon == std::string_view::npos) return load;
  for (const std::string& part : split(std::string(text.substr(colon + 1)), ',')) {
    const std::size_t equals = part.find('=');
    const std::string key = part.substr(0, equals);
    const std::string value = equals == std::string::npos ? std::string() : part.substr(equals + 1);
    switch (set(load, key, value)) {
      case Outcome::Done: break;
      case Outcome::NoSuchKey: return fail(fmt::format("--workload: {} has no {}; it has{}", name, key, known_keys(load)), Fault::Client);
      case Outcome::WrongValue: {
        const std::vector<LoadKey> keys = load_keys(load);
        const auto known = std::find_if(keys.begin(), keys.end(), [&](const LoadKey& each) { return each.key == key; });
        return fail(fmt::format("--workload: {} is not of the form {}={} ({})", part, key, known->form, known->meaning), Fault::Client);
      }
    }
  }
  return load;
}

}  // namespace evener::cli
