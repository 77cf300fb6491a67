#pragma once
// The comparison of policies as a table for people, with the best of each column marked, and in one sentence.

#include <string>
#include <vector>

#include "evener/cli/demo/comparison.h"
#include "evener/cli/demo/styled_text.h"

namespace evener::cli::demo {

/// Which engines the columns of the shares show.
struct ShareColumn {
  std::string title;
  std::vector<std::string> engines;  // added up
};
[[nodiscard]] std::vector<ShareColumn> share_columns(const Scenario& scenario);

/// A star marks what is best in its column as shown, so that rounding makes equals; a column in which all are equal has none.
[[nodiscard]] std::vector<std::string> comparison_lines(const Comparison& comparison, const std::vector<ShareColumn>& shares,
                                                        const TextStyle& style);

/// What the table says: the policy with the least p99 of the first token against the one with the greatest, and why. Empty when there is
/// nothing to compare.
[[nodiscard]] std::string verdict(const Comparison& comparison);

/// Later than this at p99 the load itself was late, so small differences mean nothing.
inline constexpr double LatenessWarning_s = 0.02;
/// Later than this the table shows how busy the machine was, and verdict() says so instead of judging the policies.
inline constexpr double LatenessMax_s = 0.1;

}  // namespace evener::cli::demo
