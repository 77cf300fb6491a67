#include "evener/protocol/load_figures.h"

#include <doctest/doctest.h>

#include <limits>

using namespace evener;
using namespace evener::protocol;
using namespace std::chrono_literals;

namespace {

LoadFigures generated(double total) {
  LoadFigures figures;
  figures.set(Figure::GeneratedTokens, total);
  return figures;
}

}  // namespace

TEST_CASE("a figure that was never said is unknown, not zero") {
  LoadFigures figures;
  CHECK_FALSE(figures[Figure::Waiting]);
  figures.set(Figure::Waiting, 0);
  CHECK(figures[Figure::Waiting] == 0);
  CHECK(figures.present().has(Figure::Waiting));
  CHECK_FALSE(figures.present().has(Figure::Running));
}

TEST_CASE("values that make no sense leave a figure unknown") {
  LoadFigures figures;
  figures.set(Figure::Waiting, std::numeric_limits<double>::quiet_NaN());
  figures.set(Figure::Running, std::numeric_limits<double>::infinity());
  figures.set(Figure::WaitingTokens, -1);
  figures.set(Figure::KvUsed, 42);           // a percentage
  figures.set(Figure::KvCapacityTokens, 0);  // not ready yet
  figures.set(Figure::RequestsMax, 0);
  CHECK(figures == LoadFigures());
  figures.set(Figure::KvUsed, 1.004);
  CHECK(figures[Figure::KvUsed] == 1);
}

TEST_CASE("a rate needs two readings of a total") {
  LoadRates rates;
  const Instant start{100s};
  LoadFigures first = generated(1000);
  rates.apply(first, start);
  CHECK_FALSE(first[Figure::GeneratedTokensPerS]);
  CHECK(first.present().has(Figure::GeneratedTokensPerS));

  LoadFigures second = generated(1500);
  rates.apply(second, start + 2s);
  CHECK(second[Figure::GeneratedTokensPerS] == 250);

  LoadFigures idle = generated(1500);
  rates.apply(idle, start + 3s);
  CHECK(idle[Figure::GeneratedTokensPerS] == 0);
}

TEST_CASE("a total that went backwards gives no rate, and the next reading does") {
  LoadRates rates;
  const Instant start{};
  LoadFigures before = generated(1000);
  rates.apply(before, start);
  LoadFigures restarted = generated(10);
  rates.apply(restarted, start + 1s);
  CHECK_FALSE(restarted[Figure::GeneratedTokensPerS]);
  LoadFigures after = generated(30);
  rates.apply(after, start + 2s);
  CHECK(after[Figure::GeneratedTokensPerS] == 20);
}

TEST_CASE("no rate is made over a gap in the readings or over too short a time") {
  LoadRates rates;
  const Instant start{};
  LoadFigures first = generated(10);
  rates.apply(first, start);
  LoadFigures without;
  rates.apply(without, start + 1s);
  LoadFigures later = generated(1000);
  rates.apply(later, start + 2s);
  CHECK_FALSE(later[Figure::GeneratedTokensPerS]);
  LoadFigures soon = generated(1001);
  rates.apply(soon, start + 2s + LoadRates::SpanMin / 2);
  CHECK_FALSE(soon[Figure::GeneratedTokensPerS]);
  LoadFigures enough = generated(1100);
  rates.apply(enough, start + 3s);
  CHECK(enough[Figure::GeneratedTokensPerS] == 100);
}

TEST_CASE("a rate that the engine gives itself stands") {
  LoadRates rates;
  LoadFigures first = generated(0);
  rates.apply(first, Instant{});
  LoadFigures second = generated(100);
  second.set(Figure::GeneratedTokensPerS, 7);
  rates.apply(second, Instant{1s});
  CHECK(second[Figure::GeneratedTokensPerS] == 7);
}

TEST_CASE("shares and capacities are made from their parts") {
  LoadFigures figures;
  figures.set(Figure::PrefixQueryTokens, 0);
  figures.set(Figure::PrefixHitTokens, 0);
  figures.derive();
  CHECK_FALSE(figures[Figure::PrefixHitShare]);
  CHECK(figures.present().has(Figure::PrefixHitShare));
  figures.set(Figure::PrefixQueryTokens, 400);
  figures.set(Figure::PrefixHitTokens, 100);
  figures.set(Figure::KvBlocks, 1000);
  figures.set(Figure::KvBlockTokens, 16);
  figures.derive();
  CHECK(figures[Figure::PrefixHitShare] == 0.25);
  CHECK(figures[Figure::KvCapacityTokens] == 16000);
}

TEST_CASE("what one source does not say is taken from another") {
  LoadFigures first, second;
  first.set(Figure::Running, 1);
  second.set(Figure::Running, 9);
  second.set(Figure::Waiting, 2);
  first.fill_from(second);
  CHECK(first[Figure::Running] == 1);
  CHECK(first[Figure::Waiting] == 2);
}

TEST_CASE("figures have names, each its own") {
  for (std::size_t i = 0; i < Figures; ++i) {
    CHECK(FigureNames[i].figure == static_cast<Figure>(i));
    CHECK(figure_named(FigureNames[i].key) == static_cast<Figure>(i));
  }
  CHECK_FALSE(figure_named("kv"));
}
