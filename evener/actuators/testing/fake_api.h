#pragma once
// Answers calls from a list that a test wrote, and keeps what was asked.

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "evener/actuators/http_call.h"

namespace evener::actuators::testing {

/// Copies are the same one.
class FakeApi {
 public:
  /// Answers in their order; when none is left, the server is not there.
  void then(int status, std::string body, std::vector<std::pair<std::string, std::string>> headers = {}) {
    state_->answers.push_back(HttpAnswer{.status = status, .headers = std::move(headers), .body = std::move(body)});
  }
  void then_nothing() { state_->answers.emplace_back(fail("connection refused", Fault::Endpoint, MayRetry::Yes)); }

  [[nodiscard]] HttpSend send() const {
    return [state = state_](const HttpCall& call) -> Result<HttpAnswer> {
      state->calls.push_back(call);
      if (state->answers.empty()) return fail("nobody is there", Fault::Endpoint, MayRetry::Yes);
      Result<HttpAnswer> answer = std::move(state->answers.front());
      state->answers.pop_front();
      return answer;
    };
  }

  [[nodiscard]] const std::vector<HttpCall>& calls() const { return state_->calls; }
  [[nodiscard]] bool all_answers_taken() const { return state_->answers.empty(); }
  void forget_calls() { state_->calls.clear(); }

 private:
  struct State {
    std::deque<Result<HttpAnswer>> answers;
    std::vector<HttpCall> calls;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

[[nodiscard]] inline std::string header_of(const HttpCall& call, const std::string& name) {
  for (const HttpHeader& header : call.headers) {
    if (header.name == name) return header.value.reveal();
  }
  return {};
}

}  // namespace evener::actuators::testing
