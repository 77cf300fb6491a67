#include "evener/lab/simulation.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "evener/core/rng.h"
#include "evener/lab/request_views.h"
#include "evener/lab/simulated_gateways.h"
#include "evener/lab/simulated_servers.h"
#include "evener/lab/simulation_parts.h"

namespace evener::lab {
namespace {

using Kind = SimulationEvent::Kind;

constexpr Instant Start{};
constexpr std::uint32_t NoRequest = WorkloadRequest::NoTurn;

enum class Way : std::uint8_t { There, Back };

/// The way of each request, from its arrival through a gateway to a server and back, and the loop in which all that happens.
class Simulation {
 public:
  Simulation(const Scenario& scenario, const Workload& workload)
      : scenario_(scenario),
        workload_(workload),
        rng_(scenario.seed),
        gateways_(scenario, rng_, time_),
        servers_(scenario, rng_, time_, result_.endpoints),
        views_(scenario, workload, rng_) {
    result_.requests.resize(workload.requests.size());
    result_.endpoints.resize(scenario.endpoints.size());
    flights_.resize(workload.requests.size());
    for (std::uint32_t index = 0; index < scenario.endpoints.size(); ++index) {
      const Duration joins_at = scenario.endpoints[index].joins_at;
      if (joins_at > Duration::zero()) {
        time_.after(joins_at, {.kind = Kind::Join, .subject = index});
      } else {
        gateways_.join(index);
      }
      servers_.add();
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
      for (std::uint32_t index = 0; index < servers_.count(); ++index) time_.after({}, {.kind = Kind::Read, .subject = index});
    }
    while (step()) ++result_.events;
    for (const Flight& flight : flights_) {
      if (flight.phase == Phase::NotYet || flight.phase == Phase::Over) continue;
      result_.requests[static_cast<std::size_t>(&flight - flights_.data())].fate = Fate::Unfinished;
    }
    for (std::uint32_t index = 0; index < servers_.count(); ++index) servers_.note_work(index);
    return std::move(result_);
  }

 private:
  enum class Phase : std::uint8_t { NotYet, Waiting, InFlight, Over };
  struct Flight {
    route::Share share;
    Instant dispatched{};
    Duration retry_after{};     // that the endpoint asked for when it refused
    std::uint32_t attempt = 0;  // events of earlier ones are void
    Phase phase = Phase::NotYet;
    route::Scheduler::Attempt kind = route::Scheduler::Attempt::First;
    route::Ending ending = route::Ending::Ok;  // of an attempt that is lost
    bool answered = false;
  };

  // The loop ----------------------------------------------------------------------------------------------------------------------------

  /// One event; false when nothing is left to happen.
  bool step() {
    const std::uint32_t next = next_arrival_ < first_turns_.size() ? first_turns_[next_arrival_] : NoRequest;
    const WorkloadRequest* arrival = next == NoRequest ? nullptr : &workload_.requests[next];
    if (arrival != nullptr && arrival->stage != stage_) {
      if (open_ > 0) {
        arrival = nullptr;  // its stage begins when all earlier requests are done
      } else {
        stage_ = arrival->stage;
        stage_begin_ = time_.now;
      }
    }
    if (arrival == nullptr && open_ == 0 && next == NoRequest) return false;
    if (arrival != nullptr && (time_.events.empty() || stage_begin_ + arrival->at < time_.events.top().at)) {
      ++next_arrival_;
      time_.now = std::max(time_.now, stage_begin_ + arrival->at);
      last_arrival_ = time_.now;
      arrive(next);
      return true;
    }
    if (time_.events.empty()) return false;
    const auto event = time_.events.pop();
    time_.now = event.at;
    if (arrival == nullptr && time_.now > last_arrival_ + scenario_.drain_max) return false;
    happen(event.what);
    return true;
  }

