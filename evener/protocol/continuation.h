#pragma once
// A request for the rest of an answer: the request that was sent, with what has been delivered of its answer behind its prompt, its token bounds
// reduced by as much, and every other byte as it was.
//
// A completion's prompt gets the text at its end, which every engine understands. A chat gets it as its last message, from the assistant, with
// `continue_final_message: true` and `add_generation_prompt: false`: the names that vLLM, SGLang, TGI and llama.cpp (from May 2026) share. An
// engine that does not know them may answer anew, or differently.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "evener/protocol/openai.h"

namespace evener::protocol {

/// Where such a request can be changed.
struct Continuable {
  Operation operation = Operation::Unknown;
  std::size_t text_at = 0;     // chat: where the last message ends; completions: where the prompt's closing quote is
  std::size_t members_at = 0;  // behind the opening bracket
  struct Bound {
    ByteRange value;
    std::uint64_t tokens = 0;
    bool is_minimum = false;
  };
  std::array<Bound, 4> bounds{};  // max_tokens, max_completion_tokens, min_tokens
  std::size_t bounds_used = 0;
};

/// Nothing where the rest of an answer cannot be asked for: no stream of one choice of plain text, or the request holds something that an
/// engine would apply to the rest as if it were the whole (a grammar or JSON schema, logprobs, echo, a suffix), or that is about the last
/// message already. `request` is what read_openai_request made of `body`.
[[nodiscard]] std::optional<Continuable> read_continuable(Operation operation, const OpenAiRequest& request, std::string_view body);

struct ContinuedBody {
  std::string bytes;
  ByteRange model_value;  // where it stands now
};
/// Whether the request's bounds allow more than the tokens that have been delivered.
[[nodiscard]] bool tokens_left(const Continuable& where, std::uint64_t delivered);
/// `text` is what has been delivered, as written in JSON between quotes; `tokens` is its length, and some must be left. `body` is the one that
/// was read.
[[nodiscard]] ContinuedBody continue_body(const Continuable& where, std::string_view body, ByteRange model_value, std::string_view text,
                                          std::uint64_t tokens);

}  // namespace evener::protocol
