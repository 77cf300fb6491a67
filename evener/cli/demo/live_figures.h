#pragma once
// What the last seconds looked like, from the records of the load's requests: rates, shares and times to the first token, for each engine
// and together. Totals count from the start.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "evener/core/time.h"
#include "evener/load/report.h"

namespace evener::cli::demo {

struct EngineFigures {
  double requests_per_s = 0;
  double share = 0;  // of the answered requests, 0..1
  std::optional<double> ttft_p50_s;
};

struct LiveFigures {
  double requests_per_s = 0, tokens_per_s = 0;
  std::optional<double> ttft_p50_s, ttft_p99_s;
  std::uint64_t answered = 0, failed = 0;  // since the start
  std::vector<EngineFigures> engines;      // in the order of the names given
};

/// Not thread-safe.
class RecentRequests {
 public:
  static constexpr Duration Window = std::chrono::seconds(3);
  /// Above this the oldest are forgotten early; far more than the demo's load answers within the window.
  static constexpr std::size_t KeptMax = 20'000;

  RecentRequests(std::vector<std::string> engine_names, Instant start);

  void add(const load::RequestRecord& record);
  [[nodiscard]] LiveFigures at(Instant now);

 private:
  struct Answer {
    Instant end{};
    std::optional<Duration> ttft;
    std::uint32_t tokens = 0;
    std::optional<std::size_t> engine;
  };
  std::map<std::string, std::size_t, std::less<>> engines_;
  Instant start_;
  std::deque<Answer> answers_;
  std::uint64_t answered_ = 0, failed_ = 0;
};

}  // namespace evener::cli::demo
