#include "evener/lab/simulation.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <utility>

#include "evener/core/portable_math.h"
#include "evener/core/rng.h"
#include "evener/lab/event_heap.h"

namespace evener::lab {
namespace {

constexpr Duration TickPeriod = std::chrono::milliseconds(100);  // what the gateway does, too
constexpr Instant Start{};

// Streams of chance. Each draw is keyed by what it is for, never by how many came before, so that two policies meet the same luck.
enum Stream : std::uint64_t { SchedulerStream = 1, ServiceStream, PromptErrorStream, GatewayStream };

Duration scaled(Duration duration, double factor) {
  return factor == 1 ? duration : Duration(std::llround(static_cast<double>(duration.count()) * factor));
}

class Simulation {
 public:
  Simulation(const Scenario& scenario, const Workload& workload) : scenario_(scenario), workload_(workload), rng_(scenario.seed) {
    Rng seeds = rng_.fork(SchedulerStream);
    for (std::uint32_t gateway = 0; gateway < scenario.gateways; ++gateway) schedulers_.emplace_back(scenario.pool, seeds.next());
    result_.requests.resize(workload.requests.size());
    result_.endpoints.resize(scenario.endpoints.size());
    flights_.resize(workload.requests.size());
    for (std::uint32_t index = 0; index < scenario.endpoints.size(); ++index) {
      const SimulatedEndpoint& endpoint = scenario.endpoints[index];
      Server server{
          .slowdown = endpoint.slowdown, .to_engine = endpoint.network / 2 + endpoint.request_overhead, .back = endpoint.network / 2};
      if (const auto* engine = std::get_if<EngineConfig>(&endpoint.engine)) {
        server.engine = std::make_unique<EngineModel>(*engine);
      } else {
        server.service = std::make_unique<ServiceModel>(std::get<ServiceConfig>(endpoint.engine), rng_.fork(ServiceStream));
      }
      servers_.push_back(std::move(server));
      if (endpoint.joins_at > Duration::zero()) {
        events_.push(Start + endpoint.joins_at, {.kind = Kind::Join, .subject = index});
      } else {
        join(index);
      }
      if (endpoint.recovers_at < Duration::max()) events_.push(Start + endpoint.recovers_at, {.kind = Kind::Recover, .subject = index});
    }
    for (std::uint32_t index = 0; index < workload.requests.size(); ++index) {
      const WorkloadRequest& request = workload.requests[index];
      if (request.previous_turn == WorkloadRequest::NoTurn) {
        first_turns_.push_back(index);
      } else {
        if (next_turn_.empty()) next_turn_.assign(workload.requests.size(), WorkloadRequest::NoTurn);
        next_turn_[request.previous_turn] = index;
      }
    }
  }

  SimulationResult run() {
    if (scenario_.reports && scenario_.reports->period > Duration::zero()) {
      for (std::uint32_t index = 0; index < servers_.size(); ++index) events_.push(Start, {.kind = Kind::Read, .subject = index});
    }
    while (step()) ++result_.events;
    for (const Flight& flight : flights_) {
      if (flight.phase == Phase::NotYet || flight.phase == Phase::Over) continue;
      result_.requests[static_cast<std::size_t>(&flight - flights_.data())].fate = Fate::Unfinished;
    }
    for (std::uint32_t index = 0; index < servers_.size(); ++index) {
      if (servers_[index].engine) result_.endpoints[index].totals = servers_[index].engine->totals();
    }
    return std::move(result_);
  }

