#include "evener/gateway/model_estimates.h"

#include <algorithm>

namespace evener::gateway {
namespace {

std::uint32_t whole(double tokens) { return static_cast<std::uint32_t>(std::min(tokens, 4e9)); }

}  // namespace

// Only what was learned of makes an entry, so names that no engine knows take no room.
ModelEstimates::OfModel& ModelEstimates::of(std::uint64_t model) {
  const auto found = models_.find(model);
  return found == models_.end() ? others_ : *found->second;
}

ModelEstimates::Tokens ModelEstimates::expect(std::uint64_t model, const TextCounts& prompt, const OutputBounds& bounds) {
  const std::lock_guard lock(mutex_);
  const OfModel& known = of(model);
  const double most =
      bounds.tokens_max > 0 ? static_cast<double>(bounds.tokens_max) * std::max(bounds.choices, 1U) : known.output.quantile(bounds, 0.99);
  return {.prompt = whole(known.prompt.tokens(prompt)), .output = whole(known.output.mean(bounds)), .output_most = whole(most)};
}

void ModelEstimates::learn_prompt(std::uint64_t model, const TextCounts& prompt, std::uint64_t tokens) {
  const std::lock_guard lock(mutex_);
  if (models_.size() < ModelsMax && !models_.contains(model)) models_.emplace(model, std::make_unique<OfModel>());
  of(model).prompt.learn(prompt, tokens);
}

void ModelEstimates::learn_output(std::uint64_t model, const OutputBounds& bounds, std::uint64_t tokens) {
  const std::lock_guard lock(mutex_);
  if (models_.size() < ModelsMax && !models_.contains(model)) models_.emplace(model, std::make_unique<OfModel>());
  of(model).output.learn(bounds, tokens);
}

std::size_t ModelEstimates::models() {
  const std::lock_guard lock(mutex_);
  return models_.size();
}

ModelEstimates::PromptErrors ModelEstimates::prompt_errors() {
  const std::lock_guard lock(mutex_);
  PromptErrors errors;
  const auto add = [&](const TokenEstimate& prompt) {
    if (prompt.reports() == 0) return;
    errors.reports += prompt.reports();
    errors.mean += (prompt.error() - errors.mean) * static_cast<double>(prompt.reports()) / static_cast<double>(errors.reports);
    errors.worst = std::max(errors.worst, prompt.error());
  };
  for (const auto& [model, known] : models_) add(known->prompt);
  add(others_.prompt);
  return errors;
}

}  // namespace evener::gateway
