// Deciding where a request goes, and trying it there until somebody answers: queue, attempts, retries.

#include <algorithm>
#include <span>
#include <utility>

#include "evener/gateway/exchange.h"
#include "evener/gateway/paths.h"

namespace evener::gateway {

void Exchange::client_hung_up(void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  exchange.request_.client_gone = true;
  exchange.client_.cancel();
  if (exchange.attempt_) exchange.attempt_->cancel();
  if (exchange.hedge_) {
    exchange.hedge_->late.set();
    if (exchange.hedge_->attempt) exchange.hedge_->attempt->cancel();
  }
  if (exchange.waiting_) exchange.waiter_.told.cancel();
}

void Exchange::give_way(void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  if (!exchange.awaits_answer_) return;  // it has begun to answer, or failed by itself
  exchange.preempted_ = true;
  exchange.attempt_->cancel();
}

net::Task<bool> Exchange::arrive_again(Pool& pool, Pool::Decided& decided) {
  pool.metrics().preemptions.add();
  preempted_ = false;
  --attempts_;                 // nobody failed
  waiter_.give_way = nullptr;  // once is enough
  waiter_.came = request_.began;
  waiter_.waited_before = queue_;
  co_await stop_attempt();
  co_return co_await decide_again(pool, decided, {}, route::Scheduler::Attempt::First);
}

net::Task<std::optional<route::Ending>> Exchange::ask(Pool& pool) {
  // Also while a body is streamed: whoever reads it may be held up by an endpoint that takes nothing.
  client_.watch_hangup({.notify = &Exchange::client_hung_up, .context = this});
  if (request_.body_mode == BodyMode::Streamed) {
    if (request_.framing == net::http1::Framing::Length && request_.content_length > routing_->config().limits.body_bytes) {
      co_await refuse_large(routing_->config().limits.body_bytes);
      co_return std::nullopt;
    }
    if (request_.expects_continue) co_await continue_if_expected();
    if (!worker_.shared.memory.grow(memory_, request_.block.capacity())) {
      co_await refuse_for_memory();
      co_return std::nullopt;
    }
  }

  if (!bind_to_zones()) {
    co_await refuse({.status = 400,
                     .type = "invalid_request_error",
                     .code = "unknown_data_class",
                     .message = "Pool '" + route_->config.name + "' does not know this request's data class (header " +
                                std::string(DataClassHeader) + "), so nothing says where its data may go."},
                    EndedBy::BadRequest);
    co_return std::nullopt;
  }
  if (route_->config.classes.preempt && request_.body_mode == BodyMode::Whole) {  // what is not kept cannot be sent again
    waiter_.give_way = &Exchange::give_way;
    waiter_.context = this;
  }
  Pool::Decided decided;
  if (!decide(pool, decided, {}, route::Scheduler::Attempt::First) &&
      !co_await wait_in_queue(pool, decided, route::Scheduler::Attempt::First))
    co_return std::nullopt;
  auto kind = route::Scheduler::Attempt::First;
  for (;;) {
    if (const auto* refusal = std::get_if<route::Refusal>(&decided.decision)) {
      pool.metrics().refusals[static_cast<std::size_t>(refusal->reason)].add();
      co_await refuse(refusal_error(*refusal, route_->config.name, request_));
      co_return std::nullopt;
    }
    const auto& dispatch = std::get<route::Dispatch>(decided.decision);
    Lease lease(pool, dispatch, kind, decided.number, reactor_);
    tried_[attempts_++] = dispatch.endpoint;
    Attempt::Result result{.end = Attempt::End::Failed, .ending = route::Ending::Cancelled, .may_retry = true};
    if (const Endpoint* endpoint = find_endpoint(pool, dispatch.endpoint)) {
      attempt_.emplace(request_, *route_, routing_->config(), *endpoint, dispatch, std::move(lease));
      current_ = &*attempt_;
      awaits_answer_ = true;
      const bool hedge = dispatch.hedge_after > Duration::zero() && request_.body_mode == BodyMode::Whole;
      result = hedge ? co_await race(pool, dispatch.hedge_after) : co_await attempt_->run(answer_limit());
      awaits_answer_ = false;
      if (result.end == Attempt::End::Answered) co_return result.ending;
      end_unanswered(*attempt_, result);
    } else {
      attempt_.reset();
      current_ = nullptr;
      detail_ = "endpoint removed";
      lease.end({.ending = result.ending, .blocks = request_.view.blocks});
    }
    if (preempted_ && !request_.client_gone) {
      if (!co_await arrive_again(pool, decided)) co_return std::nullopt;
      kind = route::Scheduler::Attempt::First;
      continue;
    }
    if (request_.client_gone) {
      co_await stop_attempt();
      ended_ = EndedBy::ClientGone;
      co_return std::nullopt;
    }
    if (request_.body_fault != BodyFault::None) {
      co_await stop_attempt();
      co_await refuse_body(request_.body_fault);
      co_return std::nullopt;
    }
    if (result.may_retry && !request_.body_forwarded && attempts_ < AttemptsMax) {
      // Whether the attempt cost the endpoint anything that a further one adds to, see Scheduler::retry().
      const bool lost = result.ending == route::Ending::ConnectFailed || result.ending == route::Ending::Reset ||
                        result.ending == route::Ending::Cancelled;
      kind = lost ? route::Scheduler::Attempt::Failover : route::Scheduler::Attempt::Retry;
      if (lost) co_await stop_attempt();  // it may have to wait now, and nothing of the attempt is of use any more
      if (!co_await decide_again(pool, decided, std::span(tried_).first(attempts_), kind)) co_return std::nullopt;
      if (std::holds_alternative<route::Dispatch>(decided.decision)) {
        co_await stop_attempt();
        pool.metrics().retries.add();
        continue;
      }
      if (const auto* refusal = std::get_if<route::Refusal>(&decided.decision)) {
        pool.metrics().refusals[static_cast<std::size_t>(refusal->reason)].add();
      }
    }
    if (result.end == Attempt::End::NotTaken) {
      co_return result.ending;  // nobody else may be asked: the client learns what this one said
    }
    co_await stop_attempt();
    const std::string why = detail_;
    co_await refuse(failure_error(result.ending, attempts_, why),
                    result.ending == route::Ending::Timeout ? EndedBy::Timeout : EndedBy::EndpointFailed);
    detail_ = why;  // the log says what happened, not only what the client was told
    co_return std::nullopt;
  }
}

void Exchange::end_unanswered(Attempt& attempt, Attempt::Result& result) {
  detail_ = attempt.detail();
  if (request_.body_fault != BodyFault::None) {  // the client's doing, whatever the endpoint makes of it
    result.may_retry = false;
    if (result.end == Attempt::End::Failed) result.ending = route::Ending::Cancelled;
  }
  if (request_.client_gone) result.ending = route::Ending::Cancelled;
  if (!attempt.lease().held()) return;  // told already, while another one ran
  attempt.end({.ending = result.ending, .blocks = request_.view.blocks});
  const bool trouble = result.ending == route::Ending::ConnectFailed || result.ending == route::Ending::Reset;
  if (trouble && worker_.shared.on_trouble) worker_.shared.on_trouble(attempt.endpoint().id);
}

net::Task<> Exchange::stop_attempt() {
  if (!attempt_) co_return;
  co_await attempt_->stop();
  attempt_->drop_answer();
}

bool Exchange::bind_to_zones() {
  const RequestRules& rules = route_->rules;
  request_.view.zones = rules.default_zones;
  const net::http1::Headers& headers = request_.parsed_head().headers;
  if (!headers.holds(net::http1::HeaderId::XEvener)) return true;
  // Somebody between the client and here may have added a class to one that stood there: the request goes where both allow it.
  bool named = false;
  for (const net::http1::Header& header : headers) {
    if (header.value.empty() || !equals_ignoring_case(header.name, DataClassHeader)) continue;
    const std::optional<std::uint64_t> zones = rules.zones_of(header.value);
    if (!zones) return false;
    request_.view.zones = named ? request_.view.zones & *zones : *zones;
    named = true;
  }
  return true;
}

bool Exchange::decide(Pool& pool, Pool::Decided& decided, std::span<const EndpointId> tried, route::Scheduler::Attempt kind) {
  if (kind == route::Scheduler::Attempt::First) {
    decided = pool.arrived(request_.id, request_.model, request_.view, waiter_, reactor_.now());
    queue_ = waiter_.waited_before;
  } else {
    decided = pool.retry(request_.id, request_.model, request_.view, tried, kind, waiter_, reactor_.now());
  }
  return !std::holds_alternative<route::Queued>(decided.decision);
}

net::Task<bool> Exchange::decide_again(Pool& pool, Pool::Decided& decided, std::span<const EndpointId> tried,
                                       route::Scheduler::Attempt kind) {
  while (waiter_.named && !waiter_.asked) co_await waiter_.told.wait_uninterrupted();  // what is meant for the attempt before
  co_return decide(pool, decided, tried, kind) || co_await wait_in_queue(pool, decided, kind);
}

net::Task<bool> Exchange::wait_in_queue(Pool& pool, Pool::Decided& decided, route::Scheduler::Attempt kind) {
  waiting_ = true;
  const Instant queued_at = reactor_.now();
  auto woken = net::Event::Result::Set;
  while (!waiter_.decision && !request_.client_gone && woken == net::Event::Result::Set) {
    woken = co_await waiter_.told.wait_until(Instant::max());
  }
  waiting_ = false;
  queue_ += reactor_.now() - queued_at;
  if (waiter_.decision) {
    std::visit([&](const auto& outcome) { decided.decision = outcome; }, *std::exchange(waiter_.decision, nullptr));
    co_return true;
  }
  // If it has been released at this very moment, the message is on its way here and names the waiter: wait for it and give back what it
  // brings.
  if (!pool.abandoned(decided, reactor_.now())) {
    while (!waiter_.decision) co_await waiter_.told.wait_uninterrupted();
    if (const auto* dispatch = std::get_if<route::Dispatch>(waiter_.decision.get())) {
      Lease given_back(pool, *dispatch, kind, decided.number, reactor_);
      given_back.end({.ending = route::Ending::Cancelled, .blocks = request_.view.blocks});
    }
  }
  request_.client_gone = true;
  ended_ = EndedBy::ClientGone;
  co_return false;
}

/// The scheduler may know endpoints that were published after this request began: then the newest routing is taken.
const Endpoint* Exchange::find_endpoint(const Pool& pool, EndpointId id) {
  if (const Endpoint* endpoint = route_->find(id)) return endpoint;
  std::shared_ptr<const Routing> newer = worker_.routing();
  const PoolRoute* newer_route = newer->find_pool(pool.name());
  if (newer_route == nullptr) return nullptr;
  hedge_.reset();  // they borrow of the routing before
  attempt_.reset();
  current_ = nullptr;
  route_ = newer_route;
  routing_ = std::move(newer);
  return route_->find(id);
}

Duration Exchange::answer_limit() const {
  const TimeoutConfig& timeouts = route_->config.timeouts;
  // Without a stream the first byte comes when everything has been generated, which says nothing of how the endpoint is.
  if (!request_.view.stream) return timeouts.whole_answer;
  if (timeouts.first_token_by_class.empty()) return timeouts.first_token;
  const auto found = timeouts.first_token_by_class.find(std::string(route::priority_name(request_.view.priority)));
  return found == timeouts.first_token_by_class.end() ? timeouts.first_token : found->second;
}

}  // namespace evener::gateway
