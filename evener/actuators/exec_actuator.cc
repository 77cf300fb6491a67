#include "evener/actuators/exec_actuator.h"

#include <array>

#include "evener/actuators/placeholders.h"
#include "evener/actuators/replicas_text.h"
#include "evener/actuators/run_command.h"

namespace evener::actuators {
namespace {

std::string last_line(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const std::size_t before = text.rfind('\n');
  return std::string(before == std::string_view::npos ? text : text.substr(before + 1));
}

std::string joined(const std::vector<std::string>& texts, std::size_t bytes_max) {
  std::string all;
  for (const std::string& text : texts) {
    if (all.size() + 1 + text.size() > bytes_max) break;
    all.append(all.empty() ? "" : " ").append(text);
  }
  return all;
}

}  // namespace

Result<Replicas, ActuatorError> ExecActuator::observe() {
  if (!observes()) return ReplicasSaid{}.with(asked_);
  const auto said = run(settings_.status, {.pool = pool_, .replicas = asked_.value_or(0), .reason = {}, .stop_first = {}});
  if (!said) return tl::unexpected(said.error());
  return said->with(asked_);
}

Result<Replicas, ActuatorError> ExecActuator::set(const Wish& wish) {
  const auto said = run(settings_.command, wish);
  if (!said) return tl::unexpected(said.error());
  asked_ = wish.replicas;
  return said->with(asked_);
}

Result<ReplicasSaid, ActuatorError> ExecActuator::run(const std::vector<std::string>& words, const Wish& wish) const {
  const std::array<Placeholder, 3> values = {Placeholder{"{pool}", wish.pool}, Placeholder{"{replicas}", std::to_string(wish.replicas)},
                                             Placeholder{"{reason}", wish.reason}};
  ChildCommand command{.directory = settings_.directory};
  for (const std::string& word : words) command.words.push_back(filled(word, values));
  command.environment = {settings_.environment.begin(), settings_.environment.end()};
  command.environment.insert(command.environment.end(), {{"EVENER_POOL", wish.pool},
                                                         {"EVENER_REPLICAS", std::to_string(wish.replicas)},
                                                         {"EVENER_REASON", wish.reason},
                                                         {"EVENER_STOP_FIRST", joined(wish.stop_first, StopFirstBytesMax)}});
  const auto end = run_command(std::move(command), settings_.timeout);
  if (!end) return tl::unexpected(ActuatorError{.message = end.error().message});
  if (!end->succeeded)
    return tl::unexpected(ActuatorError{.message = words.front() + " ended with " + end->how + ": " + last_line(end->errors)});
  return read_replicas_text(end->output);
}

}  // namespace evener::actuators
