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
  /// What factors are learned for: the scripts, the frame that a chat template puts around each message, media, and the preamble: what a
  /// template adds once, be it a mark for the beginning or a system text of its own.
  static constexpr std::size_t Terms = TextClasses + 3;
  static constexpr std::size_t FrameTerm = TextClasses, MediaTerm = TextClasses + 1, PreambleTerm = TextClasses + 2;

  /// Factors stay within [1/FactorMax, FactorMax], whatever is reported; that of the frame may be 0, and a preamble has up to PreambleTokensMax.
  static constexpr double FactorMax = 4.0;
  static constexpr double PreambleTokensMax = 4096.0;

  TokenEstimate();

  /// At least 1.
  [[nodiscard]] double tokens(const TextCounts& counts) const;

  /// Tokens that an engine reported for a prompt with these counts. Zero is taken for not reported. An error is put down to what of the prompt
  /// is least sure: that of a few words to the template, that of a long text to its script, whose factor one report moves by a third at
  /// most at the beginning (by half where tokenizers differ more), and later by some hundredths. O(Terms squared).
  void learn(const TextCounts& counts, std::uint64_t reported);

  /// Mean of |ln(reported / estimated)| before each report was learned from, fading over about 50 of them; StartingError without any.
  [[nodiscard]] double error() const { return error_; }
  [[nodiscard]] std::uint64_t reports() const { return reports_; }
  [[nodiscard]] double factor(std::size_t term) const { return factors_[term]; }

  /// What estimates with the starting weights are off by, for a tokenizer they were not fitted to.
  static constexpr double StartingError = 0.15;

 private:
  using Values = std::array<double, Terms>;

  Values factors_;
  std::array<Values, Terms> covariance_;  // of what the factors are off by
  double error_ = StartingError;
  std::uint64_t reports_ = 0;
};

}  // namespace evener
