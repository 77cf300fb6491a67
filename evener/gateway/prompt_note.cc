#include "evener/gateway/prompt_note.h"

#include <algorithm>

#include "evener/protocol/prompt_blocks.h"

namespace evener::gateway {
namespace {

std::uint32_t bounded(std::uint64_t tokens) { return static_cast<std::uint32_t>(std::min<std::uint64_t>(tokens, UINT32_MAX)); }

static_assert(static_cast<int>(protocol::InputText) == route::Text && static_cast<int>(protocol::InputImage) == route::Image &&
              static_cast<int>(protocol::InputAudio) == route::Audio && static_cast<int>(protocol::InputVideo) == route::Video);

}  // namespace

void note_prompt(PromptNote& note, route::RequestView& view, const RequestRules& rules, std::uint64_t salt, ModelEstimates& estimates,
                 protocol::Operation operation, const protocol::OpenAiRequest& request, std::string_view body) {
  protocol::PromptFacts facts;
  if (rules.blocks) {
    protocol::PromptBlocks blocks(salt, rules.block_bytes, note.blocks);
    facts = protocol::read_prompt(operation, request, body, blocks);
  } else {
    facts = protocol::read_prompt(operation, request, body);
  }
  note.counts = facts.counts;
  note.bounds = {.tokens_max = request.output_tokens_max, .choices = request.choices, .stream = request.stream};
  const ModelEstimates::Tokens expected = estimates.expect(view.model, note.counts, note.bounds);
  view.prompt_tokens = expected.prompt;
  const bool embeddings = operation == protocol::Operation::Embeddings;
  view.output_tokens = embeddings ? 1 : expected.output;
  view.output_tokens_most = embeddings ? 1 : expected.output_most;
  view.modalities = facts.inputs;
  view.blocks = note.blocks;
  if (note.blocks.empty()) return;
  view.block_tokens = bounded(std::uint64_t{view.prompt_tokens} * rules.block_bytes / std::max<std::uint64_t>(facts.bytes, 1));
}

std::optional<route::TokenUsage> token_usage(const route::RequestView& view, const AnswerTokens& answer) {
  if (answer.usage) {
    const protocol::Usage& usage = *answer.usage;
    route::TokenUsage tokens{
        .prompt_tokens = bounded(usage.prompt_tokens), .output_tokens = bounded(usage.completion_tokens), .cached_tokens = {}};
    if (usage.cached_reported) tokens.cached_tokens = bounded(usage.cached_tokens);
    return tokens;
  }
  if (answer.events == 0 || view.prompt_tokens == 0) return std::nullopt;
  return route::TokenUsage{.prompt_tokens = view.prompt_tokens, .output_tokens = bounded(answer.events), .cached_tokens = {}};
}

void learn_from(const PromptNote& note, std::uint64_t model, const AnswerTokens& answer, ModelEstimates& estimates) {
  if (answer.usage) {
    if (answer.usage->prompt_tokens > 0) estimates.learn_prompt(model, note.counts, answer.usage->prompt_tokens);
    if (answer.usage->completion_tokens > 0) estimates.learn_output(model, note.bounds, answer.usage->completion_tokens);
  } else if (answer.events > 0) {
    estimates.learn_output(model, note.bounds, answer.events);
  }
}

}  // namespace evener::gateway
