#pragma once
// What became of a call to an API, as an actuator says it: whether another try may help, and when it was asked for.

#include <cstdint>
#include <string>
#include <string_view>

#include "evener/actuators/actuator.h"
#include "evener/actuators/http_call.h"

namespace evener::actuators {

/// Of an answer's own words, what goes into a message: its first line, without control characters.
inline constexpr std::size_t ApiWordsMax = 300;
[[nodiscard]] std::string api_words(std::string_view text);

/// 2xx.
[[nodiscard]] bool is_success(const HttpAnswer& answer);

/// The call brought no answer.
[[nodiscard]] ActuatorError no_answer(const std::string& what, const Error& error);
/// The answer is no success. `words` are the API's own, such as the message in its body. `wall_ns` is read where Retry-After holds a date.
[[nodiscard]] ActuatorError refused(const std::string& what, const HttpAnswer& answer, std::string_view words, std::int64_t (*wall_ns)());
/// The answer is a success and holds nothing of use.
[[nodiscard]] ActuatorError not_understood(const std::string& what, std::string_view missing);

}  // namespace evener::actuators
