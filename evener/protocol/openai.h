#pragma once
// The OpenAI HTTP API as values: what a router needs from a request body, found in one pass, and the errors clients can act on.
// No sockets; the views point into the caller's bytes. Unknown fields are never touched.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "evener/core/result.h"

namespace evener::protocol {

/// Spare bytes that must follow a body handed to a reader of JSON (readable, any content), as simdjson would want them. The reader of today
/// reads nothing behind a text; the slack keeps the choice open.
inline constexpr std::size_t JsonPadding = 64;

// Longer ones are refused: these strings end up in logs, labels and tables.
inline constexpr std::size_t ModelBytesMax = 256;
inline constexpr std::size_t ServiceTierBytesMax = 64;
/// A longer affinity key counts by its first bytes: it is only hashed.
inline constexpr std::size_t AffinityBytesMax = 256;

/// What the path says about how a request is to be handled.
enum class Operation : std::uint8_t {
  ChatCompletions,
  Completions,
  Embeddings,
  Responses,  // JSON, parsed
  ModelList,
  ModelGet,       // answered by the gateway
  PassJson,       // images/generations, audio/speech, moderations, rerank: JSON, model only
  PassMultipart,  // images/edits, images/variations, audio/transcriptions, audio/translations: model is a form field
  Unknown,
};
struct OperationMatch {
  Operation operation = Operation::Unknown;
  bool method_allowed = true;   // false: the path is known, the method is not (405)
  bool model_optional = false;  // OpenAI's API takes such requests without a model
  std::string_view model_id;    // of ModelGet, still percent-encoded
};
[[nodiscard]] OperationMatch match_operation(std::string_view method, std::string_view path);

/// A range of the body: what to replace when the model is renamed for an endpoint.
struct ByteRange {
  std::size_t offset = 0, length = 0;
};

/// Top-level fields that reach the engine's prompt, or that keep its cache apart from others'. prompt.h reads what is in them.
enum class PromptField : std::uint8_t {
  CacheSalt,
  PreviousResponse,
  Conversation,
  ReasoningEffort,
  Instructions,
  System,
  Tools,
  Functions,
  Documents,
  Messages,
  Prompt,
  Input,
};
inline constexpr std::size_t PromptFields = 12;

struct OpenAiRequest {
  std::string model;      // unescaped
  ByteRange model_value;  // the JSON string with its quotes; write another with append_json_string
  bool stream = false;
  bool include_usage = false;           // stream_options.include_usage
  std::uint32_t output_tokens_max = 0;  // max_completion_tokens, max_output_tokens or max_tokens; 0 = not given, or negative (no limit)
  std::uint32_t choices = 1;            // n
  std::string affinity;  // prompt_cache_key, else session_id, else user, else previous_response_id or conversation; empty = none
  std::string service_tier;
  std::optional<std::int64_t> engine_priority;  // "priority" of vLLM and SGLang, where it is a whole number; lower goes first
  /// Where the fields of the prompt stand in the body; empty = not given, or null.
  std::array<ByteRange, PromptFields> prompt{};

  [[nodiscard]] ByteRange& operator[](PromptField field) { return prompt[static_cast<std::size_t>(field)]; }
  [[nodiscard]] ByteRange operator[](PromptField field) const { return prompt[static_cast<std::size_t>(field)]; }
};

/// Reads the top level of a JSON body in one pass. Refuses (Fault::Client): not an object, invalid JSON or UTF-8, duplicate keys at the top level
/// (spelled with escapes or not), a missing, empty or non-string model or one with control characters, fields of the wrong type, nesting beyond
/// 1024, more than 256 top-level keys. Escapes inside of strings that are not read are left to the engine. A model that is optional may be
/// missing, and is empty then.
enum class ModelField : std::uint8_t { Required, Optional };
[[nodiscard]] Result<OpenAiRequest> read_openai_request(std::string_view body, ModelField model = ModelField::Required);

inline constexpr std::size_t MultipartPartsMax = 128;
inline constexpr std::size_t MultipartHeadBytesMax = 8192;  // of one part

/// Finds the form field "model" of a multipart/form-data body (it may come after a file). Refuses (Fault::Client) a malformed boundary or body,
/// text before the first or behind the last boundary, a missing, repeated or encoded model, and other spellings of its name (name*=, quoted
/// backslashes) that some reader might take for it. A model that is optional may be missing, and is empty then.
struct MultipartModel {
  std::string model;
  ByteRange value;  // the field's bytes
};
[[nodiscard]] Result<MultipartModel> read_multipart_model(std::string_view content_type, std::string_view body,
                                                          ModelField model = ModelField::Required);

/// `{"error":{"message","type","param","code"}}`; all four members, null where empty.
[[nodiscard]] std::string openai_error(std::string_view message, std::string_view type, std::string_view code, std::string_view param = {});

/// Appends `text` as a JSON string with quotes; invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

struct Usage {
  std::uint64_t prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;
  bool cached_reported = false;  // many engines do not say how much was cached: then 0 means nothing
};
/// Usage of a complete (not streamed) answer; nothing where it has none. Accepts both the chat names and the Responses names.
/// `body` needs JsonPadding readable bytes behind it.
[[nodiscard]] std::optional<Usage> read_usage(std::string_view body);

}  // namespace evener::protocol
