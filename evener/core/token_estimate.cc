#include "evener/core/token_estimate.h"

#include <algorithm>
#include <cmath>

#include "evener/core/portable_math.h"

namespace evener {

namespace {

// Tokens per character. Fitted by least squares of relative errors to the counts of OpenAI's published vocabularies o200k_base and cl100k_base
// over 2,000-character pieces of a book on version control in 17 languages, of C++, Python, JSON, Markdown and CSV. o200k alone gives
// .25 0 .65 .57 .91 .29 .75 .36, cl100k .26 0 .66 .53 1.95 .51 1.09 .89 in the order of TextClass; the vocabularies of newer open models lie near
// the first one. Blanks cost nothing: a word's blank is part of its token, and a run of them is one. With its own weights o200k's counts
// are met within 3 to 12 % per kind of text (mean of absolute errors; CSV 20 %).
constexpr std::array<double, TokenEstimate::Terms> Weights = {
    0.255, 0.0, 0.65, 0.55, 1.1, 0.33, 0.8, 0.45,
    4.0,    // a message: its role and three or four special tokens in the templates of Llama 3 and Qwen
    800.0,  // an image: 576 in LLaVA, 765 for 1,024 pixels squared in the rule of OpenAI, 1,300 in Qwen-VL
};

constexpr double FirstClip = 0.5;
constexpr double RateMin = 0.05;
constexpr double ErrorRate = 0.02;

}  // namespace

TokenEstimate::Values TokenEstimate::parts(const TextCounts& counts) const {
  Values out;
  for (std::size_t i = 0; i < TextClasses; ++i) out[i] = static_cast<double>(counts.chars[i]);
  // One more frame than messages: the beginning of the text, and of the answer.
  out[FrameTerm] = counts.token_ids != 0 && counts.messages == 0 ? 0.0 : static_cast<double>(counts.messages) + 1.0;
  out[MediaTerm] = static_cast<double>(counts.media);
  for (std::size_t i = 0; i < Terms; ++i) out[i] *= Weights[i] * factors_[i];
  return out;
}

double TokenEstimate::sum(const TextCounts& counts, const Values& parts) {
  double sum = static_cast<double>(counts.token_ids);
  for (const double part : parts) sum += part;
  return std::max(sum, 1.0);
}

double TokenEstimate::tokens(const TextCounts& counts) const { return sum(counts, parts(counts)); }

// A normalised step in the logarithms of the factors, each by its share in the estimate: a prompt in Chinese corrects the weight of Chinese, and a
// mixture corrects what it is mostly made of. Rates fall as 1/n to a floor, so that the first reports are believed and a changed
// template is still noticed. Errors count only up to a few times the usual one: a wrong report costs little.
void TokenEstimate::learn(const TextCounts& counts, std::uint64_t reported) {
  if (reported == 0) return;
  const Values part = parts(counts);
  const double estimated = sum(counts, part);
  const double error = portable::log(static_cast<double>(reported) / estimated);
  const double clip = std::min(FirstClip, std::max(0.1, 3.0 * error_));
  const double believed = std::clamp(error, -clip, clip);
  ++reports_;
  const double error_rate = std::max(ErrorRate, 1.0 / static_cast<double>(reports_ + 4));
  error_ += error_rate * (std::min(std::abs(error), 1.0) - error_);

  double squares = 0.1;  // keeps a small part beside token ids, which are exact, from being blamed for everything
  for (const double p : part) squares += (p / estimated) * (p / estimated);
  for (std::size_t i = 0; i < Terms; ++i) {
    if (part[i] == 0.0) continue;  // it had no share in this prompt, as most scripts have none, and learns nothing
    const double share = part[i] / estimated;
    const double rate = std::max(RateMin, 1.0 / (1.0 + evidence_[i]));
    evidence_[i] += share;
    factors_[i] = std::clamp(factors_[i] * portable::exp(rate * believed * share / squares), 1.0 / FactorMax, FactorMax);
  }
}

}  // namespace evener
