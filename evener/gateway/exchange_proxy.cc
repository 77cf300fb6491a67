// Deciding where a request goes, and trying it there: queue, leases, connections, sending, retries.

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "evener/gateway/exchange.h"
#include "evener/gateway/paths.h"
#include "evener/net/http1/head_writer.h"
#include "evener/protocol/openai.h"

namespace evener::gateway {
namespace {

/// Bodies beyond this are sent beside the wait for the answer, so that an early answer is not missed.
constexpr std::size_t InlineSendMax = 64 * 1024;

std::string json_string(std::string_view text) {
  std::string out;
  protocol::append_json_string(out, text);
  return out;
}

}  // namespace

void Exchange::client_hung_up(void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  exchange.client_gone_ = true;
  exchange.client_.cancel();
  exchange.upstream_.cancel();
  if (exchange.waiting_ != nullptr) exchange.waiting_->released.cancel();
}

net::Task<> Exchange::proxy(const PoolRoute& first_route, BodyMode mode) {
  route_ = &first_route;
  body_mode_ = mode;
  const std::shared_ptr<Pool> kept_pool = first_route.pool;  // a reload may drop it while we use it
  Pool& pool = *kept_pool;
  std::vector<EndpointId> tried;
  // A streamed body is read while we wait: then the end of the stream is noticed by whoever reads it.
  if (mode == BodyMode::Whole || body_read_) client_.watch_hangup({.notify = &Exchange::client_hung_up, .context = this});
  if (mode == BodyMode::Streamed) {
    if (expects_continue_) co_await continue_if_expected();
    if (!worker_.shared.memory.grow(memory_, request_.capacity())) {
      worker_.shared.metrics->server().memory_refused.add();
      co_await refuse({.status = 503,
                       .type = "server_error",
                       .code = "memory_limit",
                       .message = "The gateway holds as many request bodies as it may (limits.memory_bytes); try again.",
                       .retry_after = std::chrono::seconds(1)});
      co_return;
    }
  }

  Waiter waiter(reactor_);
  Pool::Decided decided = pool.arrived(request_id_, model_, view_, waiter, reactor_.now());
  if (const auto* queued = std::get_if<route::Queued>(&decided.decision)) {
    if (!co_await wait_in_queue(pool, queued->ticket, waiter, decided.decision)) co_return;
  } else {
    queue_ = Duration::zero();
  }

  auto lease_kind = route::Scheduler::Attempt::First;
  for (;;) {
    if (const auto* refusal = std::get_if<route::Refusal>(&decided.decision)) {
      pool.metrics().refusals[static_cast<std::size_t>(refusal->reason)].add();
      co_await refuse(own_error(*route_, *refusal));
      co_return;
    }
    const auto& dispatch = std::get<route::Dispatch>(decided.decision);
    lease_ = Lease(pool, dispatch, lease_kind, decided.number, reactor_);
    pick_ = route::pick_reason_name(dispatch.reason);
    dispatched_ = reactor_.now();
    ++attempts_;
    tried.push_back(dispatch.endpoint);

    // The scheduler may know endpoints that were published after this request began.
    if (route_->find(dispatch.endpoint) == nullptr) {
      std::shared_ptr<const Routing> newer = worker_.routing();
      if (const PoolRoute* newer_route = newer->find_pool(pool.name())) {
        route_ = newer_route;
        routing_ = std::move(newer);
      }
    }
    const Endpoint* endpoint = route_->find(dispatch.endpoint);
    Attempt attempt{.end = Attempt::End::Failed, .ending = route::Ending::Cancelled, .may_retry = true, .detail = "endpoint_removed"};
    if (endpoint != nullptr) {
      endpoint_name_ = endpoint->config.name;
      attempt = co_await try_endpoint(*route_, *endpoint);
      endpoint->metrics->attempts[static_cast<std::size_t>(attempt.ending)].add();
      const bool trouble = attempt.ending == route::Ending::ConnectFailed || attempt.ending == route::Ending::Reset;
      if (trouble && worker_.shared.on_trouble) worker_.shared.on_trouble(endpoint->id);
    }
    if (attempt.end == Attempt::End::Finished) co_return;

    lease_.end({.ending = client_gone_ ? route::Ending::Cancelled : attempt.ending, .retry_after = answer_.retry_after});
    if (client_gone_) {
      co_await stop_sending();
      ended_ = EndedBy::ClientGone;
      co_return;
    }
    detail_ = attempt.detail;
    if (attempt.may_retry && !body_forwarded_) {
      decided = pool.retry(request_id_, model_, view_, tried, reactor_.now());
      if (std::holds_alternative<route::Dispatch>(decided.decision)) {
        co_await stop_sending();
        refused_answer_.reset();
        pool.metrics().retries.add();
        lease_kind = route::Scheduler::Attempt::Retry;
        connect_ = Duration(-1);
        continue;
      }
    }
    if (refused_answer_) {
      const std::unique_ptr<RefusedAnswer> kept = std::move(refused_answer_);
      co_await relay(*route_, *endpoint, std::move(kept->head), std::move(kept->block), kept->begin, kept->end);
      co_return;
    }
    co_await stop_sending();
    ended_ = attempt.ending == route::Ending::Timeout ? EndedBy::Timeout : EndedBy::EndpointFailed;
    const std::string why = detail_;
    co_await refuse(own_error(attempt), ended_);
    detail_ = why;
    co_return;
  }
}

net::Task<> Exchange::stop_sending() {
  if (sender_.running()) {
    keep_alive_ = keep_alive_ && body_mode_ == BodyMode::Whole;
    upstream_.cancel();
    if (body_mode_ == BodyMode::Streamed) client_.interrupt_read();
    co_await sender_.join();
  }
  upstream_.close();
}

net::Task<bool> Exchange::wait_in_queue(Pool& pool, std::uint64_t ticket, Waiter& waiter, route::Decision& decision) {
  waiting_ = &waiter;
  const Instant queued_at = reactor_.now();
  const auto woken = client_gone_ ? net::Event::Result::Cancelled : co_await waiter.released.wait_until(Instant::max());
  waiting_ = nullptr;
  queue_ = reactor_.now() - queued_at;
  if (woken != net::Event::Result::Set) {
    // If it has been released at this very moment, the message is on its way here and names the waiter: wait for it and give back what
    // it brings.
    if (!pool.abandoned(ticket, reactor_.now())) {
      while (co_await waiter.released.wait_until(Instant::max()) != net::Event::Result::Set) {
      }
      if (const auto* dispatch = std::get_if<route::Dispatch>(&waiter.decision)) {
        pool.finished(dispatch->endpoint, {.ending = route::Ending::Cancelled}, route::Scheduler::Attempt::First, 0, reactor_.now());
      }
    }
    client_gone_ = true;
    ended_ = EndedBy::ClientGone;
    co_return false;
  }
  std::visit([&](const auto& outcome) { decision = outcome; }, waiter.decision);
  co_return true;
}

net::Task<Exchange::Attempt> Exchange::try_endpoint(const PoolRoute& route, const Endpoint& endpoint) {
  const auto failed = [](route::Ending ending, bool may_retry, std::string detail) {
    return Attempt{.end = Attempt::End::Failed, .ending = ending, .may_retry = may_retry, .detail = std::move(detail)};
  };
  answer_ = {};
  got_bytes_ = false;
  if (client_gone_) co_return failed(route::Ending::Cancelled, false, "client_gone");
  upstream_ = worker_.upstreams.take(endpoint, reactor_.now(), route.config.timeouts.upstream_idle);
  reused_ = static_cast<bool>(upstream_);
  if (reused_) {
    endpoint.metrics->connections_reused.add();
    connect_ = Duration::zero();
  } else if (const long opened = co_await open_connection(route, endpoint); opened < 0) {
    if (client_gone_) co_return failed(route::Ending::Cancelled, false, "client_gone");
    co_return failed(route::Ending::ConnectFailed, true, std::string("connect: ") + std::strerror(static_cast<int>(-opened)));
  }
  (void)co_await send_request(endpoint);  // a failure shows as the answer's: the endpoint may have answered before it closed

  std::string head;
  net::Buffer block;
  std::size_t begin = 0;
  std::size_t end = 0;
  Attempt attempt = co_await await_answer(route, endpoint, head, block, begin, end);
  if (attempt.end == Attempt::End::Failed) co_return attempt;

  // An answer that means "not taken" is passed on only if nobody else may be asked.
  const auto& statuses = route.config.retry.statuses;
  if (std::find(statuses.begin(), statuses.end(), answer_.status) != statuses.end() && !body_forwarded_ &&
      attempts_ < route.config.retry.budget.attempts_max && route.endpoints.size() > 1) {
    refused_answer_ =
        std::make_unique<RefusedAnswer>(RefusedAnswer{.head = std::move(head), .block = std::move(block), .begin = begin, .end = end});
    co_return failed(attempt.ending, true, "status " + std::to_string(answer_.status));
  }
  co_return co_await relay(route, endpoint, std::move(head), std::move(block), begin, end);
}

net::Task<long> Exchange::open_connection(const PoolRoute& route, const Endpoint& endpoint) {
  if (!endpoint.resolved) co_return -EHOSTUNREACH;
  const Instant began = reactor_.now();
  const int result = co_await net::Socket::connect(upstream_, reactor_, endpoint.address, began + route.config.timeouts.connect);
  connect_ = reactor_.now() - began;
  if (result == 0) endpoint.metrics->connections_opened.add();
  co_return result;
}

void Exchange::write_upstream_head(std::string& out, const Endpoint& endpoint) {
  using net::http1::HeaderId;
  const net::http1::RequestHead& head = parsed_head();
  std::string prefixed;
  std::string_view path = head.path;
  if (!endpoint.path_prefix.empty()) {
    prefixed = endpoint.path_prefix;
    prefixed += head.path;
    path = prefixed;
  }
  net::http1::HeadWriter writer(out);
  writer.request_line(head.method, path, head.query);
  writer.checked_header("Host", endpoint.host_header);
  for (const net::http1::Header& header : head.headers) {
    if (header.hop_by_hop) continue;
    switch (header.id) {
      case HeaderId::Host:
      case HeaderId::ContentLength:
      case HeaderId::Expect:
      case HeaderId::XForwardedFor:
      case HeaderId::XForwardedHost:
      case HeaderId::XForwardedProto:
      case HeaderId::XForwardedPort:
      case HeaderId::Forwarded:
      case HeaderId::XRealIp:
      case HeaderId::XRequestId:
      case HeaderId::Traceparent:
      case HeaderId::XEvener: continue;
      case HeaderId::Tracestate:
        if (!trace_.continued()) continue;
        break;
      case HeaderId::Authorization:
        if (!endpoint.authorization.empty()) continue;
        break;
      default: break;
    }
    writer.parsed_header(header);
  }
  if (!endpoint.authorization.empty()) writer.header("Authorization", endpoint.authorization);
  if (body_mode_ == BodyMode::Whole) {
    if (request_framing_ != net::http1::Framing::None) {
      std::array<iovec, 4> pieces{};
      std::string model;
      const std::size_t used = body_pieces(endpoint, pieces, 0, model);
      std::size_t bytes = 0;
      for (std::size_t i = 0; i < used; ++i) bytes += pieces[i].iov_len;
      writer.header("Content-Length", bytes);
    }
  } else if (request_framing_ == net::http1::Framing::Length) {
    writer.header("Content-Length", request_content_length_);
  } else if (request_framing_ == net::http1::Framing::Chunked) {
    writer.header("Transfer-Encoding", "chunked");
  }
  writer.checked_header("x-request-id", request_id_);
  writer.checked_header("traceparent", trace_.traceparent());
  writer.checked_header("X-Forwarded-For", session_.client_text());
  writer.header(HopsHeader, static_cast<std::uint64_t>(hops_) + 1);
  writer.end();
}

std::size_t Exchange::body_pieces(const Endpoint& endpoint, std::array<iovec, 4>& pieces, std::size_t at, std::string& model) const {
  const std::string_view bytes = body();
  const auto add = [&](std::string_view piece) {
    if (!piece.empty()) pieces[at++] = {const_cast<char*>(piece.data()), piece.size()};
  };
  const std::string_view wanted = endpoint.model_name(model_);
  if (model_.empty() || (!model_renamed_ && wanted == model_)) {
    add(bytes);
    return at;
  }
  // The one change ever made to a body: the model's name. Everything around it is sent as it came.
  model = model_quoted_ ? json_string(wanted) : std::string(wanted);
  add(bytes.substr(0, model_value_.offset));
  add(model);
  add(bytes.substr(model_value_.offset + model_value_.length));
  return at;
}

net::Task<long> Exchange::send_request(const Endpoint& endpoint) {
  std::string head;
  write_upstream_head(head, endpoint);
  upstream_.set_write_deadline(reactor_.now() + routing_->config().timeouts.body_idle);
  if (body_mode_ == BodyMode::Streamed && !body_read_) {
    sender_.start(pump_body(std::move(head)));
    co_return 0;
  }
  if (body_bytes_ > InlineSendMax) {
    sender_.start(send_large(std::move(head), endpoint));
    co_return 0;
  }
  std::array<iovec, 4> pieces{};
  std::string model;
  pieces[0] = {head.data(), head.size()};
  std::size_t used = 1;
  if (request_framing_ != net::http1::Framing::None) used = body_pieces(endpoint, pieces, 1, model);
  co_return co_await upstream_.send(std::span(pieces).first(used));
}

net::Task<> Exchange::send_large(std::string head, const Endpoint& endpoint) {
  std::array<iovec, 4> pieces{};
  std::string model;
  pieces[0] = {head.data(), head.size()};
  const std::size_t used = body_pieces(endpoint, pieces, 1, model);
  (void)co_await upstream_.send(std::span(pieces).first(used));
}

net::Task<> Exchange::pump_body(std::string head) {
  // Streams the body as it comes: at most one block of it is here at a time. Framing is checked on the way.
  const ClientTimeoutConfig& timeouts = routing_->config().timeouts;
  net::http1::ChunkedDecoder decoder;
  std::uint64_t remaining = request_framing_ == net::http1::Framing::Length ? request_content_length_ : 0;
  net::Buffer block = net::Buffer::take();
  std::size_t at = head_bytes_;
  std::string_view unread = request_.view(at, request_end_ - at);
  bool last = request_framing_ == net::http1::Framing::Length && remaining == 0;
  std::string trailer;
  for (;;) {
    std::array<iovec, 34> pieces{};
    std::size_t used = 0;
    if (!head.empty()) pieces[used++] = {head.data(), head.size()};
    const auto add = [&](std::string_view piece) {
      iovec& before = pieces[used > 0 ? used - 1 : 0];
      if (used > 0 && static_cast<char*>(before.iov_base) + before.iov_len == piece.data()) {
        before.iov_len += piece.size();
      } else {
        pieces[used++] = {const_cast<char*>(piece.data()), piece.size()};
      }
    };
    if (request_framing_ == net::http1::Framing::Length) {
      const std::string_view piece = unread.substr(0, remaining);
      remaining -= piece.size();
      unread.remove_prefix(piece.size());
      if (!piece.empty()) add(piece);
      last = remaining == 0;
    } else {
      while (used < pieces.size() - 1) {
        const auto step = decoder.next(unread);
        unread.remove_prefix(step.bytes.size());
        if (step.kind == net::http1::ChunkedDecoder::Kind::NeedMore) break;
        if (step.kind == net::http1::ChunkedDecoder::Kind::Bad) {
          keep_alive_ = false;
          upstream_.cancel();  // the endpoint must not take a broken body for a whole one
          co_return;
        }
        if (step.kind == net::http1::ChunkedDecoder::Kind::End) {
          trailer = decoder.trailers() + "\r\n";
          add(trailer);
          last = true;
          break;
        }
        if (step.kind != net::http1::ChunkedDecoder::Kind::Dropped) add(step.bytes);
      }
    }
    if (used > 0) {
      body_forwarded_ = true;
      upstream_.set_write_deadline(reactor_.now() + timeouts.body_idle);
      if (co_await upstream_.send(std::span(pieces).first(used)) < 0) co_return;
      head.clear();
    }
    if (last) {
      if (!unread.empty()) {
        session_.inbox.buffer = net::Buffer::take(unread.size());
        std::memcpy(session_.inbox.buffer.data(), unread.data(), unread.size());
        session_.inbox.end = unread.size();
      }
      body_read_ = true;
      client_.watch_hangup({.notify = &Exchange::client_hung_up, .context = this});
      co_return;
    }
    if (!unread.empty()) continue;  // more chunks than pieces
    client_.set_read_deadline(reactor_.now() + timeouts.body_idle);
    const long got = co_await client_.recv(block.from(0));
    if (got <= 0) {
      keep_alive_ = false;
      if (got != -ECANCELED) client_gone_ = true;
      upstream_.cancel();
      co_return;
    }
    request_bytes_ += static_cast<std::uint64_t>(got);
    unread = block.view(0, static_cast<std::size_t>(got));
  }
}

Duration Exchange::first_token_limit(const TimeoutConfig& timeouts) const {
  if (!class_.empty()) {
    if (const auto found = timeouts.first_token_by_class.find(class_); found != timeouts.first_token_by_class.end()) return found->second;
  }
  return timeouts.first_token;
}

OwnError Exchange::own_error(const PoolRoute& route, const route::Refusal& refusal) const {
  const std::string pool = "Pool '" + route.config.name + "'";
  switch (refusal.reason) {
    case route::RefusalReason::NoEndpoint:
      return {.status = 503,
              .type = "server_error",
              .code = "no_endpoint",
              .message = pool + " has no endpoint for the model '" + model_ + "'.",
              .retry_after = refusal.retry_after};
    case route::RefusalReason::AllDown:
      return {.status = 503,
              .type = "server_error",
              .code = "all_endpoints_down",
              .message = pool + " has no endpoint that can take a request now; try again later.",
              .retry_after = std::max<Duration>(refusal.retry_after, std::chrono::seconds(1))};
    case route::RefusalReason::QueueFull:
      return {.status = 429,
              .type = "rate_limit_error",
              .code = "queue_full",
              .message = pool + " is at its capacity and its queue is full; try again later.",
              .retry_after = std::max<Duration>(refusal.retry_after, std::chrono::seconds(1))};
    case route::RefusalReason::QueueTimeout:
      return {.status = 503,
              .type = "server_error",
              .code = "queue_timeout",
              .message = "The request waited for capacity as long as it may (queue.wait_max of " + pool + ").",
              .retry_after = std::max<Duration>(refusal.retry_after, std::chrono::seconds(1))};
    case route::RefusalReason::RetryBudget:
    case route::RefusalReason::AttemptsExhausted: break;
  }
  return {.status = 502, .type = "server_error", .code = "endpoint_failed", .message = pool + " could not serve the request."};
}

OwnError Exchange::own_error(const Attempt& attempt) const {
  const std::string tried = " (" + std::to_string(attempts_) + (attempts_ == 1 ? " attempt, " : " attempts, the last: ") + attempt.detail + ").";
  if (attempt.ending == route::Ending::Timeout) {
    return {.status = 504, .type = "server_error", .code = "first_token_timeout", .message = "No endpoint answered in time" + tried};
  }
  return {.status = 502, .type = "server_error", .code = "endpoint_failed", .message = "No endpoint could serve the request" + tried};
}

}  // namespace evener::gateway
