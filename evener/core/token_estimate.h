#pragma once
// How many tokens a prompt has, from the characters it is made of: a weight for each script, which tokenizers differ in, and a factor for each
// weight, which is learned from the usage that a model's engines report. One per model; O(1) memory. Knows no vocabulary.

#include <array>
#include <cstddef>
#include <cstdint>

#include "evener/core/text_counts.h"

namespace evener {

/// Not safe for several threads.
class TokenEstimate {
 public:
  /// What factors are learned for: the scripts, the frame that a chat template puts around each message, and media.
  static constexpr std::size_t Terms = TextClasses + 2;
  static constexpr std::size_t FrameTerm = TextClasses, MediaTerm = TextClasses + 1;

  /// Factors stay within [1/FactorMax, FactorMax], whatever is reported.
  static constexpr double FactorMax = 4.0;

  /// At least 1.
  [[nodiscard]] double tokens(const TextCounts& counts) const;

  /// Tokens that an engine reported for a prompt with these counts. Zero is taken for not reported. One report moves the estimate for its
  /// like by at most half at the beginning, and later by a twentieth of what usual errors allow.
  void learn(const TextCounts& counts, std::uint64_t reported);

  /// Mean of |ln(reported / estimated)| before each report was learned from, fading over about 50 of them; StartingError without any.
  [[nodiscard]] double error() const { return error_; }
  [[nodiscard]] std::uint64_t reports() const { return reports_; }
  [[nodiscard]] double factor(std::size_t term) const { return factors_[term]; }

  /// What estimates with the starting weights are off by, for a tokenizer they were not fitted to.
  static constexpr double StartingError = 0.15;

 private:
  using Values = std::array<double, Terms>;
  /// The part of an estimate that each term has.
  [[nodiscard]] Values parts(const TextCounts& counts) const;

  [[nodiscard]] static double sum(const TextCounts& counts, const Values& parts);

  Values factors_ = [] {
    Values ones{};
    ones.fill(1.0);
    return ones;
  }();
  Values evidence_{};  // sum of the shares that a term had in what was learned
  double error_ = StartingError;
  std::uint64_t reports_ = 0;
};

}  // namespace evener
