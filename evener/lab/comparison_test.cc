#include "evener/lab/comparison.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

#include "tests/for_each_seed.h"

namespace evener::lab {
namespace {

template <class Draw>
double coverage(std::size_t values, double true_mean, Draw draw) {
  constexpr std::uint64_t Trials = 300;
  int held = 0;
  for_each_seed(Trials, [&](Rng& rng) {
    std::vector<double> sample(values);
    for (double& value : sample) value = draw(rng);
    const Interval interval = mean_interval(sample, .95, rng.next());
    held += interval.low <= true_mean && true_mean <= interval.high ? 1 : 0;
  });
  return held / static_cast<double>(Trials);
}

std::vector<double> plus(std::span<const double> values, double amount, double alternating = 0) {
  std::vector<double> sum;
  for (const double value : values) sum.push_back(value + amount + (sum.size() % 2 == 0 ? alternating : -alternating));
  return sum;
}

constexpr std::array<double, 6> Baseline = {100, 110, 90, 105, 95, 100};

}  // namespace

TEST_CASE("an interval at 95 % holds the true mean about 95 times in 100, even with few seeds") {
  const auto normal = [](Rng& rng) { return 3 + rng.normal(); };
  for (const std::size_t values : {5U, 8U, 20U}) {
    const double held = coverage(values, 3, normal);
    CHECK(held >= .91);
    CHECK(held <= .98);
  }
  // Differences of tail latencies are skewed.
  CHECK(coverage(10, 1, [](Rng& rng) { return rng.exponential(1); }) >= .86);
}

TEST_CASE("of many normal values the interval is the one of the textbook") {
  for_each_seed(20, [](Rng& rng) {
    std::vector<double> sample(400);
    double sum = 0, squares = 0;
    for (double& value : sample) {
      value = rng.normal();
      sum += value;
      squares += value * value;
    }
    const double mean = sum / 400, error = std::sqrt((squares / 400 - mean * mean) / 399);
    const Interval interval = mean_interval(sample, .95, 1);
    CHECK(std::abs(interval.low - (mean - 1.96 * error)) < .15 * error);
    CHECK(std::abs(interval.high - (mean + 1.96 * error)) < .15 * error);
  });
}

TEST_CASE("equal values and seeds give equal intervals") {
  const Interval one = mean_interval(Baseline, .95, 7), two = mean_interval(Baseline, .95, 7);
  CHECK(one.low == two.low);
  CHECK(one.high == two.high);
  CHECK(mean_interval(Baseline, .99, 7).low < one.low);
}

TEST_CASE("shorter waits win and longer ones lose") {
  const auto verdict = [](double change) { return compare_paired(Figure::TtftMean, Baseline, plus(Baseline, change, 2), {}).verdict; };
  CHECK(verdict(-20) == Verdict::Win);
  CHECK(verdict(20) == Verdict::Loss);
}

TEST_CASE("more goodput wins and less loses") {
  const auto verdict = [](double change) { return compare_paired(Figure::Goodput, Baseline, plus(Baseline, change, 2), {}).verdict; };
  CHECK(verdict(20) == Verdict::Win);
  CHECK(verdict(-20) == Verdict::Loss);
}

TEST_CASE("the pairs count, not the spread of the seeds: a small gain on every seed is a win") {
  const Comparison comparison = compare_paired(Figure::TtftMean, Baseline, plus(Baseline, -2, .1), {});
  CHECK(comparison.verdict == Verdict::Win);
  CHECK(comparison.difference == doctest::Approx(-2));
}

TEST_CASE("a sure difference that does not matter is a tie") {
  const Comparison comparison = compare_paired(Figure::TtftMean, Baseline, plus(Baseline, -.5, .01), {.matters = .01});
  CHECK(comparison.verdict == Verdict::Tie);
  CHECK(comparison.matters == doctest::Approx(1));
  CHECK(compare_paired(Figure::TtftMean, Baseline, plus(Baseline, -.5, .01), {.matters = .001}).verdict == Verdict::Win);
}

TEST_CASE("equal runs are a tie") { CHECK(compare_paired(Figure::GoodShare, Baseline, Baseline, {}).verdict == Verdict::Tie); }

TEST_CASE("no win is given to fewer than five seeds, however large the difference") {
  const std::span<const double> few = std::span(Baseline).first(4);
  const Comparison comparison = compare_paired(Figure::TtftMean, few, plus(few, -50), {});
  CHECK(comparison.verdict == Verdict::Unclear);
  CHECK_FALSE(comparison.interval);
  CHECK(comparison.seeds_wanted == SeedsMin);
}

TEST_CASE("a difference that drowns in its spread is unclear, and more spread wants more seeds") {
  const Comparison noisy = compare_paired(Figure::TtftMean, Baseline, plus(Baseline, -5, 20), {});
  const Comparison noisier = compare_paired(Figure::TtftMean, Baseline, plus(Baseline, -5, 40), {});
  CHECK(noisy.verdict == Verdict::Unclear);
  CHECK(noisy.seeds_wanted > Baseline.size());
  CHECK(noisier.seeds_wanted > noisy.seeds_wanted);
  CHECK(compare_paired(Figure::TtftMean, Baseline, plus(Baseline, -1e-9, 90), {.matters = 1e-12}).seeds_wanted == SeedsWantedMax);
}

TEST_CASE("the seeds that it asks for are about enough") {
  int decided = 0;
  constexpr std::uint64_t Trials = 60;
  for_each_seed(Trials, [&](Rng& rng) {
    const auto runs = [&](std::size_t count) {
      std::vector<double> differences(count);
      for (double& value : differences) value = 100 - 4 + 8 * rng.normal();
      return differences;
    };
    const Comparison first = compare_paired(Figure::TtftMean, std::vector<double>(5, 100), runs(5), {});
    if (first.verdict != Verdict::Unclear) {
      ++decided;
      return;
    }
    const std::size_t count = std::min<std::size_t>(first.seeds_wanted, 400);
    decided += compare_paired(Figure::TtftMean, std::vector<double>(count, 100), runs(count), {}).verdict != Verdict::Unclear ? 1 : 0;
  });
  CHECK(decided >= static_cast<int>(Trials / 2));
}

TEST_CASE("no more seeds are asked for than there may be, however many there were") {
  std::vector<double> baseline(SeedsWantedMax, 10), compared(SeedsWantedMax, 10);
  for (std::size_t i = 0; i < compared.size(); ++i) compared[i] += i % 2 == 0 ? 100 : -100;
  const Comparison found = compare_paired(Figure::TtftMean, baseline, compared, {.matters = .05});
  CHECK(found.verdict == Verdict::Unclear);
  CHECK(found.seeds_wanted == SeedsWantedMax);
}

TEST_CASE("a run that finished nothing wins by no latency, and loses by what it lost") {
  std::vector<Figures> baseline(Baseline.size()), silent(Baseline.size());
  for (Figures& run : baseline) {
    run[Figure::Requests] = 10;
    run[Figure::TtftMean] = 100;
  }
  for (Figures& run : silent) run[Figure::ErrorShare] = 1;
  const Comparison latency = compare_runs(Figure::TtftMean, baseline, silent, {});
  CHECK(latency.verdict == Verdict::Unclear);
  CHECK(latency.without == Baseline.size());
  CHECK(latency.seeds_wanted == 0);
  CHECK(compare_runs(Figure::ErrorShare, baseline, silent, {}).verdict == Verdict::Loss);
  CHECK(compare_runs(Figure::TtftMean, baseline, baseline, {}).verdict == Verdict::Tie);
}

}  // namespace evener::lab
