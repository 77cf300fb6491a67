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

/// What of a large body must be taken within body_idle.
constexpr std::size_t SendSliceBytes = 256 * 1024;

/// Bodies up to this are copied behind their head: that is cheaper than to send two pieces.
constexpr std::size_t CopiedBodyMax = 4 * 1024;

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

net::Task<> Exchange::proxy() {
  const std::shared_ptr<Pool> kept_pool = route_->pool;  // a reload may drop it while we use it
  Pool& pool = *kept_pool;
  std::array<EndpointId, AttemptsMax> tried{};
  first_token_limit_ = route_->config.timeouts.first_token;
  if (!route_->config.timeouts.first_token_by_class.empty()) {
    if (const auto* header = parsed_head().headers.find(route_->config.classes.header)) first_token_limit_ = class_limit(header->value);
  }
  // Also while a body is streamed: whoever reads it may be held up by an endpoint that takes nothing.
  client_.watch_hangup({.notify = &Exchange::client_hung_up, .context = this});
  if (body_mode_ == BodyMode::Streamed) {
    if (expects_continue_) co_await continue_if_expected();
    if (!worker_.shared.memory.grow(memory_, request_.capacity())) {
      co_await refuse_for_memory();
      co_return;
    }
  }

  if (!bind_to_zones()) {
    co_await refuse({.status = 400,
                     .type = "invalid_request_error",
                     .code = "unknown_data_class",
                     .message = "Pool '" + route_->config.name + "' does not know this request's data class (header " +
                                std::string(DataClassHeader) + "), so nothing says where its data may go."},
                    EndedBy::BadRequest);
    co_return;
  }
  Pool::Decided decided;
  if (!co_await decide(pool, decided, {}, route::Scheduler::Attempt::First)) co_return;
  auto kind = route::Scheduler::Attempt::First;
  for (;;) {
    if (const auto* refusal = std::get_if<route::Refusal>(&decided.decision)) {
      pool.metrics().refusals[static_cast<std::size_t>(refusal->reason)].add();
      co_await refuse_with(*refusal);
      co_return;
    }
    const auto& dispatch = std::get<route::Dispatch>(decided.decision);
    lease_ = Lease(pool, dispatch, kind, decided.number, reactor_);
    pick_ = route::pick_reason_name(dispatch.reason);
    dispatched_ = reactor_.now();
    tried[attempts_++] = dispatch.endpoint;
    find_endpoint(pool, dispatch.endpoint);
    if (endpoint_ != nullptr && !endpoint_->config.kv_events.address.empty()) kv_note_ = KvNote(*worker_.shared.kv_events, endpoint_->id, view_);

    Attempt attempt{.end = Attempt::End::Failed, .ending = route::Ending::Cancelled, .may_retry = true};
    if (endpoint_ == nullptr) {
      detail_ = "endpoint removed";
    } else {
      attempt = co_await try_endpoint(Connection::KeptOrNew);
      if (attempt.ending == route::Ending::Reset && attempt.may_retry && reused_ && !got_bytes_ && !body_forwarded_) {
        // Engines end idle connections without a word, some just as one is used again: that says nothing about the endpoint.
        co_await stop_sending();
        kept_answer_ = {};
        attempt = co_await try_endpoint(Connection::New);
      }
      if (attempt.end == Attempt::End::Answered) {
        co_await relay(attempt.ending);
        co_return;
      }
      if (body_fault_ != BodyFault::None) {  // the client's doing, whatever the endpoint makes of it
        attempt.may_retry = false;
        if (attempt.end == Attempt::End::Failed) attempt.ending = route::Ending::Cancelled;
      }
      endpoint_->metrics->attempts[static_cast<std::size_t>(attempt.ending)].add();
      const bool trouble = attempt.ending == route::Ending::ConnectFailed || attempt.ending == route::Ending::Reset;
      if (trouble && worker_.shared.on_trouble) worker_.shared.on_trouble(endpoint_->id);
    }
    lease_.end(
        {.ending = client_gone_ ? route::Ending::Cancelled : attempt.ending, .retry_after = answer_.retry_after, .blocks = view_.blocks});
    if (client_gone_) {
      co_await stop_sending();
      ended_ = EndedBy::ClientGone;
      co_return;
    }
    if (body_fault_ != BodyFault::None) {
      co_await stop_sending();
      co_await refuse_body(body_fault_);
      co_return;
    }
    if (attempt.may_retry && !body_forwarded_ && attempts_ < AttemptsMax) {
      // Whether the attempt cost the endpoint anything that a further one adds to, see Scheduler::retry().
      const bool lost = attempt.ending == route::Ending::ConnectFailed || attempt.ending == route::Ending::Reset ||
                        attempt.ending == route::Ending::Cancelled;
      const auto next_kind = lost ? route::Scheduler::Attempt::Failover : route::Scheduler::Attempt::Retry;
      if (lost) {  // it may have to wait now, and nothing of the attempt is of use any more
        co_await stop_sending();
        kept_answer_ = {};
      }
      if (!co_await decide(pool, decided, std::span(tried).first(attempts_), next_kind)) co_return;
      if (std::holds_alternative<route::Dispatch>(decided.decision)) {
        co_await stop_sending();
        kept_answer_ = {};
        pool.metrics().retries.add();
        kind = next_kind;
        connect_ = Duration(-1);
        continue;
      }
      if (const auto* refusal = std::get_if<route::Refusal>(&decided.decision)) {
        pool.metrics().refusals[static_cast<std::size_t>(refusal->reason)].add();
      }
    }
    if (attempt.end == Attempt::End::NotTaken) {
      co_await relay(attempt.ending);  // nobody else may be asked: the client learns what this one said
      co_return;
    }
    co_await stop_sending();
    co_await refuse_after(attempt);
    co_return;
  }
}

