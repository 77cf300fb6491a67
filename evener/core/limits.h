#pragma once
// GradientLimit: how many requests a server should have in flight, learned from how its latencies answer to them. It is told latencies and counts;
// it knows neither clocks nor what the latencies are of.
//
// From Netflix's concurrency-limits (Gradient2Limit) is the idea to compare a recent mean latency with a long-term one and to shrink by their
// ratio; from Envoy's adaptive concurrency the one to take the reference from light load. Gradient2's reference is the mean of everything: in a lasting
// overload it drifts towards the overloaded latency and then permits more. Envoy lowers the limit now and then to measure, which refuses
// requests. Here the reference comes from the moments in which the server happens to be lightly loaded, and from the limit's own lower end:
// a server that has really become slower is brought down to the least limit, where all load counts as light, and is measured anew.

#include <array>
#include <cstddef>

namespace evener {

struct GradientLimitSettings {
  double least = 4;
  double most = 1024;
  double first = 16;
  double slowdown_max = 3;  // recent latency over that of light load; above it the limit shrinks. > 1

  bool operator==(const GradientLimitSettings&) const = default;
};

/// Not thread-safe.
class GradientLimit {
 public:
  /// Latencies of different kinds (such as first token, and per token) are compared only with their own; the worst of them counts.
  static constexpr std::size_t Kinds = 2;
  /// The limit shrinks by no more than this in one round. A round is as many samples as the limit allows requests: only then is the effect visible.
  static constexpr double ShrinkMax = 0.7;
  /// It grows, by one per round, only while at least this share of it is used: what nobody uses says nothing.
  static constexpr double UsedShare = 0.8;

  explicit GradientLimit(const GradientLimitSettings& settings);

  /// A latency above 0, measured while `in_flight` requests were there. Samples of a kind must be comparable: divide by the work.
  void sample(std::size_t kind, double latency, double in_flight);
  /// The server refused a request or did not answer in time.
  void congested();

  [[nodiscard]] double limit() const { return limit_; }
  /// Recent latency over that of light load, of the worst kind; 0 = not known yet.
  [[nodiscard]] double slowdown() const;

 private:
  struct Latency {
    double recent = 0, light = 0;
    int recent_samples = 0;
    bool light_seen = false;  // else `light` is the lowest recent mean so far
  };
  void shrink(double factor);

  GradientLimitSettings settings_;
  double limit_;
  double since_change_ = 0;  // samples
  std::array<Latency, Kinds> latencies_;
};

}  // namespace evener
