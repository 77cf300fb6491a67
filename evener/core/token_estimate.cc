#include "evener/core/token_estimate.h"

#include <algorithm>
#include <cmath>

#include "evener/core/portable_math.h"

namespace evener {

namespace {

/// Of what a term is made of: characters of a script, messages, media, prompts.
struct Prior {
  double weight;           // tokens of each
  double deviation = 0.4;  // of the weight's factor, between tokenizers and templates
  double factor_min = 1.0 / TokenEstimate::FactorMax;
  double factor_max = TokenEstimate::FactorMax;
};

// Tokens per character. Fitted by least squares of relative errors to the counts of OpenAI's published vocabularies o200k_base and cl100k_base
// over 2,000-character pieces of a book on version control in 17 languages, of C++, Python, JSON, Markdown and CSV. o200k alone gives
// .25 0 .65 .57 .91 .29 .75 .36, cl100k .26 0 .66 .53 1.95 .51 1.09 .89 in the order of TextClass; the vocabularies of newer open models lie near
// the first one. Blanks cost nothing: a word's blank is part of its token, and a run of them is one. With its own weights o200k's counts
// are met within 3 to 12 % per kind of text (mean of absolute errors; CSV 20 %). Vocabularies differ least in what all of them were made for.
constexpr double PreambleWeight = 4.0;
constexpr std::array<Prior, TokenEstimate::Terms> Priors = {{
    {.weight = 0.255, .deviation = 0.25},
    {.weight = 0.0},
    {.weight = 0.65},
    {.weight = 0.55, .deviation = 0.25},
    {.weight = 1.1},
    {.weight = 0.33},
    {.weight = 0.8},
    {.weight = 0.45},
    // A message: its role and three or four special tokens in the templates of Llama 3 and Qwen.
    {.weight = 4.0, .deviation = 0.5, .factor_min = 0.0},
    // An image: 576 in LLaVA, 765 for 1,024 pixels squared in the rule of OpenAI, 1,300 in Qwen-VL.
    {.weight = 800.0, .deviation = 1.0},
    // The beginning of the text and of the answer. The date of Llama 3.1 is 20 more, the system text of gpt-oss some 60.
    {.weight = PreambleWeight, .deviation = 8.0, .factor_min = 0.0, .factor_max = TokenEstimate::PreambleTokensMax / PreambleWeight},
}};

// What a report is off by though all factors are right: texts of one script differ by a tenth, images by their size, and words end somewhere.
constexpr double TextNoise = 0.1, MediaNoise = 0.3, TokensNoise = 2.0;

constexpr double Forgetting = 2e-4;  // of what was learned, with each report; then one of pure English has a say of 3 % in the long run
constexpr double HuberDeviations = 1.345;  // as efficient as least squares to 95 % where errors are normal
constexpr double ErrorRate = 0.02;

constexpr double square(double x) { return x * x; }

/// The tokens that each term has by its weight alone.
std::array<double, TokenEstimate::Terms> weighted(const TextCounts& counts) {
  std::array<double, TokenEstimate::Terms> out;
  for (std::size_t i = 0; i < TextClasses; ++i) out[i] = static_cast<double>(counts.chars[i]);
  out[TokenEstimate::FrameTerm] = static_cast<double>(counts.messages);
  out[TokenEstimate::MediaTerm] = static_cast<double>(counts.media);
  out[TokenEstimate::PreambleTerm] = counts.token_ids != 0 && counts.messages == 0 ? 0.0 : 1.0;
  for (std::size_t i = 0; i < TokenEstimate::Terms; ++i) out[i] *= Priors[i].weight;
  return out;
}

}  // namespace

TokenEstimate::TokenEstimate() : factors_{}, covariance_{} {
  factors_.fill(1.0);
  for (std::size_t i = 0; i < Terms; ++i) covariance_[i][i] = square(Priors[i].deviation);
}

double TokenEstimate::tokens(const TextCounts& counts) const {
  const Values x = weighted(counts);
  double sum = static_cast<double>(counts.token_ids);
  for (std::size_t i = 0; i < Terms; ++i) sum += x[i] * factors_[i];
  return std::max(sum, 1.0);
}

// A Kalman filter (Kalman 1960; recursive least squares) whose state are the factors f and which observes one number, the reported tokens
// x'f + noise of variance r. With P the covariance of f and s = x'Px + r the variance of the error, f moves by the error times P x / s and P loses
// P x x'P / s: each term gets as much of the error as it may have caused, so 36 unexpected tokens beside one word are the template's,
// and beside a thousand words the language's. What sets it apart from the textbook:
// - An error beyond HuberDeviations is taken for one of as much more variance (Huber 1964: the step stays bounded, and a wrong report
//   makes nothing surer), so a wrong report costs little, and a changed template is believed after some.
// - P is drawn back to what it was at first by Forgetting, so that no term is ever quite sure, nor less sure than at first, however
//   many prompts without it were seen (the stabilised linear forgetting of Milek and Kraus; plain exponential forgetting has no such bound).
void TokenEstimate::learn(const TextCounts& counts, std::uint64_t reported) {
  if (reported == 0) return;
  const Values x = weighted(counts);
  const double estimated = tokens(counts);
  const double off = std::abs(portable::log(static_cast<double>(reported) / estimated));
  ++reports_;
  error_ += std::max(ErrorRate, 1.0 / static_cast<double>(reports_ + 4)) * (std::min(off, 1.0) - error_);

  double text = 0.0;
  for (std::size_t i = 0; i < TextClasses; ++i) text += x[i] * factors_[i];
  double variance = square(TextNoise * text) + square(MediaNoise * x[MediaTerm] * factors_[MediaTerm]) + square(TokensNoise);
  Values covariances{};  // of each factor with the error
  for (std::size_t i = 0; i < Terms; ++i) {
    for (std::size_t j = 0; j < Terms; ++j) covariances[i] += covariance_[i][j] * x[j];
    variance += covariances[i] * x[i];
  }
  const double error = static_cast<double>(reported) - estimated;
  variance *= std::max(1.0, std::abs(error) / (HuberDeviations * std::sqrt(variance)));
  for (std::size_t i = 0; i < Terms; ++i) {
    factors_[i] = std::clamp(factors_[i] + covariances[i] * error / variance, Priors[i].factor_min, Priors[i].factor_max);
    for (std::size_t j = 0; j < Terms; ++j) {
      const double first = i == j ? square(Priors[i].deviation) : 0.0;
      const double learned = covariance_[i][j] - covariances[i] * covariances[j] / variance;
      covariance_[i][j] = learned + Forgetting * (first - learned);
    }
  }
}

}  // namespace evener
