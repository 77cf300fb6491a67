#include "evener/core/output_estimate.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "evener/core/rng.h"

namespace {

using namespace evener;

constexpr OutputBounds Plain{};
constexpr OutputBounds Streamed{.tokens_max = 0, .choices = 1, .stream = true};

TEST_CASE("before any answer the mean is that of public traces, and never beyond the bound") {
  const OutputEstimate estimate;
  CHECK(estimate.mean(Plain) == doctest::Approx(242).epsilon(0.01));
  CHECK(estimate.mean({.tokens_max = 16}) == 16.0);
  CHECK(estimate.quantile(Plain, 0.5) == doctest::Approx(128).epsilon(0.2));
  CHECK(estimate.quantile(Plain, 0.9) > estimate.quantile(Plain, 0.5));
  CHECK(estimate.quantile({.tokens_max = 100}, 0.99) == 100.0);
}

TEST_CASE("mean and quantiles are learned within a tenth and a fifth") {
  Rng rng(1);
  OutputEstimate estimate;
  double sum = 0.0;
  for (int i = 0; i < 3000; ++i) {  // log-normal with median 150
    const auto length = static_cast<std::uint64_t>(std::max(1.0, 150.0 * std::exp(rng.normal())));
    sum += static_cast<double>(length);
    estimate.learn(Streamed, length);
  }
  CHECK(estimate.mean(Streamed) == doctest::Approx(sum / 3000).epsilon(0.1));
  CHECK(estimate.quantile(Streamed, 0.5) == doctest::Approx(150).epsilon(0.2));
  CHECK(estimate.quantile(Streamed, 0.9) == doctest::Approx(150 * std::exp(1.2816)).epsilon(0.2));
}

TEST_CASE("requests with other bounds are learned apart, and new kinds begin with what is known of all") {
  OutputEstimate estimate;
  for (int i = 0; i < 200; ++i) {
    estimate.learn({.tokens_max = 8}, 3);
    estimate.learn({.tokens_max = 8000, .choices = 1, .stream = true}, 2000);
  }
  CHECK(estimate.mean({.tokens_max = 10}) == doctest::Approx(3).epsilon(0.2));
  CHECK(estimate.mean({.tokens_max = 6000, .choices = 1, .stream = true}) == doctest::Approx(2000).epsilon(0.1));
  const double unknown = estimate.mean(Plain);
  CHECK(unknown > 500);
  CHECK(unknown < 1500);
}

TEST_CASE("a model whose answers change is followed") {
  OutputEstimate estimate;
  for (int i = 0; i < 5000; ++i) estimate.learn(Plain, 100);
  for (int i = 0; i < 2000; ++i) estimate.learn(Plain, 1000);
  CHECK(estimate.mean(Plain) == doctest::Approx(1000).epsilon(0.1));
}

TEST_CASE("choices multiply, and a report of all of them is divided") {
  OutputEstimate estimate;
  for (int i = 0; i < 500; ++i) estimate.learn({.tokens_max = 0, .choices = 4, .stream = false}, 800);
  CHECK(estimate.mean(Plain) == doctest::Approx(200).epsilon(0.02));
  CHECK(estimate.mean({.tokens_max = 0, .choices = 4, .stream = false}) == doctest::Approx(800).epsilon(0.02));
}

TEST_CASE("nothing is learned from an answer of nothing, and one of absurd length is cut") {
  OutputEstimate estimate;
  estimate.learn(Plain, 0);
  CHECK(estimate.reports() == 0);
  estimate.learn(Plain, ~0ULL);
  CHECK(estimate.mean(Plain) < 65536.0);
  CHECK(estimate.quantile(Plain, 1.0) <= 65536.0);
  CHECK(estimate.quantile(Plain, 0.0) >= 1.0);
}

}  // namespace
