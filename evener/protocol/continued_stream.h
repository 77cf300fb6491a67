#pragma once
// One stream for the client from the streams of several engines, each of which goes on where the one before broke off. Of the first every
// event passes as it is, while its text is collected for the request that asks for the rest (continuation.h). Of the others the role is left
// out, and id, created, model and usage are made those of the first: one answer, as if one engine had given it. At most 1 us per event.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "evener/protocol/openai.h"
#include "evener/protocol/sse_cutter.h"

namespace evener::protocol {

class ContinuedStream {
 public:
  /// Of collected text. Of a longer answer the rest is not asked for.
  static constexpr std::size_t TextBytesMax = 256 * 1024;
  /// Of an id, a time or a model's name. Longer ones are not carried over.
  static constexpr std::size_t NameBytesMax = 256;

  explicit ContinuedStream(Operation operation) : chat_(operation == Operation::ChatCompletions) {}

  /// The next event of the current engine. Returns what the client gets in its place, which may be nothing; valid until the next call.
  std::string_view pass(const SseEvent& event);
  /// What comes next is another engine's.
  void resume();

  /// All that has been delivered is text, and it is here.
  [[nodiscard]] bool continuable() const { return plain_ && !finished_; }
  [[nodiscard]] std::string_view text() const { return text_; }  // as written in JSON, between quotes
  /// Delivered so far: as the engine counts it in each event, where it does, else one for each event with text.
  [[nodiscard]] std::uint64_t tokens() const { return tokens_before_ + tokens_; }
  /// Of these, what came from engines before the current one.
  [[nodiscard]] std::uint64_t tokens_before() const { return tokens_before_; }
  [[nodiscard]] bool resumed() const { return resumed_; }

  /// What ends the answer where an engine broke off behind its last token: the end of the choice if that is missing ("length"), and [DONE].
  /// Nothing where it cannot be ended so: more is missing, or usage that only an engine knows.
  enum class Missing : std::uint8_t { Tokens, OnlyTheEnd };
  [[nodiscard]] std::optional<std::string> ending(Missing missing, bool usage_wanted) const;

 private:
  std::string_view rewritten(std::string_view event, const struct StreamChunk& chunk);

  std::string text_;
  std::string id_, created_, model_;  // of the first engine
  std::string out_;
  std::uint64_t tokens_before_ = 0, tokens_ = 0;
  bool chat_;
  bool plain_ = true, finished_ = false, has_usage_ = false, done_ = false, resumed_ = false;
};

}  // namespace evener::protocol
