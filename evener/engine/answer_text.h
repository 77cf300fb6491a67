#pragma once
// The text of an emulated answer: common words, each of which follows from the bytes before it, prompt included, as a language model's would
// at temperature 0. So the same prompt always gets the same answer, and an engine that is given a prompt together with the beginning of its
// answer goes on exactly where that ended, whichever engine began.

#include <cstddef>
#include <string>
#include <string_view>

namespace evener::engine {

class AnswerText {
 public:
  /// What a word follows from. Long enough that a text does not come round to where it was.
  static constexpr std::size_t ContextBytes = 64;

  /// `before` is the prompt as the engine sees it, up to where the answer begins.
  explicit AnswerText(std::string_view before);
  /// The next output token: about four bytes, with its leading space. Plain ASCII without quotes or backslashes.
  std::string_view next();

 private:
  std::string context_;
};

}  // namespace evener::engine
