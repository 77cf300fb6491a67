#include "evener/actuators/api_error.h"

#include <algorithm>
#include <array>

#include "evener/protocol/retry_after.h"

namespace evener::actuators {
namespace {

/// Statuses that a later try of the same call may well not meet: time-outs, limits of rates, conflicts with what is going on, servers in trouble.
bool may_pass(int status) {
  constexpr std::array statuses = {408, 409, 425, 429, 500, 502, 503, 504};
  return std::find(statuses.begin(), statuses.end(), status) != statuses.end();
}

}  // namespace

std::string api_words(std::string_view text) {
  std::string out(text.substr(0, std::min(text.find('\n'), text.size())));
  std::replace_if(out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  if (out.size() > ApiWordsMax) out = out.substr(0, ApiWordsMax) + "...";
  return out;
}

bool is_success(const HttpAnswer& answer) { return answer.status >= 200 && answer.status < 300; }

ActuatorError no_answer(const std::string& what, const Error& error) {
  return {.message = what + ": " + error.message, .may_retry = error.may_retry, .retry_after = {}};
}

ActuatorError refused(const std::string& what, const HttpAnswer& answer, std::string_view words, std::int64_t (*wall_ns)()) {
  ActuatorError error{.message = what + ": status " + std::to_string(answer.status), .may_retry = MayRetry::No, .retry_after = {}};
  if (!words.empty()) error.message += ": " + api_words(words);
  if (answer.status >= 300 && answer.status < 400) error.message += " (redirects are not followed; give the address that it points to)";
  if (!may_pass(answer.status)) return error;
  error.may_retry = MayRetry::Yes;
  if (const std::string_view asked = answer.header("retry-after"); !asked.empty())
    error.retry_after = protocol::parse_retry_after(asked, wall_ns);
  return error;
}

ActuatorError not_understood(const std::string& what, std::string_view missing) {
  return {
      .message = what + ": the answer is not what this API gives: " + std::string(missing), .may_retry = MayRetry::Yes, .retry_after = {}};
}

}  // namespace evener::actuators
