#pragma once
// What a load run found: latencies, throughput, goodput, errors by kind and the share of each endpoint, collected from one record per
// request in bounded memory. As a table for people and as JSON whose metric names are those of AIPerf and inference-perf.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "evener/core/histogram.h"
#include "evener/core/time.h"

namespace evener::load {

/// Why a request did not count as a success.
enum class Failure : std::uint8_t {
  None,
  Connect,      // no connection
  Broken,       // the connection broke before the answer was complete
  Truncated,    // a stream that ended without its end mark
  StreamError,  // an error event inside a stream
  TimedOut,     // longer than the limit for one request
  Refused,      // 429 and 503: the server sheds load
  Client,       // other 4xx
  Server,       // other 5xx
  Malformed,    // an answer that is not what the API promises
};
inline constexpr std::size_t Failures = 10;
[[nodiscard]] std::string_view name_of(Failure failure);

/// One request, as the client saw it. Instants that did not come stay at zero.
struct RequestRecord {
  Instant intended{};      // when the schedule wanted it sent; latencies count from here, or a slow generator would hide a slow server
  Instant sent{};
  Instant first_token{};
  Instant last_token{};
  Instant end{};
  std::uint32_t input_tokens = 0;
  std::uint32_t output_tokens = 0;
  std::uint32_t cached_tokens = 0;   // of the prompt, as the answer's usage said
  std::uint16_t status = 0;          // 0: no answer
  Failure failure = Failure::None;
  bool streamed = false;
  std::string endpoint;    // x-evener-endpoint of the answer, else x-evener-engine; empty when it named none
};

/// Service levels of a single request; one that is absent is met by all.
struct Objectives {
  std::optional<Duration> ttft_max, tpot_max, e2e_max;
  [[nodiscard]] bool any() const { return ttft_max || tpot_max || e2e_max; }
};

struct EndpointShare {
  std::uint64_t requests = 0, failed = 0, output_tokens = 0;
  Histogram ttft, e2e;
};

/// Not thread-safe: one per worker, merged at the end.
class LoadReport {
 public:
  /// More endpoint names than this are counted together under "(others)".
  static constexpr std::size_t EndpointsMax = 4096;

  explicit LoadReport(Objectives objectives = {}) : objectives_(objectives) {}

  void add(const RequestRecord& record);
  /// The time between two tokens of one stream.
  void add_inter_token(Duration gap) { itl.record(gap); }
  void merge(const LoadReport& other);

  [[nodiscard]] std::uint64_t requests() const { return succeeded + failed; }
  [[nodiscard]] double duration_s() const;
  [[nodiscard]] double request_throughput() const { return per_second(succeeded); }
  [[nodiscard]] double output_token_throughput() const { return per_second(output_tokens); }
  /// Successful requests within all objectives, per second.
  [[nodiscard]] double goodput() const { return per_second(good); }
  [[nodiscard]] const Objectives& objectives() const { return objectives_; }

  // Of successful requests, in nanoseconds, from the intended moment on. TTFT, TPOT and ITL need a stream.
  Histogram ttft, tpot, itl, e2e;
  Histogram lateness;              // sent minus intended, all requests: how far behind its schedule the generator was
  Histogram input_sequence, output_sequence;
  std::uint64_t succeeded = 0, failed = 0, good = 0;
  std::uint64_t input_tokens = 0, output_tokens = 0, cached_tokens = 0;
  std::array<std::uint64_t, Failures> failures{};
  std::map<std::uint16_t, std::uint64_t> statuses;
  std::map<std::string, EndpointShare> endpoints;
  Instant first_sent = Instant::max(), last_end = Instant::min();

  // Filled in by the generator.
  std::uint64_t cancelled = 0;     // still in flight when the run was ended early
  std::uint64_t connections_opened = 0;
  std::uint64_t resent = 0;        // sent again on a new connection, because the kept one had been closed
  std::uint64_t overdue = 0;       // arrivals that found all connections busy and waited for one
  std::uint64_t not_sent = 0;      // arrivals given up because too many already waited, or because the run ended
  std::string title;               // what was run, for the head of the table

 private:
  [[nodiscard]] double per_second(std::uint64_t count) const;
  Objectives objectives_;
};

/// `color` puts terminal attributes in.
enum class Color : std::uint8_t { No, Yes };
[[nodiscard]] std::string report_table(const LoadReport& report, Color color = Color::No);
/// One JSON object, schema_version 1. Latencies in ms with avg, min, max, p50, p90, p95, p99 and count, as AIPerf exports them.
[[nodiscard]] std::string report_json(const LoadReport& report);

}  // namespace evener::load
