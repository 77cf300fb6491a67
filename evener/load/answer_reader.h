#pragma once
// Reads answers of the OpenAI API while they arrive: when content came, how many tokens the server says there were, and whether the answer
// was complete. Works for any split of the bytes into pieces. No sockets.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "evener/load/report.h"

namespace evener::load {

struct AnswerTokens {
  std::optional<std::uint32_t> output_tokens;  // as the usage said
  std::uint32_t cached_tokens = 0;
};

/// Usage of a whole answer; nothing when the body is not a JSON object of the API (an error object is not either).
[[nodiscard]] std::optional<AnswerTokens> read_whole_answer(std::string_view body);

/// Not thread-safe; reusable after reset().
class StreamReader {
 public:
  /// A line longer than this makes the answer malformed.
  static constexpr std::size_t LineBytesMax = 1024 * 1024;

  StreamReader();
  ~StreamReader();
  StreamReader(StreamReader&&) noexcept;

  void reset();
  /// The next bytes; how many events with content ended in them.
  std::uint32_t feed(std::string_view bytes);
  /// None while all is well; Malformed or StreamError as soon as that is certain.
  [[nodiscard]] Failure failure() const { return failure_; }
  /// The end mark was seen: [DONE], or a final event of the Responses API.
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] const AnswerTokens& tokens() const { return tokens_; }

 private:
  bool end_of_line();

  struct Parser;
  std::unique_ptr<Parser> parser_;
  std::string line_;
  AnswerTokens tokens_;
  Failure failure_ = Failure::None;
  bool done_ = false;
};

}  // namespace evener::load
