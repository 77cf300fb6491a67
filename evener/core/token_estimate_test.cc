#include "evener/core/token_estimate.h"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>
#include <string>

#include "evener/core/rng.h"

namespace {

using namespace evener;

using Truth = std::array<double, TextClasses>;
// Tokens per character, fitted to the published vocabularies. The estimate starts near the first.
constexpr Truth O200k = {0.252, 0.0, 0.651, 0.565, 0.911, 0.288, 0.745, 0.36};
constexpr Truth Cl100k = {0.263, 0.0, 0.655, 0.527, 1.952, 0.51, 1.089, 0.886};

/// Characters of about a thousand tokens of: English, code, French, Russian, Chinese, Arabic.
constexpr std::array<Truth, 6> Kinds = {{{3400, 720, 30, 120, 0, 0, 0, 5},
                                         {2200, 900, 120, 700, 0, 0, 0, 0},
                                         {3200, 650, 20, 120, 130, 0, 0, 10},
                                         {300, 480, 40, 100, 0, 2900, 0, 5},
                                         {250, 60, 50, 40, 0, 0, 1150, 10},
                                         {100, 550, 20, 60, 0, 0, 0, 2400}}};

struct Prompt {
  TextCounts counts;
  std::uint64_t tokens = 0;
};

/// A mixture of kinds, of some hundred to some ten thousand tokens, whose true number of tokens is off the truth by a few percent, as texts are.
Prompt prompt(Rng& rng, const Truth& truth, std::initializer_list<std::size_t> kinds, double noise = 0.05) {
  Prompt out;
  double tokens = 0.0;
  for (const std::size_t kind : kinds) {
    const double size = std::exp(rng.uniform() * 4.0 - 2.0);
    for (std::size_t i = 0; i < TextClasses; ++i) {
      const double chars = Kinds[kind][i] * size;
      out.counts.chars[i] += static_cast<float>(chars);
      tokens += chars * truth[i];
    }
  }
  out.counts.messages = 1 + static_cast<std::uint32_t>(rng.uniform() * 8.0);
  tokens += 5.0 * out.counts.messages + 3.0;
  out.tokens = static_cast<std::uint64_t>(tokens * (1.0 + noise * (2.0 * rng.uniform() - 1.0)));
  return out;
}

TextCounts chat(const std::string& text) {
  TextCounts counts;
  count_text(text, counts);
  counts.messages = 1;
  return counts;
}

/// English words of about so many tokens.
TextCounts long_chat(double tokens) {
  TextCounts counts;
  counts[TextClass::Letter] = static_cast<float>(tokens / 0.255);
  counts.messages = 1;
  return counts;
}

double relative_error(const TokenEstimate& estimate, const Prompt& prompt) {
  return std::abs(estimate.tokens(prompt.counts) / static_cast<double>(prompt.tokens) - 1.0);
}

TEST_CASE("before anything is learned plain English is met within a tenth") {
  TextCounts counts;
  count_text(
      "The horses pull one load, and the bar between them lets the weaker one pull less. Nobody has to count, because the lever does.",
      counts);
  counts.messages = 1;
  const TokenEstimate estimate;
  CHECK(estimate.tokens(counts) == doctest::Approx(28 + 8).epsilon(0.1));  // 28 in o200k_base, and the frame
  CHECK(estimate.error() == TokenEstimate::StartingError);
}

TEST_CASE("an empty prompt has a token, and token ids are counted exactly") {
  const TokenEstimate estimate;
  TextCounts counts;
  CHECK(estimate.tokens(counts) >= 1.0);
  counts.token_ids = 5000;
  CHECK(estimate.tokens(counts) == 5000.0);
}

TEST_CASE("a tokenizer that is unlike the expected one is learned from its reports, also from mixed prompts") {
  for (const Truth& truth : {O200k, Cl100k}) {
    for (const std::size_t kind : {0UL, 1UL, 2UL, 3UL, 4UL, 5UL}) {
      Rng rng(17);
      TokenEstimate estimate;
      for (int i = 0; i < 200; ++i) {
        const Prompt one = prompt(rng, truth, {kind, (kind + 1) % 2});
        estimate.learn(one.counts, one.tokens);
      }
      double error = 0.0;
      for (int i = 0; i < 100; ++i) error += relative_error(estimate, prompt(rng, truth, {kind, (kind + 1) % 2})) / 100;
      CAPTURE(kind);
      CHECK(error < 0.06);
      CHECK(estimate.error() < 0.08);
    }
  }
}

TEST_CASE("learning a script leaves the others alone") {
  Rng rng(5);
  TokenEstimate estimate;
  const Prompt english = prompt(rng, O200k, {0});
  const double before = estimate.tokens(english.counts);
  for (int i = 0; i < 100; ++i) {
    const Prompt chinese = prompt(rng, Cl100k, {4});
    estimate.learn(chinese.counts, chinese.tokens);
  }
  CHECK(estimate.factor(static_cast<std::size_t>(TextClass::Cjk)) > 1.25);
  CHECK(estimate.tokens(english.counts) == doctest::Approx(before).epsilon(0.05));
}

TEST_CASE("one report in twenty that is wrong by any factor does no harm") {
  Rng rng(9);
  TokenEstimate estimate;
  for (int i = 0; i < 400; ++i) {
    const Prompt one = prompt(rng, O200k, {0, 1});
    estimate.learn(one.counts, i % 20 == 10 ? one.tokens * 50 + 1 : one.tokens);
  }
  double error = 0.0;
  for (int i = 0; i < 100; ++i) error += relative_error(estimate, prompt(rng, O200k, {0, 1})) / 100;
  CHECK(error < 0.1);
}

TEST_CASE("factors stay within their bounds, and nothing is learned from a report of nothing") {
  Rng rng(3);
  TokenEstimate estimate;
  const Prompt one = prompt(rng, O200k, {0});
  estimate.learn(one.counts, 0);
  CHECK(estimate.reports() == 0);
  for (int i = 0; i < 2000; ++i) estimate.learn(one.counts, one.tokens * 1000);
  for (std::size_t term = 0; term < TokenEstimate::Terms; ++term) {
    if (term == TokenEstimate::PreambleTerm) continue;
    CHECK(estimate.factor(term) <= TokenEstimate::FactorMax);
    CHECK(estimate.factor(term) >= 1.0 / TokenEstimate::FactorMax);
  }
  CHECK(estimate.factor(0) > 3.9);
  for (int i = 0; i < 2000; ++i) estimate.learn(chat("Hello"), 1'000'000'000);
  CHECK(estimate.tokens(chat("Hello")) > TokenEstimate::PreambleTokensMax);
  CHECK(estimate.tokens(chat("Hello")) < TokenEstimate::PreambleTokensMax + 30.0);
}

TEST_CASE("whatever is reported of whatever prompts, estimates stay finite and are at least 1") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed);
    TokenEstimate estimate;
    for (int i = 0; i < 1000; ++i) {
      TextCounts counts;
      for (float& chars : counts.chars) chars = rng.uniform() < 0.5 ? 0.0F : static_cast<float>(std::exp(rng.uniform() * 20.0));
      counts.messages = static_cast<std::uint32_t>(rng.uniform() * 3.0);
      counts.media = rng.uniform() < 0.1 ? static_cast<std::uint32_t>(rng.uniform() * 4e9) : 0;
      counts.token_ids = rng.uniform() < 0.1 ? static_cast<std::uint32_t>(rng.uniform() * 4e9) : 0;
      estimate.learn(counts, static_cast<std::uint64_t>(std::exp(rng.uniform() * 40.0)));
      const double tokens = estimate.tokens(counts);
      REQUIRE(std::isfinite(tokens));
      REQUIRE(tokens >= 1.0);
    }
  }
}

