#pragma once
// ModelEstimates: what a pool has learned of each model's tokens: how many a prompt has, from its characters, and how many its answer will have.
// Shared by all workers; thread-safe.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "evener/core/output_estimate.h"
#include "evener/core/text_counts.h"
#include "evener/core/token_estimate.h"

namespace evener::gateway {

class ModelEstimates {
 public:
  /// Models with estimates of their own; further ones share one. About 5 KiB each.
  static constexpr std::size_t ModelsMax = 256;

  struct Tokens {
    std::uint32_t prompt = 0;
    std::uint32_t output = 0;
    std::uint32_t output_most = 0;  // the bound, or what all but one in a hundred stay within
  };
  /// `model` is a hash of its name.
  [[nodiscard]] Tokens expect(std::uint64_t model, const TextCounts& prompt, const OutputBounds& bounds);

  /// What an engine said that a prompt took.
  void learn_prompt(std::uint64_t model, const TextCounts& prompt, std::uint64_t tokens);
  /// What a whole answer had.
  void learn_output(std::uint64_t model, const OutputBounds& bounds, std::uint64_t tokens);

  [[nodiscard]] std::size_t models();
  /// How far estimates of prompts were off, see TokenEstimate::error(); those of models beyond ModelsMax count as one model.
  struct PromptErrors {
    std::uint64_t reports = 0;   // prompts whose true length was reported
    double mean = 0, worst = 0;  // over models, by their reports; of the worst model. 0 without reports
  };
  [[nodiscard]] PromptErrors prompt_errors();

 private:
  struct OfModel {
    TokenEstimate prompt;
    OutputEstimate output;
  };
  OfModel& of(std::uint64_t model);

  std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::unique_ptr<OfModel>> models_;
  OfModel others_;
};

}  // namespace evener::gateway