 private:
  enum class Kind : std::uint8_t { Turn, Reach, StepEnd, ServiceEnd, FirstToken, Finish, Reject, Read, Report, Tick, Join, Recover };
  struct What {
    Kind kind{};
    std::uint32_t subject = 0;   // a request, or an endpoint for StepEnd, Read, Report, Join and Recover
    std::uint32_t number = 0;    // of StepEnd: the stretch that it ends; of a request's events: the attempt that they belong to
    std::uint32_t endpoint = 0;  // of ServiceEnd
  };
  enum class Phase : std::uint8_t { NotYet, Waiting, InFlight, Over };
  struct Flight {
    route::Share share;
    Instant dispatched{};
    std::uint32_t blocks = 0;   // buffer of its prompt's hashes while it waits
    std::uint32_t attempt = 0;  // events of earlier ones are void
    Phase phase = Phase::NotYet;
    bool answered = false;
  };
  struct Server {
    std::unique_ptr<EngineModel> engine;
    std::unique_ptr<ServiceModel> service;
    double slowdown = 1;
    Duration to_engine{}, back{};
    // While it is working: one step, whose outcome waits for its end, or else a stretch of quiet ones. Both end with one event.
    bool working = false;
    const StepOutcome* step = nullptr;
    std::vector<Duration> quiet;         // how long each step of the stretch takes
    std::uint32_t quiet_taken = 0;       // of them, those that the engine has been told to take
    Instant quiet_begin{}, quiet_end{};  // when the first of the others begins and the last ends
    std::uint32_t stretch = 0;           // number of the step or stretch; events of earlier ones are void
    std::deque<route::LoadReport> on_the_way;

    [[nodiscard]] std::uint32_t quiet_left() const { return static_cast<std::uint32_t>(quiet.size()) - quiet_taken; }
    void forget_quiet() {
      quiet.clear();
      quiet_taken = 0;
    }
  };

  static EndpointId id_of(std::uint32_t index) { return EndpointId{index + 1}; }
  static std::uint32_t index_of(EndpointId id) { return static_cast<std::uint32_t>(id) - 1; }
  /// Of the gateway that the request came to.
  [[nodiscard]] route::Scheduler& scheduler_of(std::uint32_t request) {
    return schedulers_.size() == 1 ? schedulers_.front() : schedulers_[rng_.fork(GatewayStream).fork(request).below(schedulers_.size())];
  }

  /// One event; false when nothing is left to happen.
  bool step() {
    const std::uint32_t next = next_arrival_ < first_turns_.size() ? first_turns_[next_arrival_] : NoRequest;
    const WorkloadRequest* arrival = next == NoRequest ? nullptr : &workload_.requests[next];
    if (arrival != nullptr && arrival->stage != stage_) {
      if (open_ > 0) {
        arrival = nullptr;  // its stage begins when all earlier requests are done
      } else {
        stage_ = arrival->stage;
        stage_begin_ = now_;
      }
    }
    if (arrival == nullptr && open_ == 0 && next == NoRequest) return false;
    if (arrival != nullptr && (events_.empty() || stage_begin_ + arrival->at < events_.top().at)) {
      ++next_arrival_;
      now_ = std::max(now_, stage_begin_ + arrival->at);
      last_arrival_ = now_;
      arrive(next);
      return true;
    }
    if (events_.empty()) return false;
    const auto event = events_.pop();
    now_ = event.at;
    if (arrival == nullptr && now_ > last_arrival_ + scenario_.drain_max) return false;
    happen(event.what);
    return true;
  }

  void happen(const What& what) {
    switch (what.kind) {
      case Kind::Turn:
        last_arrival_ = now_;
        --open_;
        arrive(what.subject);
        break;
      case Kind::Reach:
        if (current(what)) reach_engine(what.subject);
        break;
      case Kind::StepEnd: end_step(what.subject, what.number); break;
      case Kind::ServiceEnd: end_service(what); break;
      case Kind::FirstToken:
        if (current(what)) first_token(what.subject);
        break;
      case Kind::Finish:
        if (current(what)) finish(what.subject, Fate::Done);
        break;
      case Kind::Reject:
        if (current(what)) finish(what.subject, Fate::Rejected);
        break;
      case Kind::Read: read(what.subject); break;
      case Kind::Report: report(what.subject); break;
      case Kind::Tick: tick(); break;
      case Kind::Join: join(what.subject); break;
      case Kind::Recover: recover(what.subject); break;
    }
  }

  [[nodiscard]] bool current(const What& of_request) const { return flights_[of_request.subject].attempt == of_request.number; }
  [[nodiscard]] What event_of(Kind kind, std::uint32_t request) const {
    return {.kind = kind, .subject = request, .number = flights_[request].attempt};
  }
  /// What an engine knows the present attempt of a request by.
  [[nodiscard]] SequenceId sequence_of(std::uint32_t request) const { return SequenceId{flights_[request].attempt} << 32 | request; }

  // Towards the engine ------------------------------------------------------------------------------------------------------------------

