#pragma once
// The answers of an emulated engine in the OpenAI shapes: whole and as stream events. No sockets.

#include <cstdint>
#include <string>
#include <string_view>

#include "evener/engine/answer_text.h"
#include "evener/engine/openai_request.h"

namespace evener::engine {

struct AnswerUsage {
  std::uint32_t prompt_tokens = 0, output_tokens = 0, cached_tokens = 0;
};

/// What all pieces of one answer have in common.
struct AnswerHead {
  ApiKind kind = ApiKind::Chat;
  std::string id;  // without the kind's prefix
  std::string model;
  std::int64_t created_s = 0;  // Unix time
  std::string before;          // the prompt up to where the answer begins: what its text follows from
  std::uint32_t tokens = 0;    // of the whole text
  bool include_usage = false;
  bool cut = false;  // ends because of the token limit: finish_reason length instead of stop
};

/// A complete answer of the chat, completion or Responses API.
[[nodiscard]] std::string whole_answer(const AnswerHead& head, const AnswerUsage& usage);

/// The server-sent events of a stream, appended piece by piece. Chat and completions end with [DONE], the Responses API with
/// response.completed.
class AnswerStream {
 public:
  explicit AnswerStream(const AnswerHead& head);
  /// Events before the first token.
  void open(std::string& out);
  /// The next token.
  void token(std::string& out);
  /// What follows the last token.
  void close(std::string& out, const AnswerUsage& usage);
  [[nodiscard]] std::uint32_t tokens() const { return tokens_; }

 private:
  void event(std::string& out, std::string_view name, std::string_view members);

  AnswerHead head_;
  AnswerText words_;
  std::string before_text_, after_text_;  // of a token event: everything but the word is the same each time
  std::uint32_t tokens_ = 0;
  std::uint32_t sequence_ = 0;  // of the next Responses event
  std::string text_;            // Responses events repeat the whole text at their end
};

/// Embedding vectors of unit length from the seed, one per input.
[[nodiscard]] std::string embedding_answer(const ApiRequest& request, std::uint64_t seed, std::uint32_t dimensions);

/// {"error":{"message","type","param":null,"code":status}}, with the integer code that vLLM sends.
[[nodiscard]] std::string engine_error(std::uint16_t status, std::string_view type, std::string_view message, std::string_view param = {});

}  // namespace evener::engine
