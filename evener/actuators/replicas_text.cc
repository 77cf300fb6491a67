#include "evener/actuators/replicas_text.h"

#include <charconv>

#include "evener/actuators/actuator.h"

namespace evener::actuators {
namespace {

constexpr std::string_view Blanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(Blanks);
  return first == std::string_view::npos ? std::string_view() : text.substr(first, text.find_last_not_of(Blanks) - first + 1);
}

/// "ready 2" after "ready "; nothing for other lines and numbers.
std::optional<std::uint32_t> number_after(std::string_view line, std::string_view word) {
  if (!line.starts_with(word)) return std::nullopt;
  const std::string_view digits = trimmed(line.substr(word.size()));
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && end == digits.data() + digits.size() && number <= ReplicasSaidMax ? std::optional(number) : std::nullopt;
}

}  // namespace

ReplicasSaid read_replicas_text(std::string_view text) {
  ReplicasSaid said;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.starts_with("http://") && line.find_first_of(Blanks) == std::string_view::npos) {
      said.add(std::string(line));
    } else if (const auto replicas = number_after(line, "replicas ")) {
      said.replicas = replicas;
    } else if (const auto ready = number_after(line, "ready ")) {
      said.ready = ready;
    }
  }
  return said;
}

}  // namespace evener::actuators