bool Exchange::bind_to_zones() {
  const RequestRules& rules = route_->rules;
  const net::http1::Headers& headers = parsed_head().headers;
  const auto* header = headers.holds(net::http1::HeaderId::XEvener) ? headers.find(DataClassHeader) : nullptr;
  const std::optional<std::uint64_t> zones = rules.zones_of(header == nullptr ? std::string_view() : header->value);
  if (zones) view_.zones = *zones;
  return zones.has_value();
}

/// A decision, with the wait for capacity. False when the client left meanwhile.
net::Task<bool> Exchange::decide(Pool& pool, Pool::Decided& decided, std::span<const EndpointId> tried, route::Scheduler::Attempt kind) {
  Waiter waiter(reactor_);
  if (kind == route::Scheduler::Attempt::First) {
    decided = pool.arrived(request_id_, model_, view_, waiter, reactor_.now());
    queue_ = Duration::zero();
  } else {
    decided = pool.retry(request_id_, model_, view_, tried, kind, waiter, reactor_.now());
  }
  if (!std::holds_alternative<route::Queued>(decided.decision)) co_return true;

  waiting_ = &waiter;
  const Instant queued_at = reactor_.now();
  const auto woken = client_gone_ ? net::Event::Result::Cancelled : co_await waiter.released.wait_until(Instant::max());
  waiting_ = nullptr;
  queue_ += reactor_.now() - queued_at;
  if (woken == net::Event::Result::Set) {
    std::visit([&](const auto& outcome) { decided.decision = outcome; }, waiter.decision);
    co_return true;
  }
  // If it has been released at this very moment, the message is on its way here and names the waiter: wait for it and give back what it
  // brings.
  if (!pool.abandoned(decided, reactor_.now())) {
    co_await waiter.released.wait_uninterrupted();
    if (const auto* dispatch = std::get_if<route::Dispatch>(&waiter.decision)) {
      const Lease given_back(pool, *dispatch, kind, decided.number, reactor_);
    }
  }
  client_gone_ = true;
  ended_ = EndedBy::ClientGone;
  co_return false;
}