  void happen(const SimulationEvent& event) {
    switch (event.kind) {
      case Kind::Turn:
        last_arrival_ = time_.now;
        --open_;
        arrive(event.subject);
        break;
      case Kind::Reach:
        if (current(event)) reach_engine(event.subject);
        break;
      case Kind::FirstToken:
        if (current(event)) first_token(event.subject);
        break;
      case Kind::Finish:
        if (current(event)) finish(event.subject);
        break;
      case Kind::Lose:
        if (current(event)) lose(event.subject);
        break;
      case Kind::Due: end_due(event.subject, event.number); break;
      case Kind::Slow: servers_.set_slowdown(event.subject, scenario_.endpoints[event.subject].slowdown); break;
      case Kind::Recover: servers_.set_slowdown(event.subject, 1); break;
      case Kind::Fail: fail_endpoint(event.subject); break;
      case Kind::Repair: servers_.repair(event.subject); break;
      case Kind::Read:
        if (const auto report = servers_.read(event.subject)) gateways_.tell(event.subject, *report);
        break;
      case Kind::Report: gateways_.tell(event.subject, servers_.arrived(event.subject)); break;
      case Kind::Tick: tick(); break;
      case Kind::Join: gateways_.join(event.subject); break;
      case Kind::Check: check(event.subject); break;
    }
  }

  [[nodiscard]] bool current(const SimulationEvent& of_request) const { return flights_[of_request.subject].attempt == of_request.number; }
  [[nodiscard]] SimulationEvent event_of(Kind kind, std::uint32_t request) const {
    return {.kind = kind, .subject = request, .number = flights_[request].attempt};
  }
  [[nodiscard]] static std::uint64_t cookie_of(std::uint32_t request) { return std::uint64_t{request} + 1; }  // 0 would mean none
  /// What an engine knows the present attempt of a request by.
  [[nodiscard]] SequenceId sequence_of(std::uint32_t request) const { return SequenceId{flights_[request].attempt} << 32 | request; }

  // Towards the engine ------------------------------------------------------------------------------------------------------------------

  void arrive(std::uint32_t index) {
    result_.requests[index].arrival = time_.now - Start;
    ++open_;
    offer(index);
  }

  void offer(std::uint32_t index) {
    if (scenario_.reports && scenario_.reports->period <= Duration::zero()) {
      for (std::uint32_t i = 0; i < servers_.count(); ++i) {
        if (!servers_.is_down(i)) gateways_.tell(i, servers_.report(i));
      }
    }
    flights_[index].kind = route::Scheduler::Attempt::First;
    take(index, gateways_.of(index).arrived({.request = views_.open(index), .cookie = cookie_of(index)}, time_.now));
    release();  // the scheduler may have passed over those who wait
    if (scenario_.pool.admission.preempt) preempt(gateways_.of(index));
  }

  void take(std::uint32_t index, const route::Decision& decision) {
    flights_[index].phase = Phase::Waiting;
    if (const auto* dispatch = std::get_if<route::Dispatch>(&decision)) {
      send(index, *dispatch);
    } else if (const auto* refusal = std::get_if<route::Refusal>(&decision)) {
      refuse(index, *refusal);
    } else {
      gateways_.begin_ticking();
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
      servers_.cancel(result.endpoint, sequence_of(index));
      ++flight.attempt;
      ++result.preemptions;
      scheduler.finished(id_of(result.endpoint),
                         {.ending = route::Ending::Cancelled, .total = time_.now - flight.dispatched, .share = flight.share}, flight.kind,
                         time_.now);
      release();
      offer(index);
    }
  }

  void send(std::uint32_t index, const route::Dispatch& dispatch) {
    ++result_.decisions;
    views_.close(index);
    Flight& flight = flights_[index];
    RequestResult& result = result_.requests[index];
    result.endpoint = index_of(dispatch.endpoint);
    result.dispatched = time_.now - Start;
    flight.phase = Phase::InFlight;
    flight.share = dispatch.share;
    flight.dispatched = time_.now;
    ++result.attempts;
    ++result_.endpoints[result.endpoint].requests;
    const Duration delay = servers_.way_there(result.endpoint) + jitter(index, Way::There);
    if (delay > Duration::zero()) {
      time_.after(delay, event_of(Kind::Reach, index));
    } else {
      reach_engine(index);
    }
  }

