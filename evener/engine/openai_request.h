#pragma once
// What an inference server reads from an OpenAI request: how long the prompt is, what it is made of, and how long the answer may be.
// Tokens are estimated at four bytes each; nothing here is a tokeniser. No sockets.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evener/core/result.h"

namespace evener::engine {

inline constexpr std::uint32_t BytesPerToken = 4;

enum class ApiKind : std::uint8_t { Chat, Completion, Embedding, Response };

struct ApiRequest {
  std::string model;
  bool stream = false;
  bool include_usage = false;
  std::optional<std::uint32_t> output_tokens_max;  // max_tokens, max_completion_tokens or max_output_tokens
  std::optional<std::uint32_t> output_tokens;      // evener_output_tokens: the length of the answer, for tests and load
  bool ignore_eos = false;                         // vLLM: go on until output_tokens_max
  bool continues = false;                          // vLLM: continue_final_message, the answer goes on from the last message
  std::uint32_t continued_tokens = 0;              // of that message
  std::string prompt;                              // roles and contents in order; equal beginnings are equal prefixes
  std::uint64_t prompt_bytes = 0;                  // of contents alone
  std::string cache_salt;                          // vLLM: requests with different salts share no blocks
  std::vector<std::uint32_t> input_tokens;         // embeddings: per input
  bool base64 = false;                             // embeddings: encoding_format
  std::uint32_t dimensions = 0;                    // embeddings: 0 = the model's

  [[nodiscard]] std::uint32_t prompt_tokens() const;
  /// The prompt up to where the answer begins.
  [[nodiscard]] std::string before_answer(ApiKind kind) const;
};

/// Refuses (the client's fault) what is not JSON of the API's shape, and what is not emulated: n above 1, several prompts in one request;
/// and, as vLLM does, continue_final_message together with add_generation_prompt, or without a message of the assistant to go on from.
[[nodiscard]] Result<ApiRequest> read_api_request(ApiKind kind, std::string_view body);

/// Chained hashes of the full blocks of a prompt, `block_tokens` tokens each.
[[nodiscard]] std::vector<std::uint64_t> prompt_block_hashes(std::string_view prompt, std::string_view salt, std::uint32_t block_tokens);

}  // namespace evener::engine