TEST_CASE("the tokens of an image and of a template are learned") {
  Rng rng(4);
  TokenEstimate estimate;
  for (int i = 0; i < 300; ++i) {
    Prompt one = prompt(rng, O200k, {0});
    one.counts.media = 1 + static_cast<std::uint32_t>(rng.uniform() * 3.0);
    estimate.learn(one.counts, one.tokens + one.counts.media * 1300ULL);
  }
  CHECK(estimate.factor(TokenEstimate::MediaTerm) * 800.0 == doctest::Approx(1300.0).epsilon(0.1));
  TokenEstimate small;
  TextCounts word;
  count_text("hi", word);
  word.messages = 1;
  for (int i = 0; i < 200; ++i) small.learn(word, 30);  // a template that adds a system text of its own
  CHECK(small.tokens(word) == doctest::Approx(30.0).epsilon(0.1));
}

TEST_CASE("short chats teach the template's preamble and leave the estimate of a long prompt alone") {
  constexpr std::uint64_t Preamble = 36;
  TokenEstimate estimate;
  for (int i = 0; i < 200; ++i) estimate.learn(chat("Hello"), 1 + Preamble);
  CHECK(estimate.tokens(chat("Hello")) == doctest::Approx(1 + Preamble).epsilon(0.05));
  CHECK(estimate.tokens(long_chat(7500)) == doctest::Approx(7500 + Preamble).epsilon(0.01));
  for (int i = 0; i < 20'000; ++i) estimate.learn(chat(i % 2 == 0 ? "Hello" : "Good morning!"), (i % 2 == 0 ? 1 : 3) + Preamble);
  CHECK(estimate.tokens(long_chat(7500)) == doctest::Approx(7500 + Preamble).epsilon(0.1));
}

TEST_CASE("short chats through a template without any frame do not make a long prompt look short") {
  TokenEstimate estimate;
  for (int i = 0; i < 7; ++i) estimate.learn(chat("Hello"), 1);
  CHECK(estimate.tokens(long_chat(2250)) == doctest::Approx(2250).epsilon(0.01));
  for (int i = 0; i < 200; ++i) estimate.learn(chat("Hello"), 1);
  CHECK(estimate.tokens(chat("Hello")) < 6.0);  // nine at first
  CHECK(estimate.tokens(long_chat(2250)) == doctest::Approx(2250).epsilon(0.02));
}

TEST_CASE("a conversation of many messages does not have the preamble of one many times") {
  TokenEstimate estimate;
  for (int i = 0; i < 200; ++i) estimate.learn(chat("Hello"), 60);
  TextCounts many = long_chat(1000);
  many.messages = 41;
  CHECK(estimate.tokens(many) == doctest::Approx(1000 + 60 + 40 * 4).epsilon(0.05));
}

TEST_CASE("a rate that is a third off is learned from thirty usual requests, also between many short ones") {
  for (const int short_ones : {0, 20}) {
    for (const double off : {0.7, 1.3}) {
      Rng rng(23);
      Truth truth = O200k;
      for (double& rate : truth) rate *= off;
      TokenEstimate estimate;
      for (int i = 0; i < 30; ++i) {
        for (int n = 0; n < short_ones; ++n) estimate.learn(chat("Hello"), 12);
        const Prompt one = prompt(rng, truth, {0});
        estimate.learn(one.counts, one.tokens);
      }
      double error = 0.0;
      for (int i = 0; i < 100; ++i) error += relative_error(estimate, prompt(rng, truth, {0})) / 100;
      CAPTURE(short_ones);
      CAPTURE(off);
      CHECK(error < 0.05);
    }
  }
}

TEST_CASE("a few wrong reports of short chats do not spoil long prompts, nor those of long prompts short chats") {
  TokenEstimate estimate;
  for (int i = 0; i < 50; ++i) estimate.learn(long_chat(2000), 2010);
  const double word = estimate.tokens(chat("Hello"));
  for (int i = 0; i < 3; ++i) estimate.learn(long_chat(2000), 200'000);
  CHECK(estimate.tokens(chat("Hello")) == doctest::Approx(word).epsilon(0.2));
  for (int i = 0; i < 3; ++i) estimate.learn(chat("Hello"), 2'000'000);
  CHECK(estimate.tokens(long_chat(2000)) < 2300.0);
  CHECK(estimate.tokens(long_chat(2000)) > 1900.0);
}

TEST_CASE("a template that has changed is noticed within some tens of reports") {
  TokenEstimate estimate;
  for (int i = 0; i < 5000; ++i) estimate.learn(chat("Hello"), 12);
  for (int i = 0; i < 60; ++i) estimate.learn(chat("Hello"), 37);
  CHECK(estimate.tokens(chat("Hello")) == doctest::Approx(37.0).epsilon(0.1));
}

}  // namespace
