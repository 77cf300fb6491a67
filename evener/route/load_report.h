#pragma once
// LoadReport: what an endpoint says of its own load, in one form for all kinds of engine. Every figure may be missing: unknown is not zero.
// A report ages; policies trust it less the older it is (report_trust) and fall back to what we count ourselves.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "evener/core/time.h"

namespace evener::route {

struct LoadReport {
  Instant at{};                                   // when it was received
  std::optional<double> running;                  // requests in the engine's batch
  std::optional<double> waiting;                  // requests in the engine's queue
  std::optional<double> waiting_tokens;           // uncached prompt tokens in its queue
  std::optional<double> kv_used;                  // 0..1
  std::optional<double> kv_capacity_tokens;       // what the KV cache holds
  std::optional<double> utilization;              // 0..1, of the machine (ORCA: application or CPU)
  std::optional<double> generated_tokens_per_s;
  std::optional<double> prefix_hit_share;         // 0..1, tokens found in the prefix cache since the engine started
  std::optional<double> requests_max;             // its own bound on requests at once

  bool operator==(const LoadReport&) const = default;
};

/// All of its figures.
inline constexpr std::array<std::optional<double> LoadReport::*, 9> LoadFigures = {
    &LoadReport::running,     &LoadReport::waiting,                &LoadReport::waiting_tokens,   &LoadReport::kv_used,     &LoadReport::kv_capacity_tokens,
    &LoadReport::utilization, &LoadReport::generated_tokens_per_s, &LoadReport::prefix_hit_share, &LoadReport::requests_max};

/// A report that came with an answer has few figures. One that is asked for is completed by them while it is no older than this.
inline constexpr Duration CompletedMax = std::chrono::seconds(10);
/// `news` with what only the report before has to say. Then it is as old as that one, so that figures which nobody repeats fade.
[[nodiscard]] LoadReport completed(const LoadReport& before, const LoadReport& news);

/// A report loses half of its say in this time.
inline constexpr Duration ReportHalfLife = std::chrono::seconds(2);

/// 1 for a report of this instant, 0.5 after ReportHalfLife, towards 0; 0 when there is none.
[[nodiscard]] double report_trust(const std::optional<LoadReport>& report, Instant now);

}  // namespace evener::route