  void arrive(std::uint32_t index) {
    result_.requests[index].arrival = now_ - Start;
    ++open_;
    offer(index);
  }

  void offer(std::uint32_t index) {
    const WorkloadRequest& request = workload_.requests[index];
    Flight& flight = flights_[index];
    if (scenario_.reports && scenario_.reports->period <= Duration::zero()) {
      for (std::uint32_t i = 0; i < servers_.size(); ++i) tell(i, report_of(servers_[i]));
    }

    std::uint32_t buffer = 0;
    if (unused_buffers_.empty()) {
      buffer = static_cast<std::uint32_t>(buffers_.size());
      buffers_.push_back(std::make_unique<std::vector<std::uint64_t>>());
    } else {
      buffer = unused_buffers_.back();
      unused_buffers_.pop_back();
    }
    std::vector<std::uint64_t>& blocks = *buffers_[buffer];
    blocks.clear();
    append_blocks(blocks, workload_, request, scenario_.content_block_tokens);
    double prompt_tokens = request.input_tokens;
    if (scenario_.prompt_error > 0) {
      Rng draw = rng_.fork(PromptErrorStream).fork(index);
      prompt_tokens = std::max(1.0, std::round(prompt_tokens * portable::exp(scenario_.prompt_error * draw.normal())));
    }
    const route::Arrival arrival{.request = {.affinity_key = request.session,
                                             .prompt_bytes = static_cast<std::uint32_t>(std::min(prompt_tokens * BytesPerToken, 4e9)),
                                             .stream = true,
                                             .priority = request.priority,
                                             .tenant = request.tenant,
                                             .prompt_tokens = static_cast<std::uint32_t>(prompt_tokens),
                                             .output_tokens = expected_output(),
                                             .first_token_objective = request.first_token_objective,
                                             .token_objective = request.token_objective,
                                             .blocks = blocks,
                                             .block_tokens = scenario_.content_block_tokens},
                                 .cookie = std::uint64_t{index} + 1};  // 0 would mean none
    const route::Decision decision = scheduler_of(index).arrived(arrival, now_);
    flight.blocks = buffer;
    flight.phase = Phase::Waiting;
    if (const auto* dispatch = std::get_if<route::Dispatch>(&decision)) {
      send(index, *dispatch);
    } else if (const auto* refusal = std::get_if<route::Refusal>(&decision)) {
      refuse(index, *refusal);
    } else if (!ticking_) {
      ticking_ = true;
      events_.push(now_ + TickPeriod, {.kind = Kind::Tick});
    }
    release();  // the scheduler may have passed over those who wait
    if (scenario_.pool.admission.preempt) preempt(scheduler_of(index));
  }

  void preempt(route::Scheduler& scheduler) {
    std::vector<route::Preempt> victims;
    scheduler.preempt(victims);
    for (const route::Preempt& victim : victims) {
      const auto index = static_cast<std::uint32_t>(victim.cookie - 1);
      Flight& flight = flights_[index];
      RequestResult& result = result_.requests[index];
      if (flight.phase != Phase::InFlight || flight.answered) continue;
      Server& server = servers_[result.endpoint];
      if (server.engine) {
        end_quiet_early(result.endpoint);
        server.engine->cancel(sequence_of(index));
      }
      ++flight.attempt;
      ++result.preemptions;
      scheduler.finished(id_of(result.endpoint),
                         {.ending = route::Ending::Cancelled, .total = now_ - flight.dispatched, .share = flight.share},
                         route::Scheduler::Attempt::First, now_);
      release();
      offer(index);
    }
  }

  void send(std::uint32_t index, const route::Dispatch& dispatch) {
    ++result_.decisions;
    Flight& flight = flights_[index];
    unused_buffers_.push_back(flight.blocks);
    RequestResult& result = result_.requests[index];
    result.endpoint = index_of(dispatch.endpoint);
    result.dispatched = now_ - Start;
    flight.phase = Phase::InFlight;
    flight.share = dispatch.share;
    flight.dispatched = now_;
    ++result_.endpoints[result.endpoint].requests;
    const Duration delay = servers_[result.endpoint].to_engine;
    if (delay > Duration::zero()) {
      events_.push(now_ + delay, event_of(Kind::Reach, index));
    } else {
      reach_engine(index);
    }
  }

