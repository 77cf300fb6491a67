#pragma once
// Asks endpoints about their load, again and again, and hands what they say to their pool. Which engine it is and where its report lies is
// found out by asking; what was found is kept in words for the operator. Nothing waits for it: an endpoint that hangs, answers nonsense or
// has no report costs a time-out or a bounded read on the control thread's reactor, and is asked less often.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evener/core/time.h"
#include "evener/gateway/config.h"
#include "evener/net/task.h"
#include "evener/protocol/engine_load.h"
#include "evener/route/load_report.h"

namespace evener::gateway {

class Control;
struct ManagedEndpoint;

inline constexpr std::size_t LoadBodyBytesMax = 4 * 1024 * 1024;      // of one report; a larger one is not read
inline constexpr std::uint32_t LoadFailuresMax = 3;                   // in a row, then the report is looked for anew
inline constexpr Duration LoadRetryMax = std::chrono::seconds(10);    // longest pause while an endpoint cannot be asked
inline constexpr Duration LoadAbsentFirst = std::chrono::seconds(5);  // pause after it was found to have no report ...
inline constexpr Duration LoadAbsentMax = std::chrono::minutes(5);    // ... doubled each time up to this

/// What is known of one endpoint's reports. On the control thread.
struct LoadWatch {
  std::optional<protocol::EngineKind> engine;  // who answers; nothing = not known (yet)
  std::string finding = "not asked yet";       // the self-test, in words
  std::vector<std::string> paths;              // where its report is; empty = none found
  protocol::FigureSet present;
  std::vector<std::string> adapters;  // LoRA adapters in use, as far as it says
  std::optional<Instant> last_at;     // of the last report
  std::uint64_t readings_total = 0, failures_total = 0;
  std::string last_failure;  // empty while all is well
};

/// Pauses between attempts to read a report, as a value. Starts with the first attempt due soon.
class LoadPace {
 public:
  void read() { failures_ = absences_ = 0; }
  void failed() { ++failures_; }
  void found_none() { ++absences_; }
  void forget() { failures_ = absences_ = 0; }
  /// Failures in a row since the last report or since none was found.
  [[nodiscard]] std::uint32_t failures() const { return failures_; }
  /// The pause before the next attempt, without jitter.
  [[nodiscard]] Duration pause(Duration interval) const;

 private:
  std::uint32_t failures_ = 0;
  std::uint32_t absences_ = 0;
};

/// The figures of a report, as policies see them.
[[nodiscard]] route::LoadReport to_load_report(const protocol::LoadFigures& figures, Instant at);
/// The report in a header of an answer (ORCA), or nothing when it is another header or holds none. Any thread.
[[nodiscard]] std::optional<route::LoadReport> load_report_in_header(std::string_view name, std::string_view value, Instant now);
/// What the operator's names of metrics mean to the reader.
[[nodiscard]] std::vector<protocol::FigureSource> figure_sources(const LoadReportConfig& config);

/// Runs until the endpoint is removed or the reactor stops.
[[nodiscard]] net::Task<> collect_load(Control& control, std::shared_ptr<ManagedEndpoint> endpoint, std::string pool_name);

}  // namespace evener::gateway
