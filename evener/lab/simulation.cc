#include "evener/lab/simulation.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <unordered_map>
#include <utility>

#include "evener/core/portable_math.h"
#include "evener/core/rng.h"
#include "evener/lab/engine_server.h"
#include "evener/lab/event_heap.h"

namespace evener::lab {
namespace {

constexpr Duration TickPeriod = std::chrono::milliseconds(100);  // what the gateway does, too
constexpr Instant Start{};

// Streams of chance. Each draw is keyed by what it is for, never by how many came before, so that two policies meet the same luck.
enum Stream : std::uint64_t { SchedulerStream = 1, ServiceStream, PromptErrorStream, GatewayStream, FailureStream, JitterStream };

enum class Way : std::uint8_t { There, Back };

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
      servers_.push_back(
          {.model = make_model(index), .there = endpoint.network / 2 + endpoint.request_overhead, .back = endpoint.network / 2});
      if (endpoint.joins_at > Duration::zero()) {
        events_.push(Start + endpoint.joins_at, {.kind = Kind::Join, .subject = index});
      } else {
        join(index);
      }
      if (endpoint.slows_at > Duration::zero()) {
        events_.push(Start + endpoint.slows_at, {.kind = Kind::Slow, .subject = index});
      } else {
        servers_.back().slowdown = endpoint.slowdown;
        servers_.back().model->set_slowdown(endpoint.slowdown, Start);
      }
      if (endpoint.recovers_at < Duration::max()) events_.push(Start + endpoint.recovers_at, {.kind = Kind::Recover, .subject = index});
      if (endpoint.failures.mean_between > Duration::zero()) push_failure(index);
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
    for (std::uint32_t index = 0; index < servers_.size(); ++index) note_work(index);
    return std::move(result_);
  }

