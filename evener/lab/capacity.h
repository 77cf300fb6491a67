#pragma once
// Capacity search: the greatest load that still meets an objective, when every try costs a simulation. It doubles or halves the load until one
// is met and one is not, then bisects between them. Assumes that what fails fails at every greater load, too; near the boundary chance
// decides, so the answer is as exact as the runs are many.

#include <cstdint>
#include <limits>
#include <optional>

namespace evener::lab {

struct CapacityRules {
  double start = 1;        // the first load to try; above 0
  double precision = .02;  // ends when the bracket is so narrow, as a share of its lower end
  double range = 1024;     // no load beyond so many times the first one, or below the same part of it, is tried
  double least = 0, most = std::numeric_limits<double>::infinity();  // nor beyond these
  std::uint32_t tries_max = 64;
};

/// Ask next(), try that load, tell whether it met the objective, until next() has nothing more.
class CapacitySearch {
 public:
  explicit CapacitySearch(const CapacityRules& rules) : rules_(rules) {}

  /// Nothing when it is settled, or has come to the end of its range or tries.
  [[nodiscard]] std::optional<double> next() const;
  void told(double load, bool met);

  /// Greatest load that met it; nothing when none did.
  [[nodiscard]] std::optional<double> met() const { return met_; }
  /// Least load that failed; nothing when none did, and the capacity may be greater than what was tried.
  [[nodiscard]] std::optional<double> failed() const { return failed_; }
  /// The bracket is as narrow as was asked for.
  [[nodiscard]] bool settled() const { return met_ && failed_ && !crossed() && *failed_ - *met_ <= rules_.precision * *met_; }
  [[nodiscard]] std::uint32_t tries() const { return tries_; }

 private:
  /// A load met it above one that failed: what was assumed does not hold, and nothing can be searched for.
  [[nodiscard]] bool crossed() const { return met_ && failed_ && *failed_ <= *met_; }

  CapacityRules rules_;
  std::optional<double> met_, failed_;
  std::uint32_t tries_ = 0;
};

}  // namespace evener::lab