  void refuse(std::uint32_t index, const route::Refusal& refusal) {
    unused_buffers_.push_back(flights_[index].blocks);
    result_.requests[index].refusal = refusal.reason;
    over(index, Fate::Refused);
  }

  void reach_engine(std::uint32_t index) {
    const WorkloadRequest& request = workload_.requests[index];
    const std::uint32_t endpoint = result_.requests[index].endpoint;
    Server& server = servers_[endpoint];
    bool taken = false;
    if (server.engine) {
      EngineModel::Sequence sequence{
          .id = sequence_of(index), .prompt_tokens = request.input_tokens, .output_tokens = request.output_tokens};
      append_blocks(sequence.block_hashes, workload_, request, server.engine->config().kv_block_tokens);
      end_quiet_early(endpoint);
      taken = server.engine->submit(std::move(sequence)) == Submitted::Queued;
      if (taken && !server.working) begin_step(endpoint);
    } else {
      taken = server.service->submit(sequence_of(index), request.input_tokens, request.output_tokens);
      if (taken) begin_service(endpoint);
    }
    if (!taken) notify(server, event_of(Kind::Reject, index));
  }

  // In the engine -----------------------------------------------------------------------------------------------------------------------

  void begin_step(std::uint32_t endpoint) {
    Server& server = servers_[endpoint];
    server.working = true;
    const std::uint32_t quiet = scenario_.steps_at_once > 1 ? server.engine->quiet_steps(scenario_.steps_at_once) : 0;
    Duration duration{};
    if (quiet > 0) {
      StepWork work = server.engine->quiet_work();
      for (std::uint32_t i = 0; i < quiet; ++i) {
        const double step_s = step_seconds(server.engine->config().step, work);
        server.quiet.push_back(scaled(Duration(std::llround(step_s * 1e9)), server.slowdown));
        duration += server.quiet.back();
        work.context_tokens += work.emitting;
      }
      server.quiet_begin = now_;
      server.quiet_end = now_ + duration;
    } else {
      server.step = &server.engine->step();
      duration = scaled(server.step->duration, server.slowdown);
    }
    result_.endpoints[endpoint].busy += duration;
    events_.push(now_ + duration, {.kind = Kind::StepEnd, .subject = endpoint, .number = ++server.stretch});
  }

  /// Has the engine take the quiet steps that have begun, so that it stands as if it had been stepped one by one.
  void catch_up(Server& server) {
    const std::uint32_t before = server.quiet_taken;
    while (server.quiet_left() > 0 && server.quiet_begin <= now_) server.quiet_begin += server.quiet[server.quiet_taken++];
    if (server.quiet_taken > before) server.engine->take_quiet_steps(server.quiet_taken - before);
  }

  /// Something reaches the engine: what follows the step in progress is no longer quiet.
  void end_quiet_early(std::uint32_t endpoint) {
    Server& server = servers_[endpoint];
    catch_up(server);
    if (server.quiet_left() == 0) return;
    server.forget_quiet();
    result_.endpoints[endpoint].busy -= server.quiet_end - server.quiet_begin;
    events_.push(server.quiet_begin, {.kind = Kind::StepEnd, .subject = endpoint, .number = ++server.stretch});
  }

  void end_step(std::uint32_t endpoint, std::uint32_t stretch) {
    Server& server = servers_[endpoint];
    if (stretch != server.stretch) return;
    server.working = false;
    if (server.step == nullptr) {
      if (server.quiet_left() > 0) server.engine->take_quiet_steps(server.quiet_left());
      server.forget_quiet();
      begin_step(endpoint);
      return;
    }
    // Only what is of interest outside is copied, because what follows may begin the next step and with that reuse the outcome.
    std::vector<Emission> noted = std::exchange(noted_, {});
    noted.clear();
    for (const Emission& emission : server.step->emissions) {
      if (emission.first || emission.finished) noted.push_back(emission);
    }
    server.step = nullptr;
    for (const Emission& emission : noted) {
      const auto index = static_cast<std::uint32_t>(emission.id);
      if (emission.id != sequence_of(index)) continue;  // pre-empted while the step ran
      if (emission.first) {
        result_.requests[index].cached_tokens = emission.cached_tokens;
        notify(server, event_of(Kind::FirstToken, index));
      }
      if (emission.finished) notify(server, event_of(Kind::Finish, index));
    }
    noted_ = std::move(noted);
    if (!server.working && !server.engine->idle()) begin_step(endpoint);
  }

