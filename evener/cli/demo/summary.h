#pragma once
// What a demo found, as lines for people and as JSON.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evener/cli/demo/comparison.h"
#include "evener/cli/demo/comparison_table.h"
#include "evener/cli/demo/failover.h"
#include "evener/cli/demo/start_time.h"

namespace evener::cli::demo {

struct LiveResult {
  std::string policy;
  double load_s = 0;
  PolicyFigures figures;
  std::uint64_t output_tokens = 0;
};

struct FailoverResult {
  std::string engine;
  bool killed = false;
  std::uint32_t held = 0;        // requests it held when it died
  std::optional<double> away_s;  // nothing = it was not seen back
};

struct DemoResult {
  std::string url, admin_url;
  std::uint64_t seed = 0;
  std::optional<double> first_answer_s;  // since `start`
  StartTime start;
  LiveResult live;
  FailoverResult failover;
  std::optional<Comparison> comparison;  // absent when interrupted before
};

[[nodiscard]] std::uint64_t errors_of(const DemoResult& result);
[[nodiscard]] std::vector<std::string> summary_lines(const DemoResult& result, const std::vector<ShareColumn>& shares,
                                                     const TextStyle& style);
/// One object, schema evener.demo/1; times in ms, as the reports of `evener load` have them.
[[nodiscard]] std::string summary_json(const DemoResult& result);

}  // namespace evener::cli::demo
