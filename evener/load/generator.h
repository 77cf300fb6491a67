#pragma once
// The load generator: sends a workload to an OpenAI endpoint over real connections and reports what came back. In an open loop a request
// is sent when it is due, whatever became of the earlier ones, and its latency counts from then: an overloaded server cannot slow the
// measurement down (coordinated omission), and a late generator shows in the report.

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "evener/core/result.h"
#include "evener/load/report.h"
#include "evener/load/workload.h"
#include "evener/net/http_message.h"

namespace evener::load {

enum class Api : std::uint8_t { Chat, Completions };
enum class Streaming : std::uint8_t { No, Yes };
/// Whether to ask for answers of exactly the wanted length (vLLM's ignore_eos), or only to limit them.
enum class AnswerLength : std::uint8_t { AtMost, Exact };

struct LoadOptions {
  std::string url = "http://127.0.0.1:8080";  // http only; a path is put before /v1/...
  std::string model;
  std::string api_key;                        // sent as a bearer token when not empty
  net::HeaderList headers = {};
  Api api = Api::Chat;
  Streaming streaming = Streaming::Yes;
  AnswerLength answer_length = AnswerLength::Exact;
  WorkloadOptions workload = {};
  Duration duration{};                        // no new request after this; 0 = until the workload ends
  Duration request_timeout = std::chrono::seconds(600);
  std::uint32_t connections_max = 1024;       // open loop; a request that finds all of them busy waits
  std::uint32_t waiting_max = 100'000;        // so many at most; those beyond are not sent, and counted
  unsigned threads = 1;
  Objectives objectives = {};
};

struct LoadProgress {
  double elapsed_s = 0;
  double planned_s = 0;                       // 0: unknown
  std::uint64_t planned_requests = 0;         // 0: unknown
  std::uint64_t sent = 0, succeeded = 0, failed = 0, in_flight = 0;
};

/// May be called from the generator's threads, each callback by one at a time.
struct LoadCallbacks {
  std::function<void(const LoadProgress&)> progress = nullptr;   // about four times per second
  std::function<void(const RequestRecord&)> request = nullptr;   // after each request
};

/// One line for people: what this run will do.
[[nodiscard]] std::string describe(const LoadOptions& options);

/// Blocks until the workload has ended, the duration has passed and every answer has come, or stop is requested (what is in flight then is
/// cancelled). Refuses options that make no sense and names that do not resolve; a server that cannot be reached is a finding, not a refusal.
[[nodiscard]] Result<LoadReport> run_load(const LoadOptions& options, const LoadCallbacks& callbacks = {}, std::stop_token stop = {});

}  // namespace evener::load
