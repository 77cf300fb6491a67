#include "evener/gateway/attempt.h"

#include <algorithm>
#include <cstring>

namespace evener::gateway {

Attempt::Attempt(ClientRequest& request, const PoolRoute& route, const Config& config, const Endpoint& endpoint,
                 const route::Dispatch& dispatch, Lease&& lease)
    : request_(request),
      route_(route),
      config_(config),
      endpoint_(endpoint),
      worker_(request.session.worker),
      lease_(std::move(lease)),
      pick_(dispatch.reason) {
  if (!endpoint.config.kv_events.address.empty()) kv_note_ = KvNote(*worker_.shared.kv_events, endpoint.id, request.view);
}

Attempt::Result Attempt::failed(route::Ending ending, bool may_retry, std::string_view detail) {
  detail_ = detail;
  return {.end = End::Failed, .ending = ending, .may_retry = may_retry};
}

net::Task<Attempt::Result> Attempt::run(Duration answer_limit) {
  answer_limit_ = answer_limit;
  for (bool kept_allowed = true;; kept_allowed = false) {
    if (request_.client_gone || cancelled_) co_return failed(route::Ending::Cancelled, false, "cancelled");
    // A streamed body can be sent once, so it does not go over a connection that may have been closed meanwhile.
    if (kept_allowed && !request_.sent_once()) {
      connection_ = worker_.upstreams.take(endpoint_, worker_.reactor.now(), route_.config.timeouts.upstream_idle);
    }
    reused_ = static_cast<bool>(connection_);
    if (reused_) {
      endpoint_.metrics->connections_reused.add();
      connect_time_ = Duration::zero();
    } else if (const long opened = co_await open_connection(); opened < 0) {
      if (request_.client_gone || cancelled_) co_return failed(route::Ending::Cancelled, false, "cancelled");
      co_return failed(route::Ending::ConnectFailed, true, std::string("connect: ") + std::strerror(static_cast<int>(-opened)));
    }
    request_sent_ = true;
    if (const long sent = co_await send_request(); sent < 0) {
      if (sent == -ETIMEDOUT) co_return failed(route::Ending::Timeout, true, "the endpoint takes nothing of the request");
      request_sent_ = false;  // the answer tells more: the endpoint may have given one before it closed
    }
    // The clock of an upload that takes long starts at its end: see body_sent().
    give_up_ = deadline(sender_.running() ? Duration::zero() : answer_limit_);
    awaits_answer_ = true;
    Result result = co_await await_answer();
    awaits_answer_ = false;
    if (result.ending == route::Ending::Reset && result.may_retry && reused_ && !got_bytes_ && !request_.body_forwarded) {
      // Engines end idle connections without a word, some just as one is used again: that says nothing about the endpoint.
      co_await stop();
      drop_answer();
      continue;
    }
    if (result.end != End::Answered) co_return result;
    // An answer that means "not taken" is passed on only if nobody else may be asked.
    const auto& statuses = route_.config.retry.statuses;
    if (std::find(statuses.begin(), statuses.end(), answer_.status) != statuses.end() && !request_.body_forwarded) {
      result.end = End::NotTaken;
      result.may_retry = true;
      detail_ = "status " + std::to_string(answer_.status);
    }
    co_return result;
  }
}

net::Task<> Attempt::stop() {
  if (sender_.running()) {
    request_.keep_alive = request_.keep_alive && request_.body_mode == BodyMode::Whole;
    connection_.cancel();
    if (request_.body_mode == BodyMode::Streamed) request_.session.client.interrupt_read();
    co_await sender_.join();
  }
  connection_.close();
}

void Attempt::end(route::Outcome outcome, const std::optional<protocol::Usage>& usage) {
  if (!lease_.held()) return;
  endpoint_.metrics->attempts[static_cast<std::size_t>(outcome.ending)].add();
  outcome.retry_after = answer_.retry_after;
  outcome.request_at_fault = answer_.status >= 400 && answer_.status < 500;
  lease_.end(outcome);
  kv_note_.end(usage);
}

void Attempt::keep_connection() {
  if (!answer_.keep_alive || sender_.running() || !request_sent_) return;
  if (request_.sent_once()) return;  // the rest of the body may still be on its way
  worker_.upstreams.put(endpoint_, std::move(connection_), worker_.reactor.now());
}

Instant Attempt::deadline(Duration step) const {
  Instant at = step > Duration::zero() ? worker_.reactor.now() + step : Instant::max();
  const Duration total = route_.config.timeouts.total;
  if (total > Duration::zero()) at = std::min(at, request_.began + total);
  return at;
}

}  // namespace evener::gateway