/// Sets endpoint_. The scheduler may know endpoints that were published after this request began: then the newest routing is taken.
void Exchange::find_endpoint(const Pool& pool, EndpointId id) {
  endpoint_ = route_->find(id);
  if (endpoint_ != nullptr) return;
  std::shared_ptr<const Routing> newer = worker_.routing();
  if (const PoolRoute* newer_route = newer->find_pool(pool.name())) {
    route_ = newer_route;
    routing_ = std::move(newer);
    endpoint_ = route_->find(id);
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

net::Task<Exchange::Attempt> Exchange::try_endpoint(Connection connection) {
  const auto failed = [this](route::Ending ending, bool may_retry, std::string_view detail) {
    detail_ = detail;
    return Attempt{.end = Attempt::End::Failed, .ending = ending, .may_retry = may_retry};
  };
  answer_ = {};
  got_bytes_ = false;
  if (client_gone_) co_return failed(route::Ending::Cancelled, false, "client gone");
  // A streamed body can be sent once, so it does not go over a connection that may have been closed meanwhile.
  const bool sent_once = body_mode_ == BodyMode::Streamed && !body_read_;
  if (connection == Connection::KeptOrNew && !sent_once) {
    upstream_ = worker_.upstreams.take(*endpoint_, reactor_.now(), route_->config.timeouts.upstream_idle);
  }
  reused_ = static_cast<bool>(upstream_);
  if (reused_) {
    endpoint_->metrics->connections_reused.add();
    connect_ = Duration::zero();
  } else if (const long opened = co_await open_connection(); opened < 0) {
    if (client_gone_) co_return failed(route::Ending::Cancelled, false, "client gone");
    co_return failed(route::Ending::ConnectFailed, true, std::string("connect: ") + std::strerror(static_cast<int>(-opened)));
  }
  request_sent_ = true;
  if (const long sent = co_await send_request(); sent < 0) {
    if (sent == -ETIMEDOUT) co_return failed(route::Ending::Timeout, true, "the endpoint takes nothing of the request");
    request_sent_ = false;  // the answer tells more: the endpoint may have given one before it closed
  }
  Attempt attempt = co_await await_answer();
  if (attempt.end != Attempt::End::Answered) co_return attempt;

  // An answer that means "not taken" is passed on only if nobody else may be asked.
  const auto& statuses = route_->config.retry.statuses;
  if (std::find(statuses.begin(), statuses.end(), answer_.status) != statuses.end() && !body_forwarded_) {
    attempt.end = Attempt::End::NotTaken;
    attempt.may_retry = true;
    detail_ = "status " + std::to_string(answer_.status);
  }
  co_return attempt;
}

net::Task<long> Exchange::open_connection() {
  if (!endpoint_->resolved) co_return -EHOSTUNREACH;
  const Instant began = reactor_.now();
  const int result = co_await net::Socket::connect(upstream_, reactor_, endpoint_->address, began + route_->config.timeouts.connect);
  connect_ = reactor_.now() - began;
  if (result == 0) endpoint_->metrics->connections_opened.add();
  co_return result;
}

void Exchange::write_upstream_head(net::http1::HeadWriter& writer) {
  const Endpoint& endpoint = *endpoint_;
  using net::http1::HeaderId;
  const net::http1::RequestHead& head = parsed_head();
  std::string prefixed;
  std::string_view path = head.path;
  if (!endpoint.path_prefix.empty()) {
    prefixed = endpoint.path_prefix;
    prefixed += head.path;
    path = prefixed;
  }
  writer.request_line(head.method, path, head.query);
  writer.unchecked_header("Host", endpoint.host_header);
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
      const std::size_t used = body_pieces(pieces, 0, model);
      std::size_t bytes = 0;
      for (std::size_t i = 0; i < used; ++i) bytes += pieces[i].iov_len;
      writer.header("Content-Length", bytes);
    }
  } else if (request_framing_ == net::http1::Framing::Length) {
    writer.header("Content-Length", request_content_length_);
  } else if (request_framing_ == net::http1::Framing::Chunked) {
    writer.header("Transfer-Encoding", "chunked");
  }
  writer.unchecked_header("x-request-id", request_id_);
  writer.unchecked_header("traceparent", trace_.traceparent());
  writer.unchecked_header("X-Forwarded-For", session_.client_text());
  writer.header(HopsHeader, static_cast<std::uint64_t>(hops_) + 1);
  writer.end();
}

