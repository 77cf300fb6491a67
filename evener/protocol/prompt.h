#pragma once
// What the scheduler asks of a request's prompt: how many characters of which scripts it has, what kinds of input besides text, and the hashes
// of its blocks. A second walk, over the fields that read_openai_request noted, for those pools that need it; strings are not copied.
//
// The prompt is put together as engines do it, whatever the order of fields in the body: what separates caches (cache_salt) or stands for
// text kept at the server (previous_response_id, conversation), reasoning_effort (gpt-oss has it in its first lines), system text
// (instructions, system, and the messages at the beginning whose role is system or developer), then tools and documents, then the other
// messages. Chat templates of Qwen, DeepSeek, gpt-oss and Hermes have system text before tools; some of Llama and Mistral have tools
// before it or near the end. The order taken errs towards expecting too little in a cache: prompts with equal tools
// but different system text count as different from the first byte.
//
// Equal to us are prompts that differ in blanks between JSON tokens, in where `role` stands in a message, in nulls, in content as a string or
// as one text part, and in what no template shows (type, id, status, cache_control). Not taken into account: chat_template_kwargs, which mostly
// changes the end, and sampling, response_format and other fields that do not reach the prompt. Different spellings of a character count
// as different.

#include <cstdint>
#include <string_view>

#include "evener/core/text_counts.h"
#include "evener/protocol/openai.h"
#include "evener/protocol/prompt_blocks.h"

namespace evener::protocol {

/// Kinds of input, as bits.
enum InputKind : std::uint8_t { InputText = 1, InputImage = 2, InputAudio = 4, InputVideo = 8 };

struct PromptFacts {
  TextCounts counts;
  std::uint8_t inputs = InputText;
  /// As blocks count them: text, what is between, MediaBytes for each image, four for each token id. Without blocks, blanks in tools count, too.
  std::uint64_t bytes = 0;
};

/// Facts alone; about 100 instructions per message and 3 per window of text, see count_text.
/// `request` is what read_openai_request made of `body`.
[[nodiscard]] PromptFacts read_prompt(Operation operation, const OpenAiRequest& request, std::string_view body);

/// Facts, and the blocks of operations that have a prompt (chat, completions, responses). A prompt whose fields are shorter than one block
/// has none and costs no hashing.
[[nodiscard]] PromptFacts read_prompt(Operation operation, const OpenAiRequest& request, std::string_view body, PromptBlocks& blocks);

}  // namespace evener::protocol