  void begin_service(std::uint32_t endpoint) {
    Server& server = servers_[endpoint];
    while (const auto job = server.service->begin()) {
      const Duration duration = scaled(job->service, server.slowdown);
      result_.endpoints[endpoint].busy += duration;
      events_.push(now_ + duration, {.kind = Kind::ServiceEnd,
                                     .subject = static_cast<std::uint32_t>(job->id),
                                     .number = static_cast<std::uint32_t>(job->id >> 32),
                                     .endpoint = endpoint});
    }
  }

  void end_service(const What& what) {
    Server& server = servers_[what.endpoint];
    server.service->end();
    begin_service(what.endpoint);
    if (!current(what)) return;  // it was pre-empted, but such a server finishes what it has begun
    notify(server, event_of(Kind::FirstToken, what.subject));
    notify(server, event_of(Kind::Finish, what.subject));
  }

  // Back again --------------------------------------------------------------------------------------------------------------------------

  void notify(const Server& server, What what) {
    if (server.back > Duration::zero()) {
      events_.push(now_ + server.back, what);
    } else {
      happen(what);
    }
  }

  void first_token(std::uint32_t index) {
    Flight& flight = flights_[index];
    RequestResult& result = result_.requests[index];
    result.first_token = now_ - Start;
    flight.answered = true;
    scheduler_of(index).first_token(id_of(result.endpoint), flight.share, now_ - flight.dispatched, now_);
  }

  void finish(std::uint32_t index, Fate fate) {
    const Flight& flight = flights_[index];
    const RequestResult& result = result_.requests[index];
    const WorkloadRequest& request = workload_.requests[index];
    route::Outcome outcome{.ending = fate == Fate::Done ? route::Ending::Ok : route::Ending::Refused,
                           .total = now_ - flight.dispatched,
                           .share = flight.share};
    if (flight.answered) outcome.first_token = Start + result.first_token - flight.dispatched;
    if (fate == Fate::Done) {
      outcome.usage = route::TokenUsage{.prompt_tokens = request.input_tokens, .output_tokens = request.output_tokens};
      if (servers_[result.endpoint].engine) outcome.usage->cached_tokens = result.cached_tokens;
      output_sum_ += request.output_tokens;
      ++output_count_;
    }
    scheduler_of(index).finished(id_of(result.endpoint), outcome, route::Scheduler::Attempt::First, now_);
    over(index, fate);
    release();
  }

  void over(std::uint32_t index, Fate fate) {
    flights_[index].phase = Phase::Over;
    RequestResult& result = result_.requests[index];
    result.fate = fate;
    result.finished = now_ - Start;
    result_.end = std::max(result_.end, result.finished);
    --open_;
    // A session breaks off when one of its turns fails; the turns behind it stay NotSent.
    const std::uint32_t next = next_turn_.empty() || fate != Fate::Done ? NoRequest : next_turn_[index];
    if (next == NoRequest) return;
    ++open_;
    events_.push(now_ + workload_.requests[next].at, {.kind = Kind::Turn, .subject = next});
  }

  void release() {
    for (route::Scheduler& scheduler : schedulers_) {
      if (scheduler.queued() > 0) release(scheduler);
    }
  }

  void release(route::Scheduler& scheduler) {
    std::vector<route::Released> released = std::exchange(released_, {});
    released.clear();
    scheduler.release(released, now_);
    for (const route::Released& one : released) {
      const auto index = static_cast<std::uint32_t>(one.cookie - 1);
      if (const auto* dispatch = std::get_if<route::Dispatch>(&one.decision)) {
        send(index, *dispatch);
      } else {
        refuse(index, std::get<route::Refusal>(one.decision));
      }
    }
    released_ = std::move(released);
  }

  void tick() {
    for (route::Scheduler& scheduler : schedulers_) scheduler.tick(now_);
    release();
    ticking_ =
        std::any_of(schedulers_.begin(), schedulers_.end(), [](const route::Scheduler& scheduler) { return scheduler.queued() > 0; });
    if (ticking_) events_.push(now_ + TickPeriod, {.kind = Kind::Tick});
  }

