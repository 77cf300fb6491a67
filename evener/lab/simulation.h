#pragma once
// A run of one pool in virtual time: the gateway's own route::Scheduler decides (or several, of as many gateways), engine models do the work, a
// workload brings the requests. Everything that happens is decided by the arguments: equal scenario, workload and seed give equal results, bit for bit.
// Leaves out the gateway's own time per request (microseconds) and the bytes on the wire.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "evener/lab/engine_model.h"
#include "evener/lab/external_model.h"
#include "evener/lab/service_model.h"
#include "evener/lab/sharing_model.h"
#include "evener/lab/workload.h"
#include "evener/route/scheduler.h"

namespace evener::lab {

/// How often an endpoint fails, and for how long. A failure takes with it all that is in flight there and what its caches hold; while it lasts nobody
/// can connect.
struct FailureLaw {
  Duration mean_between{};  // from the start or a repair to the next failure, exponential; 0 = it never fails
  Duration mean_repair{};   // likewise exponential; 0 = it is back at once, with empty caches
};

struct SimulatedEndpoint {
  std::string name;
  std::variant<EngineConfig, ServiceConfig, SharingConfig, ExternalConfig> engine;
  route::EndpointSettings settings;        // what the scheduler is told of it
  double slowdown = 1;                     // it takes so many times as long as its model says: what it is against what it claims
  Duration slows_at{};                     // until then it is as fast as its model
  Duration recovers_at = Duration::max();  // and again from then on
  Duration joins_at{};                     // when it has started and the gateways are told of it; 0 = from the start
  FailureLaw failures;
  Duration request_overhead{};  // tokenising and HTTP, before the engine sees a request
  Duration network{};           // there and back
  Duration jitter{};            // mean of what each way takes longer, exponential
};

/// How load reports reach the scheduler.
struct ReportLine {
  Duration period = std::chrono::seconds(1);  // between two readings of an endpoint; 0 = all are read before every arrival
  Duration delay{};                           // from the reading until the scheduler has it
};

struct Scenario {
  std::vector<SimulatedEndpoint> endpoints;  // endpoint n gets EndpointId n + 1
  route::PoolSettings pool;
  std::uint32_t gateways = 1;         // in front of the same endpoints; each request comes to one of them by chance, and each knows of
                                      // its own requests and of the reports alone. At least 1
  std::optional<ReportLine> reports;  // nothing = endpoints report nothing
  std::uint32_t content_block_tokens = 512;         // of the prompt blocks that the scheduler sees; engines have their own block size
  double prompt_error = 0;                          // prompts are estimated as length * exp(prompt_error * a normal draw); 0 = exactly
  std::uint32_t output_tokens_prior = 256;          // expected output before any request has ended
  Duration drain_max = std::chrono::hours(24);      // the run ends so long after the last arrival even if requests are left
  Duration check_period = std::chrono::seconds(5);  // between two health checks of an endpoint; a lost request brings on one at once
  std::uint32_t steps_at_once = 64;  // engine steps in which nothing but decoding happens are taken so many at once; the results
                                     // are the same with 1, only later
  std::uint64_t seed = 1;
};

enum class Fate : std::uint8_t {
  Done,
  Refused,     // by the scheduler, at once or from the queue
  Rejected,    // by the engine: too long for it, its queue or its rate limit is full, and no other endpoint took it
  NotSent,     // a later turn of a session that broke off
  Unfinished,  // the run ended first
  Failed,      // its endpoint was lost, and no other took it or could any more
};

struct RequestResult {
  Fate fate = Fate::NotSent;
  route::RefusalReason refusal{};   // when refused
  std::uint32_t endpoint = 0;       // index into Scenario::endpoints, when dispatched; the last one
  std::uint32_t cached_tokens = 0;  // of the prompt, found in the engine's prefix cache
  std::uint32_t preemptions = 0;    // times the scheduler took it back for a more urgent one
  std::uint32_t attempts = 0;       // times it was dispatched
  // Since the start of the run; each is set as far as the request came.
  Duration arrival{}, dispatched{}, first_token{}, finished{};
};

struct EndpointResult {
  std::uint64_t requests = 0;  // dispatched to it
  std::uint64_t failures = 0;
  Duration busy{};      // it worked so long on steps
  EngineTotals totals;  // of an inference engine
};

struct SimulationResult {
  std::vector<RequestResult> requests;  // by index of Workload::requests
  std::vector<EndpointResult> endpoints;
  Duration end{};  // when the last request ended
  std::uint64_t events = 0;
  std::uint64_t decisions = 0;  // times the scheduler chose an endpoint
};

[[nodiscard]] SimulationResult simulate(const Scenario& scenario, const Workload& workload);

}  // namespace evener::lab
