#pragma once
// How many tokens an answer will probably have, learned per model from answers that ended, and conditioned on what the client said: its bound and
// whether it streams. Applications that classify ask for four tokens and those that chat for thousands, so the bound tells a lot. O(1) memory.

#include <array>
#include <cstddef>
#include <cstdint>

namespace evener {

struct OutputBounds {
  std::uint32_t tokens_max = 0;  // per choice; 0 = none
  std::uint32_t choices = 1;
  bool stream = false;
};

/// Not safe for several threads.
class OutputEstimate {
 public:
  /// Mean for requests like this one, of all choices together; never beyond the bound, at least 1. For accounts of work.
  [[nodiscard]] double mean(const OutputBounds& bounds) const;
  /// The length that a share `q` (0..1) of such requests stays within, to a factor of about 1.2. For what must be reserved.
  [[nodiscard]] double quantile(const OutputBounds& bounds, double q) const;

  /// Tokens of all choices of an answer that came to its end. Broken and cancelled ones do not tell how long they would have been.
  void learn(const OutputBounds& bounds, std::uint64_t reported);

  /// Answers learned from.
  [[nodiscard]] std::uint64_t reports() const { return reports_; }

  /// What is believed before any answer: all lengths of 16 to 1,024 alike on a logarithmic scale, mean 242. Public traces have means of
  /// 211 and 343 (chat) and 28 (code completion).
  static constexpr double PriorMin = 16.0, PriorMax = 1024.0;
  /// Answers that weigh as much as what is believed without them.
  static constexpr double PriorAnswers = 8.0;
  /// At so many answers of a kind all of them are given half their weight, so that news counts.
  static constexpr double AnswersMax = 512.0;

 private:
  static constexpr std::size_t Buckets = 64;  // four for each doubling
  static constexpr std::size_t BoundKinds = 6;

  struct Lengths {
    std::array<float, Buckets> buckets{};
    double count = 0.0, sum = 0.0;
    void add(double length);
  };

  [[nodiscard]] static std::size_t kind(const OutputBounds& bounds);

  Lengths all_;
  std::array<Lengths, BoundKinds * 2> kinds_;
  std::uint64_t reports_ = 0;
};

}  // namespace evener