 private:
  enum class Kind : std::uint8_t {
    Turn,
    Reach,
    Due,
    FirstToken,
    Finish,
    Lose,
    Read,
    Report,
    Tick,
    Join,
    Slow,
    Recover,
    Fail,
    Repair,
    Check
  };
  struct What {
    Kind kind{};
    std::uint32_t subject = 0;  // a request; an endpoint for Due, Read, Report, Join and all that follow
    std::uint32_t number = 0;   // of Due: which of them; of a request's events: the attempt that they belong to
  };
  enum class Phase : std::uint8_t { NotYet, Waiting, InFlight, Over };
  struct Flight {
    route::Share share;
    Instant dispatched{};
    Duration retry_after{};     // that the endpoint asked for when it refused
    std::uint32_t blocks = 0;   // buffer of its prompt's hashes while it waits
    std::uint32_t attempt = 0;  // events of earlier ones are void
    Phase phase = Phase::NotYet;
    route::Scheduler::Attempt kind = route::Scheduler::Attempt::First;
    route::Ending ending = route::Ending::Ok;  // of an attempt that is lost
    bool answered = false;
  };
  struct Server {
    std::unique_ptr<RequestServer> model;
    double slowdown = 1;
    Duration there{}, back{};
    Instant due = Instant::max();  // the next of its events, as it stands in the heap
    std::uint32_t number = 0;      // of it; earlier ones are void
    bool down = false;
    std::uint32_t checks_left = 0;  // good ones that the scheduler has yet to hear of
    bool checking = false;
    std::deque<route::LoadReport> on_the_way;
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
      case Kind::Due: end_due(what.subject, what.number); break;
      case Kind::FirstToken:
        if (current(what)) first_token(what.subject);
        break;
      case Kind::Finish:
        if (current(what)) finish(what.subject);
        break;
      case Kind::Lose:
        if (current(what)) lose(what.subject);
        break;
      case Kind::Read: read(what.subject); break;
      case Kind::Report: report(what.subject); break;
      case Kind::Tick: tick(); break;
      case Kind::Join: join(what.subject); break;
      case Kind::Slow: set_slowdown(what.subject, scenario_.endpoints[what.subject].slowdown); break;
      case Kind::Recover: set_slowdown(what.subject, 1); break;
      case Kind::Fail: fail_endpoint(what.subject); break;
      case Kind::Repair: repair(what.subject); break;
      case Kind::Check: check(what.subject); break;
    }
  }

  [[nodiscard]] bool current(const What& of_request) const { return flights_[of_request.subject].attempt == of_request.number; }
  [[nodiscard]] What event_of(Kind kind, std::uint32_t request) const {
    return {.kind = kind, .subject = request, .number = flights_[request].attempt};
  }
  [[nodiscard]] static std::uint64_t cookie_of(std::uint32_t request) { return std::uint64_t{request} + 1; }  // 0 would mean none
  /// What an engine knows the present attempt of a request by.
  [[nodiscard]] SequenceId sequence_of(std::uint32_t request) const { return SequenceId{flights_[request].attempt} << 32 | request; }

  // Towards the engine ------------------------------------------------------------------------------------------------------------------

  void arrive(std::uint32_t index) {
    result_.requests[index].arrival = now_ - Start;
    ++open_;
    offer(index);
  }

  void offer(std::uint32_t index) {
    Flight& flight = flights_[index];
    if (scenario_.reports && scenario_.reports->period <= Duration::zero()) {
      for (std::uint32_t i = 0; i < servers_.size(); ++i) {
        if (!servers_[i].down) tell(i, report_of(i));
      }
    }
    flight.kind = route::Scheduler::Attempt::First;
    take(index, scheduler_of(index).arrived({.request = view_of(index), .cookie = cookie_of(index)}, now_));
    release();  // the scheduler may have passed over those who wait
    if (scenario_.pool.admission.preempt) preempt(scheduler_of(index));
  }

  /// What the gateway knows of the request. Its prompt's hashes lie in a buffer until send() or refuse().
  route::RequestView view_of(std::uint32_t index) {
    const WorkloadRequest& request = workload_.requests[index];
    std::uint32_t buffer = 0;
    if (unused_buffers_.empty()) {
      buffer = static_cast<std::uint32_t>(buffers_.size());
      buffers_.push_back(std::make_unique<std::vector<std::uint64_t>>());
    } else {
      buffer = unused_buffers_.back();
      unused_buffers_.pop_back();
    }
    flights_[index].blocks = buffer;
    std::vector<std::uint64_t>& blocks = *buffers_[buffer];
    blocks.clear();
    append_blocks(blocks, workload_, request, scenario_.content_block_tokens);
    double prompt_tokens = request.input_tokens;
    if (scenario_.prompt_error > 0) {
      Rng draw = rng_.fork(PromptErrorStream).fork(index);
      prompt_tokens = std::max(1.0, std::round(prompt_tokens * portable::exp(scenario_.prompt_error * draw.normal())));
    }
    return {.affinity_key = request.session,
            .prompt_bytes = static_cast<std::uint32_t>(std::min(prompt_tokens * BytesPerToken, 4e9)),
            .stream = true,
            .priority = request.priority,
            .tenant = request.tenant,
            .prompt_tokens = static_cast<std::uint32_t>(prompt_tokens),
            .output_tokens = expected_output(),
            .first_token_objective = request.first_token_objective,
            .token_objective = request.token_objective,
            .blocks = blocks,
            .block_tokens = scenario_.content_block_tokens};
  }

  void take(std::uint32_t index, const route::Decision& decision) {
    flights_[index].phase = Phase::Waiting;
    if (const auto* dispatch = std::get_if<route::Dispatch>(&decision)) {
      send(index, *dispatch);
    } else if (const auto* refusal = std::get_if<route::Refusal>(&decision)) {
      refuse(index, *refusal);
    } else if (!ticking_) {
      ticking_ = true;
      events_.push(now_ + TickPeriod, {.kind = Kind::Tick});
    }
  }

  void preempt(route::Scheduler& scheduler) {
    std::vector<route::Preempt> victims;
    scheduler.preempt(victims);
    for (const route::Preempt& victim : victims) {
      const auto index = static_cast<std::uint32_t>(victim.cookie - 1);
      Flight& flight = flights_[index];
      RequestResult& result = result_.requests[index];
      if (flight.phase != Phase::InFlight || flight.answered) continue;
      servers_[result.endpoint].model->cancel(sequence_of(index), now_);
      follow(result.endpoint);
      ++flight.attempt;
      ++result.preemptions;
      scheduler.finished(id_of(result.endpoint),
                         {.ending = route::Ending::Cancelled, .total = now_ - flight.dispatched, .share = flight.share}, flight.kind, now_);
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
    ++result.attempts;
    ++result_.endpoints[result.endpoint].requests;
    const Duration delay = servers_[result.endpoint].there + jitter(index, Way::There);
    if (delay > Duration::zero()) {
      events_.push(now_ + delay, event_of(Kind::Reach, index));
    } else {
      reach_engine(index);
    }
  }

  void refuse(std::uint32_t index, const route::Refusal& refusal) {
    const Flight& flight = flights_[index];
    unused_buffers_.push_back(flight.blocks);
    result_.requests[index].refusal = refusal.reason;
    over(index, flight.kind == route::Scheduler::Attempt::First      ? Fate::Refused
                : flight.kind == route::Scheduler::Attempt::Failover ? Fate::Failed
                                                                     : Fate::Rejected);
  }

  void reach_engine(std::uint32_t index) {
    const WorkloadRequest& request = workload_.requests[index];
    const std::uint32_t endpoint = result_.requests[index].endpoint;
    Server& server = servers_[endpoint];
    Flight& flight = flights_[index];
    if (server.down) {
      flight.ending = route::Ending::ConnectFailed;
      notify(endpoint, event_of(Kind::Lose, index));
      return;
    }
    Job job{.id = sequence_of(index), .input_tokens = request.input_tokens, .output_tokens = request.output_tokens};
    if (server.model->block_tokens() > 0) append_blocks(job.block_hashes, workload_, request, server.model->block_tokens());
    const auto refused = server.model->submit(std::move(job), now_);
    follow(endpoint);
    if (!refused) return;
    flight.ending = route::Ending::Refused;
    flight.retry_after = refused->retry_after;
    notify(endpoint, event_of(Kind::Lose, index));
  }

  // In the engine -----------------------------------------------------------------------------------------------------------------------

  std::unique_ptr<RequestServer> make_model(std::uint32_t index) {
    const Rng rng = rng_.fork(ServiceStream);
    struct Make {
      const Scenario& scenario;
      const Rng& rng;
      std::unique_ptr<RequestServer> operator()(const EngineConfig& config) {
        return std::make_unique<EngineServer>(config, scenario.steps_at_once);
      }
      std::unique_ptr<RequestServer> operator()(const ServiceConfig& config) { return std::make_unique<ServiceModel>(config, rng); }
      std::unique_ptr<RequestServer> operator()(const SharingConfig& config) { return std::make_unique<SharingModel>(config); }
      std::unique_ptr<RequestServer> operator()(const ExternalConfig& config) { return std::make_unique<ExternalModel>(config, rng); }
    };
    return std::visit(Make{scenario_, rng}, scenario_.endpoints[index].engine);
  }

  /// Puts the next event of the endpoint's model into the heap, if it is another than before.
  void follow(std::uint32_t endpoint) {
    Server& server = servers_[endpoint];
    const Instant due = server.model->due();
    if (due == server.due) return;
    server.due = due;
    ++server.number;
    if (due < Instant::max()) events_.push(due, {.kind = Kind::Due, .subject = endpoint, .number = server.number});
  }

  void end_due(std::uint32_t endpoint, std::uint32_t number) {
    Server& server = servers_[endpoint];
    if (number != server.number) return;
    server.due = Instant::max();
    // What follows may ask the model again and again, so its news are taken away first.
    std::vector<JobNews> news = std::exchange(news_, {});
    news.clear();
    server.model->advance(now_, news);
    for (const JobNews& one : news) {
      const auto index = static_cast<std::uint32_t>(one.id);
      if (one.id != sequence_of(index)) continue;  // pre-empted meanwhile
      if (one.first) {
        result_.requests[index].cached_tokens = one.cached_tokens;
        notify(endpoint, event_of(Kind::FirstToken, index));
      }
      if (one.finished) notify(endpoint, event_of(Kind::Finish, index));
    }
    news_ = std::move(news);
    server.model->resume(now_);
    follow(endpoint);
  }

  // Back again --------------------------------------------------------------------------------------------------------------------------

  /// The same for all that an attempt sends, so that its tokens stay in order.
  [[nodiscard]] Duration jitter(std::uint32_t request, Way way) const {
    const Duration mean = scenario_.endpoints[result_.requests[request].endpoint].jitter;
    if (mean <= Duration::zero()) return {};
    Rng draw = rng_.fork(JitterStream).fork(sequence_of(request)).fork(static_cast<std::uint64_t>(way));
    return from_seconds(draw.exponential(seconds(mean)));
  }

  void notify(std::uint32_t endpoint, What what) {
    const Duration delay = servers_[endpoint].back + jitter(what.subject, Way::Back);
    if (delay > Duration::zero()) {
      events_.push(now_ + delay, what);
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

  void finish(std::uint32_t index) {
    const Flight& flight = flights_[index];
    const RequestResult& result = result_.requests[index];
    const WorkloadRequest& request = workload_.requests[index];
    route::Outcome outcome{.ending = route::Ending::Ok, .total = now_ - flight.dispatched, .share = flight.share};
    outcome.first_token = Start + result.first_token - flight.dispatched;
    outcome.usage = route::TokenUsage{.prompt_tokens = request.input_tokens, .output_tokens = request.output_tokens};
    if (servers_[result.endpoint].model->block_tokens() > 0) outcome.usage->cached_tokens = result.cached_tokens;
    output_sum_ += request.output_tokens;
    ++output_count_;
    tell_allowance(index);
    scheduler_of(index).finished(id_of(result.endpoint), outcome, flight.kind, now_);
    over(index, Fate::Done);
    release();
  }

  void tell_allowance(std::uint32_t index) {
    const std::uint32_t endpoint = result_.requests[index].endpoint;
    const auto allowance = servers_[endpoint].model->allowance(now_);
    if (allowance) scheduler_of(index).allowance_told(id_of(endpoint), flights_[index].share, *allowance, now_);
  }

  /// The attempt has come to nothing. As long as the client has seen nothing of an answer, another endpoint may take the request: at once when
  /// this one is lost, within the retry budget when it refused.
  void lose(std::uint32_t index) {
    Flight& flight = flights_[index];
    RequestResult& result = result_.requests[index];
    const bool refused = flight.ending == route::Ending::Refused;
    route::Scheduler& scheduler = scheduler_of(index);
    if (refused) tell_allowance(index);
    scheduler.finished(
        id_of(result.endpoint),
        {.ending = flight.ending, .total = now_ - flight.dispatched, .retry_after = flight.retry_after, .share = flight.share}, flight.kind,
        now_);
    if (!refused) look_after(result.endpoint);
    ++flight.attempt;
    std::vector<EndpointId>& tried = tried_[index];
    tried.push_back(id_of(result.endpoint));
    // An engine that refuses without a time to come again will not take it later either: the request is too long for it.
    const bool hopeless = refused && flight.retry_after <= Duration::zero();
    if (flight.answered || hopeless) {
      over(index, flight.answered ? Fate::Failed : Fate::Rejected);
    } else {
      flight.kind = refused ? route::Scheduler::Attempt::Retry : route::Scheduler::Attempt::Failover;
      take(index, scheduler.retry(view_of(index), tried, now_, flight.kind, cookie_of(index)));
    }
    release();
  }

  void over(std::uint32_t index, Fate fate) {
    if (!tried_.empty()) tried_.erase(index);
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

  void set_slowdown(std::uint32_t endpoint, double factor) {
    servers_[endpoint].slowdown = factor;
    servers_[endpoint].model->set_slowdown(factor, now_);
    follow(endpoint);
  }

  void push_failure(std::uint32_t endpoint) {
    const double mean_s = seconds(scenario_.endpoints[endpoint].failures.mean_between);
    Rng draw = rng_.fork(FailureStream).fork(endpoint).fork(2 * result_.endpoints[endpoint].failures);
    events_.push(now_ + from_seconds(draw.exponential(mean_s)), {.kind = Kind::Fail, .subject = endpoint});
  }

  /// What was in flight there is lost, and so is what the engine held.
  void fail_endpoint(std::uint32_t endpoint) {
    Server& server = servers_[endpoint];
    const double mean_s = seconds(scenario_.endpoints[endpoint].failures.mean_repair);
    Rng draw = rng_.fork(FailureStream).fork(endpoint).fork(2 * result_.endpoints[endpoint].failures + 1);
    ++result_.endpoints[endpoint].failures;
    events_.push(now_ + from_seconds(draw.exponential(mean_s)), {.kind = Kind::Repair, .subject = endpoint});
    server.down = true;
    note_work(endpoint);
    server.model = make_model(endpoint);
    server.model->set_slowdown(server.slowdown, now_);
    follow(endpoint);
    for (std::uint32_t index = 0; index < flights_.size(); ++index) {
      Flight& flight = flights_[index];
      if (flight.phase != Phase::InFlight || result_.requests[index].endpoint != endpoint) continue;
      ++flight.attempt;  // what was on its way in either direction is lost, too
      flight.ending = route::Ending::Reset;
      events_.push(now_ + server.back, event_of(Kind::Lose, index));
    }
    look_after(endpoint);
  }

  void repair(std::uint32_t endpoint) {
    servers_[endpoint].down = false;
    push_failure(endpoint);
  }

  /// As the gateway does: trouble brings on a check at once, and checks go on until the endpoint has been found well often enough.
  void look_after(std::uint32_t endpoint) {
    Server& server = servers_[endpoint];
    if (!scenario_.pool.check.enabled) return;
    server.checks_left = scenario_.pool.check.rise;
    if (!server.checking) check(endpoint);
  }

  void check(std::uint32_t endpoint) {
    Server& server = servers_[endpoint];
    server.checking = false;
    const auto found = server.down ? route::Scheduler::Check::Failed : route::Scheduler::Check::Passed;
    for (route::Scheduler& scheduler : schedulers_) scheduler.checked(id_of(endpoint), found, now_);
    release();
    server.checks_left = server.down ? scenario_.pool.check.rise : server.checks_left - 1;
    if (server.checks_left == 0) return;
    server.checking = true;
    events_.push(now_ + scenario_.check_period, {.kind = Kind::Check, .subject = endpoint});
  }

  /// Adds what the endpoint's model has done, before it goes.
  void note_work(std::uint32_t endpoint) {
    result_.endpoints[endpoint].busy += servers_[endpoint].model->busy();
    result_.endpoints[endpoint].totals += servers_[endpoint].model->totals();
  }

  // Reports -----------------------------------------------------------------------------------------------------------------------------

  [[nodiscard]] route::LoadReport report_of(std::uint32_t endpoint) {
    route::LoadReport report = servers_[endpoint].model->report(now_);
    report.at = now_;
    return report;
  }

  void read(std::uint32_t endpoint) {
    Server& server = servers_[endpoint];
    if (!server.down) {
      server.on_the_way.push_back(report_of(endpoint));
      if (scenario_.reports->delay > Duration::zero()) {
        events_.push(now_ + scenario_.reports->delay, {.kind = Kind::Report, .subject = endpoint});
      } else {
        report(endpoint);
      }
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
  std::vector<JobNews> news_;
  std::unordered_map<std::uint32_t, std::vector<EndpointId>> tried_;  // by request that lost an attempt; looked up, never iterated
  std::vector<route::Released> released_;
  SimulationResult result_;
};

}  // namespace

SimulationResult simulate(const Scenario& scenario, const Workload& workload) { return Simulation(scenario, workload).run(); }

}  // namespace evener::lab