  void refuse(std::uint32_t index, const route::Refusal& refusal) {
    const Flight& flight = flights_[index];
    views_.close(index);
    result_.requests[index].refusal = refusal.reason;
    over(index, flight.kind == route::Scheduler::Attempt::First      ? Fate::Refused
                : flight.kind == route::Scheduler::Attempt::Failover ? Fate::Failed
                                                                     : Fate::Rejected);
  }

  void reach_engine(std::uint32_t index) {
    const WorkloadRequest& request = workload_.requests[index];
    const std::uint32_t endpoint = result_.requests[index].endpoint;
    Flight& flight = flights_[index];
    if (servers_.is_down(endpoint)) {
      flight.ending = route::Ending::ConnectFailed;
      notify(endpoint, event_of(Kind::Lose, index));
      return;
    }
    Job job{.id = sequence_of(index), .input_tokens = request.input_tokens, .output_tokens = request.output_tokens};
    const std::uint32_t block_tokens = servers_.block_tokens(endpoint);
    if (block_tokens > 0) append_blocks(job.block_hashes, workload_, request, block_tokens);
    const auto refused = servers_.submit(endpoint, std::move(job));
    if (!refused) return;
    flight.ending = route::Ending::Refused;
    flight.retry_after = refused->retry_after;
    notify(endpoint, event_of(Kind::Lose, index));
  }

  void end_due(std::uint32_t endpoint, std::uint32_t number) {
    // What follows may ask the model again and again, so its news are taken away first.
    std::vector<JobNews> news = std::exchange(news_, {});
    news.clear();
    const bool due = servers_.advance(endpoint, number, news);
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
    if (due) servers_.resume(endpoint);
  }

  // Back again --------------------------------------------------------------------------------------------------------------------------

  /// The same for all that an attempt sends, so that its tokens stay in order.
  [[nodiscard]] Duration jitter(std::uint32_t request, Way way) const {
    const Duration mean = scenario_.endpoints[result_.requests[request].endpoint].jitter;
    if (mean <= Duration::zero()) return {};
    Rng draw = rng_.fork(JitterStream).fork(sequence_of(request)).fork(static_cast<std::uint64_t>(way));
    return from_seconds(draw.exponential(seconds(mean)));
  }

  void notify(std::uint32_t endpoint, SimulationEvent event) {
    const Duration delay = servers_.way_back(endpoint) + jitter(event.subject, Way::Back);
    if (delay > Duration::zero()) {
      time_.after(delay, event);
    } else {
      happen(event);
    }
  }

  void first_token(std::uint32_t index) {
    Flight& flight = flights_[index];
    RequestResult& result = result_.requests[index];
    result.first_token = time_.now - Start;
    flight.answered = true;
    gateways_.of(index).first_token(id_of(result.endpoint), flight.share, time_.now - flight.dispatched, time_.now);
  }

  void finish(std::uint32_t index) {
    const Flight& flight = flights_[index];
    const RequestResult& result = result_.requests[index];
    const WorkloadRequest& request = workload_.requests[index];
    route::Outcome outcome{.ending = route::Ending::Ok, .total = time_.now - flight.dispatched, .share = flight.share};
    outcome.first_token = Start + result.first_token - flight.dispatched;
    outcome.usage = route::TokenUsage{.prompt_tokens = request.input_tokens, .output_tokens = request.output_tokens};
    if (servers_.block_tokens(result.endpoint) > 0) outcome.usage->cached_tokens = result.cached_tokens;
    views_.note_answer(request.output_tokens);
    tell_allowance(index);
    gateways_.of(index).finished(id_of(result.endpoint), outcome, flight.kind, time_.now);
    over(index, Fate::Done);
    release();
  }

  void tell_allowance(std::uint32_t index) {
    const std::uint32_t endpoint = result_.requests[index].endpoint;
    const auto allowance = servers_.allowance(endpoint);
    if (allowance) gateways_.of(index).allowance_told(id_of(endpoint), flights_[index].share, *allowance, time_.now);
  }

