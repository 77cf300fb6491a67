#pragma once
// PromptNote: what was read of a request's prompt. Made before the decision, for those pools whose choice depends on it; its blocks are given
// back when the answer begins, the rest is compared at the end with what the engine reports.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "evener/core/output_estimate.h"
#include "evener/core/text_counts.h"
#include "evener/gateway/model_estimates.h"
#include "evener/gateway/request_rules.h"
#include "evener/protocol/prompt.h"
#include "evener/route/view.h"

namespace evener::gateway {

struct PromptNote {
  TextCounts counts;
  OutputBounds bounds;
  std::vector<std::uint64_t> blocks;  // what the request's view borrows
};

/// Reads the prompt into `note` and `view`: tokens expected, kinds of input and, when `rules` want them, its blocks. `view.model` must be set.
void note_prompt(PromptNote& note, route::RequestView& view, const RequestRules& rules, std::uint64_t salt, ModelEstimates& estimates,
                 protocol::Operation operation, const protocol::OpenAiRequest& request, std::string_view body);

/// What an answer took, as far as it is known.
struct AnswerTokens {
  std::optional<protocol::Usage> usage;  // what the engine said
  std::uint64_t events = 0;              // of a stream
};
/// For the scheduler: the engine's own word, else an event of a stream for each token (engines send one per step; speculative decoding sends
/// fewer). Nothing when neither tells.
[[nodiscard]] std::optional<route::TokenUsage> token_usage(const route::RequestView& view, const AnswerTokens& answer);

/// A whole answer teaches the estimates of its model. Prompts only by what the engine said.
void learn_from(const PromptNote& note, std::uint64_t model, const AnswerTokens& answer, ModelEstimates& estimates);

}  // namespace evener::gateway