std::size_t Exchange::body_pieces(std::array<iovec, 4>& pieces, std::size_t at, std::string& model) const {
  const std::string_view bytes = body();
  const auto add = [&](std::string_view piece) {
    if (!piece.empty()) pieces[at++] = {const_cast<char*>(piece.data()), piece.size()};
  };
  const std::string_view wanted = endpoint_->model_name(model_);
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

net::Task<long> Exchange::send_request() {
  net::http1::HeadText head;
  head.write([this](net::http1::HeadWriter& writer) { write_upstream_head(writer); });
  upstream_.set_write_deadline(reactor_.now() + routing_->config().timeouts.body_idle);
  if (body_mode_ == BodyMode::Streamed && !body_read_) {
    sender_.start(pump_body(std::move(head)));
    co_return 0;
  }
  if (body_bytes_ > InlineSendMax) {
    sender_.start(send_large(std::move(head)));
    co_return 0;
  }
  std::array<iovec, 4> pieces{};
  std::string model;
  pieces[0] = {head.data(), head.size()};
  std::size_t used = 1;
  if (request_framing_ != net::http1::Framing::None) used = body_pieces(pieces, 1, model);
  std::size_t copied = 1;
  if (body_bytes_ <= CopiedBodyMax) {
    while (copied < used && head.append({static_cast<const char*>(pieces[copied].iov_base), pieces[copied].iov_len})) ++copied;
    pieces[copied - 1] = {head.data(), head.size()};
  }
  co_return co_await upstream_.send(std::span(pieces).first(used).subspan(copied - 1));
}

net::Task<> Exchange::send_large(net::http1::HeadText head) {
  std::array<iovec, 4> pieces{};
  std::string model;
  pieces[0] = {head.data(), head.size()};
  const std::size_t used = body_pieces(pieces, 1, model);
  // In slices, because a deadline is for the whole of a send: what is limited is a pause, not how long a large body takes.
  for (iovec& piece : std::span(pieces).first(used)) {
    while (piece.iov_len > 0) {
      iovec slice{piece.iov_base, std::min(piece.iov_len, SendSliceBytes)};
      piece = {static_cast<char*>(piece.iov_base) + slice.iov_len, piece.iov_len - slice.iov_len};
      upstream_.set_write_deadline(reactor_.now() + routing_->config().timeouts.body_idle);
      if (co_await upstream_.send({&slice, 1}) < 0) {
        request_sent_ = false;
        co_return;
      }
    }
  }
}

net::Task<> Exchange::pump_body(net::http1::HeadText head) {
  // Streams the body as it comes: at most one block of it is here at a time. Framing is checked on the way.
  const ClientTimeoutConfig& timeouts = routing_->config().timeouts;
  net::http1::ChunkedDecoder decoder;
  std::uint64_t remaining = request_framing_ == net::http1::Framing::Length ? request_content_length_ : 0;
  net::Buffer block = net::Buffer::take();
  BodyPace pace = body_pace();
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
          body_fault_ = BodyFault::Malformed;
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
      session_.inbox.keep(unread);
      body_read_ = true;
      client_.watch_hangup({.notify = &Exchange::client_hung_up, .context = this});
      co_return;
    }
    if (!unread.empty()) continue;  // more chunks than pieces
    const Instant asked = reactor_.now();
    client_.set_read_deadline(asked + pace.patience());
    const long got = co_await client_.recv(block.from(0));
    if (got > 0) pace.received(static_cast<std::uint64_t>(got), reactor_.now() - asked);
    if (got <= 0 || pace.late()) {
      keep_alive_ = false;
      if (got > 0 || got == -ETIMEDOUT) {
        body_fault_ = BodyFault::Late;
      } else if (got != -ECANCELED) {
        client_gone_ = true;
      }
      upstream_.cancel();
      co_return;
    }
    request_bytes_ += static_cast<std::uint64_t>(got);
    unread = block.view(0, static_cast<std::size_t>(got));
  }
}

Duration Exchange::class_limit(std::string_view name) const {
  const auto& limits = route_->config.timeouts.first_token_by_class;
  const auto found = limits.find(std::string(name));
  return found == limits.end() ? route_->config.timeouts.first_token : found->second;
}

net::Task<> Exchange::refuse_for_memory() {
  worker_.shared.metrics->server().memory_refused.add();
  return refuse({.status = 503,
                 .type = "server_error",
                 .code = "memory_limit",
                 .message = "The gateway holds as many request bodies as it may (limits.memory_bytes); try again.",
                 .retry_after = std::chrono::seconds(1)});
}