  /// The attempt has come to nothing. As long as the client has seen nothing of an answer, another endpoint may take the request: at once when
  /// this one is lost, within the retry budget when it refused.
  void lose(std::uint32_t index) {
    Flight& flight = flights_[index];
    RequestResult& result = result_.requests[index];
    const bool refused = flight.ending == route::Ending::Refused;
    route::Scheduler& scheduler = gateways_.of(index);
    if (refused) tell_allowance(index);
    scheduler.finished(
        id_of(result.endpoint),
        {.ending = flight.ending, .total = time_.now - flight.dispatched, .retry_after = flight.retry_after, .share = flight.share},
        flight.kind, time_.now);
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
      take(index, scheduler.retry(views_.open(index), tried, time_.now, flight.kind, cookie_of(index)));
    }
    release();
  }

  void over(std::uint32_t index, Fate fate) {
    if (!tried_.empty()) tried_.erase(index);
    flights_[index].phase = Phase::Over;
    RequestResult& result = result_.requests[index];
    result.fate = fate;
    result.finished = time_.now - Start;
    result_.end = std::max(result_.end, result.finished);
    --open_;
    // A session breaks off when one of its turns fails; the turns behind it stay NotSent.
    const std::uint32_t next = next_turn_.empty() || fate != Fate::Done ? NoRequest : next_turn_[index];
    if (next == NoRequest) return;
    ++open_;
    time_.after(workload_.requests[next].at, {.kind = Kind::Turn, .subject = next});
  }

  // Those who wait ----------------------------------------------------------------------------------------------------------------------

  void release() {
    for (route::Scheduler& scheduler : gateways_.schedulers()) {
      if (scheduler.queued() > 0) release(scheduler);
    }
  }

  void release(route::Scheduler& scheduler) {
    std::vector<route::Released> released = std::exchange(released_, {});
    released.clear();
    scheduler.release(released, time_.now);
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
    gateways_.tick();
    release();
    gateways_.plan_tick();
  }

  // Trouble -----------------------------------------------------------------------------------------------------------------------------

  /// What was in flight there is lost.
  void fail_endpoint(std::uint32_t endpoint) {
    servers_.fail(endpoint);
    for (std::uint32_t index = 0; index < flights_.size(); ++index) {
      Flight& flight = flights_[index];
      if (flight.phase != Phase::InFlight || result_.requests[index].endpoint != endpoint) continue;
      ++flight.attempt;  // what was on its way in either direction is lost, too
      flight.ending = route::Ending::Reset;
      time_.after(servers_.way_back(endpoint), event_of(Kind::Lose, index));
    }
    look_after(endpoint);
  }

  void look_after(std::uint32_t endpoint) {
    if (gateways_.look_after(endpoint)) check(endpoint);
  }

  void check(std::uint32_t endpoint) {
    const auto found = servers_.is_down(endpoint) ? route::Scheduler::Check::Failed : route::Scheduler::Check::Passed;
    gateways_.check(endpoint, found);
    release();
    gateways_.plan_check(endpoint, found);
  }

  const Scenario& scenario_;
  const Workload& workload_;
  Rng rng_;
  SimulationTime time_;
  SimulationResult result_;
  SimulatedGateways gateways_;
  SimulatedServers servers_;
  RequestViews views_;
  std::vector<Flight> flights_;             // by request
  std::vector<std::uint32_t> first_turns_;  // in order of arrival
  std::vector<std::uint32_t> next_turn_;    // by request; empty when there are no sessions
  Instant last_arrival_{}, stage_begin_{};
  std::size_t next_arrival_ = 0;
  std::uint32_t stage_ = 0;
  std::uint64_t open_ = 0;  // requests that arrived or are sure to, and have not ended
  std::vector<JobNews> news_;
  std::unordered_map<std::uint32_t, std::vector<EndpointId>> tried_;  // by request that lost an attempt; looked up, never iterated
  std::vector<route::Released> released_;
};

}  // namespace

SimulationResult simulate(const Scenario& scenario, const Workload& workload) { return Simulation(scenario, workload).run(); }

}  // namespace evener::lab
