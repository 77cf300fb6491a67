#pragma once
// LoadFigures: what an engine says of its load, figure by figure, each of which may be missing: unknown is not zero. Totals (counters) are
// kept beside what is made from them, because a rate needs two readings.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "evener/core/time.h"

namespace evener::protocol {

enum class Figure : std::uint8_t {
  Running,        // requests in the engine's batch
  Waiting,        // requests in its queue
  WaitingTokens,  // uncached prompt tokens in its queue
  KvUsed,         // 0..1
  KvCapacityTokens,
  Utilization,  // 0..1, of the machine
  GeneratedTokensPerS,
  PrefixHitShare,  // 0..1, since the engine started
  RequestsMax,     // its own bound on requests at once
  // Totals since the engine started.
  GeneratedTokens,
  PrefixQueryTokens,  // prompt tokens looked up in the prefix cache
  PrefixHitTokens,    // and found there
  // Factors of KvCapacityTokens.
  KvBlocks,
  KvBlockTokens,
};
inline constexpr std::size_t Figures = 14;
/// The first of them make a report; the others are only steps on the way to it.
inline constexpr std::size_t ReportedFigures = 9;

struct FigureName {
  Figure figure{};
  std::string_view key;    // in configurations
  std::string_view words;  // for people
};
inline constexpr std::array<FigureName, Figures> FigureNames = {{
    {Figure::Running, "running", "running"},
    {Figure::Waiting, "waiting", "waiting"},
    {Figure::WaitingTokens, "waiting_tokens", "waiting tokens"},
    {Figure::KvUsed, "kv_used", "KV use"},
    {Figure::KvCapacityTokens, "kv_capacity_tokens", "KV capacity"},
    {Figure::Utilization, "utilization", "utilization"},
    {Figure::GeneratedTokensPerS, "generated_tokens_per_s", "token rate"},
    {Figure::PrefixHitShare, "prefix_hit_share", "prefix hits"},
    {Figure::RequestsMax, "requests_max", "request limit"},
    {Figure::GeneratedTokens, "generated_tokens_total", "generated tokens"},
    {Figure::PrefixQueryTokens, "prefix_query_tokens_total", "prefix queries"},
    {Figure::PrefixHitTokens, "prefix_hit_tokens_total", "prefix hit tokens"},
    {Figure::KvBlocks, "kv_blocks", "KV blocks"},
    {Figure::KvBlockTokens, "kv_block_tokens", "KV block size"},
}};

[[nodiscard]] constexpr std::string_view words_of(Figure figure) { return FigureNames[static_cast<std::size_t>(figure)].words; }
[[nodiscard]] std::optional<Figure> figure_named(std::string_view key);

/// How the samples of several label sets become one figure.
enum class Combine : std::uint8_t { Sum, Mean, Max };

/// A set of figures.
class FigureSet {
 public:
  constexpr FigureSet() = default;
  constexpr void add(Figure figure) { bits_ |= 1U << static_cast<unsigned>(figure); }
  constexpr void add(FigureSet others) { bits_ |= others.bits_; }
  [[nodiscard]] constexpr bool has(Figure figure) const { return (bits_ & (1U << static_cast<unsigned>(figure))) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  [[nodiscard]] constexpr FigureSet without(FigureSet others) const {
    FigureSet left = *this;
    left.bits_ &= ~others.bits_;
    return left;
  }
  bool operator==(const FigureSet&) const = default;

 private:
  std::uint32_t bits_ = 0;
};

class LoadFigures {
 public:
  [[nodiscard]] const std::optional<double>& operator[](Figure figure) const { return values_[static_cast<std::size_t>(figure)]; }
  /// Takes a value that makes sense for the figure: finite, not negative, a share at most 1 (give or take a hundredth, which is cut), a
  /// capacity or bound above 0 (engines say 0 before they are ready). Another one leaves the figure as it was: a wrong unit must not pass
  /// for a full cache.
  void set(Figure figure, double value);
  /// Adds the figures that are missing here.
  void fill_from(const LoadFigures& other);
  /// The figures of a report that are there, or can be made from totals once there are two readings.
  [[nodiscard]] FigureSet present() const;
  /// Makes what can be made from one reading: the prefix hit share of its totals, the KV capacity of its factors.
  void derive();

  bool operator==(const LoadFigures&) const = default;

 private:
  std::array<std::optional<double>, Figures> values_;
};

/// Turns totals into rates. One per endpoint. Not safe for several threads.
class LoadRates {
 public:
  /// Less time between two readings says little about a rate.
  static constexpr Duration SpanMin = std::chrono::milliseconds(50);

  /// Adds the rates since the reading before. None the first time, and none when a total went backwards: the engine was started again.
  void apply(LoadFigures& figures, Instant at);
  void forget() { generated_.reset(); }

 private:
  std::optional<double> generated_;
  Instant at_{};
};

}  // namespace evener::protocol