net::Task<> Exchange::refuse_with(const route::Refusal& refusal) {
  const std::string pool = "Pool '" + route_->config.name + "'";
  const Duration later = std::max<Duration>(refusal.retry_after, std::chrono::seconds(1));
  switch (refusal.reason) {
    case route::RefusalReason::NoEndpoint:
      return refuse({.status = 503,
                     .type = "server_error",
                     .code = "no_endpoint",
                     .message = pool + " has no endpoint for the model '" + model_ + "'.",
                     .retry_after = refusal.retry_after});
    case route::RefusalReason::AllDown:
      return refuse({.status = 503,
                     .type = "server_error",
                     .code = "all_endpoints_down",
                     .message = pool + " has no endpoint that can take a request now; try again later.",
                     .retry_after = later});
    case route::RefusalReason::QueueFull:
      return refuse({.status = 429,
                     .type = "rate_limit_error",
                     .code = "queue_full",
                     .message = pool + " is at its capacity and its queue is full; try again later.",
                     .retry_after = later});
    case route::RefusalReason::QueueTimeout:
      return refuse({.status = 503,
                     .type = "server_error",
                     .code = "queue_timeout",
                     .message = "The request waited for capacity as long as it may (queue.wait_max of pool '" + route_->config.name + "').",
                     .retry_after = later});
    case route::RefusalReason::DeadlineUnmeetable:
      return refuse({.status = 503,
                     .type = "server_error",
                     .code = "deadline_unmeetable",
                     .message = pool + " is too busy to answer within the request's first-token objective; try again later.",
                     .retry_after = later});
    case route::RefusalReason::ClassShed:
      return refuse({.status = 429,
                     .type = "rate_limit_error",
                     .code = "class_shed",
                     .message = pool + " is at its capacity, and the request's place in the queue went to a more urgent one; try again later.",
                     .retry_after = later});
    case route::RefusalReason::TenantShare:
      return refuse({.status = 429,
                     .type = "rate_limit_error",
                     .code = "tenant_share",
                     .message = pool + " is at its capacity, and as many requests of this tenant wait as may (tenant_share_max); try again later.",
                     .retry_after = later});
    case route::RefusalReason::ZoneUnavailable:
      return refuse({.status = 503,
                     .type = "server_error",
                     .code = "zone_unavailable",
                     .message = pool + " has no usable endpoint in the zones that this request's data may go to; it is not sent elsewhere.",
                     .retry_after = later});
    case route::RefusalReason::ModalityUnsupported:
      return refuse({.status = 400,
                     .type = "invalid_request_error",
                     .code = "modality_unsupported",
                     .message = pool + " has no endpoint that takes the images, sounds or films of this request."});
    case route::RefusalReason::ContextTooLong:
      return refuse({.status = 400,
                     .type = "invalid_request_error",
                     .code = "context_length_exceeded",
                     .message = "The prompt (about " + std::to_string(view_.prompt_tokens) + " tokens) and the bound of the answer (" +
                                std::to_string(view_.output_tokens_max) + ") do not fit into the context of any endpoint of pool '" +
                                route_->config.name + "'."});
    case route::RefusalReason::RetryBudget:
    case route::RefusalReason::AttemptsExhausted: break;
  }
  return refuse({.status = 502, .type = "server_error", .code = "endpoint_failed", .message = pool + " could not serve the request."});
}

net::Task<> Exchange::refuse_after(const Attempt& attempt) {
  const std::string why = detail_;
  const std::string tried = " (" + std::to_string(attempts_) + (attempts_ == 1 ? " attempt: " : " attempts, the last: ") + why + ").";
  if (attempt.ending == route::Ending::Timeout) {
    co_await refuse(
        {.status = 504, .type = "server_error", .code = "first_token_timeout", .message = "No endpoint answered in time" + tried},
        EndedBy::Timeout);
  } else {
    co_await refuse(
        {.status = 502, .type = "server_error", .code = "endpoint_failed", .message = "No endpoint could serve the request" + tried},
        EndedBy::EndpointFailed);
  }
  detail_ = why;  // the log says what happened, not only what the client was told
}

}  // namespace evener::gateway