  // Endpoints ---------------------------------------------------------------------------------------------------------------------------

  void join(std::uint32_t endpoint) {
    for (route::Scheduler& scheduler : schedulers_) scheduler.put_endpoint(id_of(endpoint), scenario_.endpoints[endpoint].settings, now_);
  }

  /// The step in progress ends when it would have.
  void recover(std::uint32_t endpoint) {
    if (servers_[endpoint].engine) end_quiet_early(endpoint);
    servers_[endpoint].slowdown = 1;
  }

  // Reports -----------------------------------------------------------------------------------------------------------------------------

  [[nodiscard]] route::LoadReport report_of(Server& server) {
    route::LoadReport report{.at = now_};
    if (server.engine) {
      catch_up(server);
      const EngineGauges gauges = server.engine->gauges();
      const EngineConfig& config = server.engine->config();
      const EngineTotals& totals = server.engine->totals();
      report.running = gauges.running;
      report.waiting = gauges.waiting;
      report.kv_used = gauges.kv_used;
      report.kv_capacity_tokens = static_cast<double>(std::uint64_t{config.kv_blocks} * config.kv_block_tokens);
      report.requests_max = config.batch_sequences_max;
      if (totals.prefix_query_tokens > 0) {
        report.prefix_hit_share = static_cast<double>(totals.prefix_hit_tokens) / static_cast<double>(totals.prefix_query_tokens);
      }
    } else {
      report.running = server.service->running();
      report.waiting = static_cast<double>(server.service->waiting());
      report.requests_max = server.service->config().workers;
    }
    return report;
  }

  void read(std::uint32_t endpoint) {
    Server& server = servers_[endpoint];
    server.on_the_way.push_back(report_of(server));
    if (scenario_.reports->delay > Duration::zero()) {
      events_.push(now_ + scenario_.reports->delay, {.kind = Kind::Report, .subject = endpoint});
    } else {
      report(endpoint);
    }
    events_.push(now_ + scenario_.reports->period, {.kind = Kind::Read, .subject = endpoint});
  }

  void report(std::uint32_t endpoint) {
    Server& server = servers_[endpoint];
    tell(endpoint, server.on_the_way.front());
    server.on_the_way.pop_front();
  }

  void tell(std::uint32_t endpoint, const route::LoadReport& report) {
    for (route::Scheduler& scheduler : schedulers_) scheduler.load_reported(id_of(endpoint), report, now_);
  }

  [[nodiscard]] std::uint32_t expected_output() const {
    return output_count_ == 0 ? scenario_.output_tokens_prior
                              : static_cast<std::uint32_t>((output_sum_ + output_count_ / 2) / output_count_);
  }

  static constexpr std::uint32_t NoRequest = WorkloadRequest::NoTurn;
  static constexpr double BytesPerToken = 4;

  const Scenario& scenario_;
  const Workload& workload_;
  Rng rng_;
  std::deque<route::Scheduler> schedulers_;  // one per gateway
  std::vector<Server> servers_;
  std::vector<Flight> flights_;             // by request
  std::vector<std::uint32_t> first_turns_;  // in order of arrival
  std::vector<std::uint32_t> next_turn_;    // by request; empty when there are no sessions
  EventHeap<What> events_;
  Instant now_{}, last_arrival_{}, stage_begin_{};
  std::size_t next_arrival_ = 0;
  std::uint32_t stage_ = 0;
  std::uint64_t open_ = 0;  // requests that arrived or are sure to, and have not ended
  bool ticking_ = false;
  std::uint64_t output_sum_ = 0, output_count_ = 0;
  std::vector<std::unique_ptr<std::vector<std::uint64_t>>> buffers_;  // their addresses stay, because the scheduler borrows them
  std::vector<std::uint32_t> unused_buffers_;
  std::vector<Emission> noted_;
  std::vector<route::Released> released_;
  SimulationResult result_;
};

}  // namespace

SimulationResult simulate(const Scenario& scenario, const Workload& workload) { return Simulation(scenario, workload).run(); }

}  // namespace evener::lab
