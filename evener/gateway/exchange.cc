#include "evener/gateway/exchange.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "evener/base/clock.h"
#include "evener/core/hashing.h"
#include "evener/gateway/paths.h"
#include "evener/net/http1/head_writer.h"

namespace evener::gateway {
namespace {

constexpr std::size_t LoggedTextMax = 256;   // of a path or model in the log

std::string_view cut(std::string_view text) { return text.substr(0, LoggedTextMax); }

bool is_request_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == ':';
  });
}

/// For the log; methods that no client of ours has a use for are not told apart.
std::string_view method_name(net::http1::Method method) {
  using enum net::http1::Method;
  switch (method) {
    case Get: return "GET";
    case Head: return "HEAD";
    case Post: return "POST";
    case Put: return "PUT";
    case Delete: return "DELETE";
    case Options: return "OPTIONS";
    case Patch: return "PATCH";
    case Other: break;
  }
  return "OTHER";
}

void append_hex(std::string& out, std::uint64_t bits) {
  constexpr char digits[] = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) out += digits[(bits >> shift) & 15U];
}

/// The Date header (RFC 9110 section 5.6.7), kept for a second per thread.
std::string_view http_date(std::int64_t wall_ns) {
  thread_local std::int64_t kept = -1;
  thread_local char text[40];
  const std::int64_t second = wall_ns / 1'000'000'000;
  if (second != kept) {
    kept = second;
    const std::time_t t = second;
    std::tm utc{};
    ::gmtime_r(&t, &utc);
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  }
  return text;
}

}  // namespace

net::Task<AfterExchange> run_exchange(Session& session) {
  Exchange exchange(session);
  co_return co_await exchange.run();
}

Exchange::Exchange(Session& session)
    : session_(session),
      worker_(session.worker),
      client_(session.client),
      reactor_(session.worker.reactor),
      routing_(session.worker.routing()),
      began_(reactor_.now()) {
  worker_.exchange_began();
  worker_.shared.metrics->server().active.add();
}

Exchange::~Exchange() {
  worker_.exchange_ended();
  worker_.shared.metrics->server().active.subtract();
  if (worker_.request_head_owner == this) worker_.request_head_owner = nullptr;
}

net::Task<AfterExchange> Exchange::run() {
  if (co_await read_head()) {
    co_await find_route();
    if (route_ != nullptr) co_await proxy();
  }
  if (client_) client_.forget_hangup_watch();
  if (!request_id_.empty()) write_log();
  // What has not been read of this request cannot be told from the next one.
  const bool reusable = keep_alive_ && body_read_ && !client_gone_ && client_ && !worker_.shared.draining.load(std::memory_order_relaxed);
  co_return reusable ? AfterExchange::KeepAlive : AfterExchange::Close;
}

net::Task<bool> Exchange::receive(net::Buffer& into, std::size_t& end, std::size_t most, Instant deadline) {
  client_.set_read_deadline(deadline);
  const long got = co_await client_.recv(into.from(end).first(std::min(most, into.capacity() - end)));
  if (got > 0) {
    end += static_cast<std::size_t>(got);
    co_return true;
  }
  keep_alive_ = false;
  if (got == -ETIMEDOUT) {
    co_await refuse({.status = 408,
                     .type = "invalid_request_error",
                     .code = "request_timeout",
                     .message = "The request did not arrive in time; send it without long pauses."},
                    EndedBy::BadRequest);
  } else {
    client_gone_ = true;
    ended_ = EndedBy::ClientGone;
  }
  co_return false;
}

net::Task<bool> Exchange::read_head() {
  const Config& config = routing_->config();
  if (session_.inbox.empty()) {
    session_.inbox.clear();
    request_ = net::Buffer::take();
  } else {
    Inbox& inbox = session_.inbox;
    request_ = std::move(inbox.buffer);
    request_end_ = inbox.end - inbox.begin;
    std::memmove(request_.data(), request_.data() + inbox.begin, request_end_);
    inbox.clear();
  }
  const Instant deadline = began_ + config.timeouts.head;
  net::http1::HeadScanner scanner;
  const net::http1::HeadError* error = nullptr;
  for (;;) {
    const auto state = scanner.scan(request_.view(0, request_end_));
    if (state == net::http1::HeadScanner::State::Bad) {
      static constexpr net::http1::HeadError stray{.status = 400, .reason = "a line of the head does not end in CRLF"};
      error = &stray;
      break;
    }
    const bool complete = state == net::http1::HeadScanner::State::Complete;
    if ((complete ? scanner.length() : request_end_) > config.limits.head_bytes) {
      static constexpr net::http1::HeadError large{.status = 431, .reason = "the head is larger than limits.head_bytes"};
      error = &large;
      break;
    }
    if (complete) break;
    if (request_end_ == request_.capacity()) {
      net::Buffer larger = net::Buffer::take(request_.capacity() * 2);
      std::memcpy(larger.data(), request_.data(), request_end_);
      request_ = std::move(larger);
    }
    if (!co_await receive(request_, request_end_, request_.capacity(), deadline)) co_return false;
  }
  if (error == nullptr) {
    head_bytes_ = scanner.length();
    worker_.request_head_owner = this;
    error = net::http1::parse_request_head(request_.view(0, head_bytes_), worker_.request_head);
  }
  if (error != nullptr) {
    keep_alive_ = false;
    co_await refuse({.status = error->status, .type = "invalid_request_error", .code = "malformed_request", .message = error->reason},
                    EndedBy::BadRequest);
    co_return false;
  }
  take_request_line();
  co_return true;
}

void Exchange::take_request_line() {
  const net::http1::RequestHead& head = worker_.request_head;
  method_ = head.method_id;
  request_framing_ = head.framing;
  request_content_length_ = head.content_length;
  http10_ = head.minor_version == 0;
  keep_alive_ = head.keep_alive;
  expects_continue_ = head.expect_continue;
  log_method_ = method_name(head.method_id);
  log_path_ = cut(head.path);
  request_bytes_ = head_bytes_;
  if (request_framing_ == net::http1::Framing::None) {
    body_read_ = true;
    if (request_end_ > head_bytes_) {
      session_.inbox.buffer = net::Buffer::take(request_end_ - head_bytes_);
      std::memcpy(session_.inbox.buffer.data(), request_.data() + head_bytes_, request_end_ - head_bytes_);
      session_.inbox.end = request_end_ - head_bytes_;
      request_end_ = head_bytes_;
    }
  }
  name_request();
}

void Exchange::name_request() {
  const net::http1::RequestHead& head = worker_.request_head;
  std::string_view given_trace;
  for (const net::http1::Header& header : head.headers) {
    if (header.id == net::http1::HeaderId::XRequestId && is_request_id(header.value)) request_id_ = header.value;
    if (header.id == net::http1::HeaderId::Traceparent) given_trace = header.value;
    if (header.id == net::http1::HeaderId::XEvener) {
      if (equals_ignoring_case(header.name, HopsHeader)) hops_ = parse_hops(header.value);
    }
  }
  if (request_id_.empty()) append_hex(request_id_, worker_.rng.next());
  trace_ = telemetry::continue_trace(given_trace, worker_.rng.next(), worker_.rng.next(), worker_.rng.next());
}

net::http1::RequestHead& Exchange::parsed_head() {
  if (worker_.request_head_owner != this) {
    worker_.request_head_owner = this;
    // It was accepted once, so it is accepted again.
    (void)net::http1::parse_request_head(request_.view(0, head_bytes_), worker_.request_head);
  }
  return worker_.request_head;
}

std::string_view Exchange::body() const {
  return request_framing_ == net::http1::Framing::Chunked ? chunked_body_.view(0, chunked_body_bytes_)
                                                          : request_.view(head_bytes_, static_cast<std::size_t>(request_content_length_));
}

net::Task<> Exchange::continue_if_expected() {
  if (http10_ || request_end_ > head_bytes_) co_return;
  static constexpr std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
  iovec piece{const_cast<char*>(interim.data()), interim.size()};
  client_.set_write_deadline(reactor_.now() + routing_->config().timeouts.send_idle);
  (void)co_await client_.send({&piece, 1});
}

net::Task<bool> Exchange::read_body(std::uint64_t limit) {
  const Config& config = routing_->config();
  const auto too_large = [&] {
    return refuse({.status = 413,
                   .type = "invalid_request_error",
                   .code = "body_too_large",
                   .message = "The body is larger than " + std::to_string(limit) + " bytes (limits.body_bytes)."},
                  EndedBy::BadRequest);
  };
  if (request_framing_ == net::http1::Framing::None) co_return true;
  if (request_framing_ == net::http1::Framing::Length) {
    if (request_content_length_ > limit) {
      co_await too_large();
      co_return false;
    }
    const std::size_t whole = head_bytes_ + static_cast<std::size_t>(request_content_length_);
    if (!worker_.shared.memory.grow(memory_, std::max(whole, request_.capacity()))) {
      co_await refuse_for_memory();
      co_return false;
    }
    if (whole > request_.capacity()) {
      net::Buffer larger = net::Buffer::take(whole);
      std::memcpy(larger.data(), request_.data(), request_end_);
      request_ = std::move(larger);
    }
    if (expects_continue_) co_await continue_if_expected();
    while (request_end_ < whole) {
      if (!co_await receive(request_, request_end_, whole - request_end_, reactor_.now() + config.timeouts.body_idle)) co_return false;
    }
    if (request_end_ > whole) {
      session_.inbox.buffer = net::Buffer::take(request_end_ - whole);
      std::memcpy(session_.inbox.buffer.data(), request_.data() + whole, request_end_ - whole);
      session_.inbox.end = request_end_ - whole;
      request_end_ = whole;
    }
    body_bytes_ = request_content_length_;
    request_bytes_ = whole;
    body_read_ = true;
    co_return true;
  }

  if (expects_continue_) co_await continue_if_expected();
  net::http1::ChunkedDecoder decoder;
  chunked_body_ = net::Buffer::take();
  std::size_t at = head_bytes_;
  for (;;) {
    const auto step = decoder.next(request_.view(at, request_end_ - at));
    at += step.bytes.size();
    if (step.kind == net::http1::ChunkedDecoder::Kind::End) break;
    if (step.kind == net::http1::ChunkedDecoder::Kind::Bad) {
      keep_alive_ = false;
      co_await refuse({.status = 400, .type = "invalid_request_error", .code = "malformed_request", .message = "the chunked body is malformed"},
                      EndedBy::BadRequest);
      co_return false;
    }
    if (step.kind == net::http1::ChunkedDecoder::Kind::Data) {
      const std::size_t needed = chunked_body_bytes_ + step.bytes.size();
      if (needed > limit) {
        co_await too_large();
        co_return false;
      }
      if (needed > chunked_body_.capacity()) {
        const std::size_t larger_bytes = std::max(needed, chunked_body_.capacity() * 2);
        if (!worker_.shared.memory.grow(memory_, larger_bytes + request_.capacity())) {
          co_await refuse_for_memory();
          co_return false;
        }
        net::Buffer larger = net::Buffer::take(larger_bytes);
        std::memcpy(larger.data(), chunked_body_.data(), chunked_body_bytes_);
        chunked_body_ = std::move(larger);
      }
      std::memcpy(chunked_body_.data() + chunked_body_bytes_, step.bytes.data(), step.bytes.size());
      chunked_body_bytes_ = needed;
    }
    if (step.kind == net::http1::ChunkedDecoder::Kind::NeedMore) {
      at = request_end_ = head_bytes_;
      if (request_end_ == request_.capacity()) {  // a head that fills its block to the last byte
        net::Buffer larger = net::Buffer::take(request_.capacity() * 2);
        std::memcpy(larger.data(), request_.data(), request_end_);
        request_ = std::move(larger);
      }
      if (!co_await receive(request_, request_end_, request_.capacity(), reactor_.now() + config.timeouts.body_idle)) co_return false;
    }
  }
  if (request_end_ > at) {
    session_.inbox.buffer = net::Buffer::take(request_end_ - at);
    std::memcpy(session_.inbox.buffer.data(), request_.data() + at, request_end_ - at);
    session_.inbox.end = request_end_ - at;
  }
  request_end_ = head_bytes_;
  body_bytes_ = chunked_body_bytes_;
  request_bytes_ = head_bytes_ + chunked_body_bytes_;
  body_read_ = true;
  co_return true;
}

net::Task<> Exchange::find_route() {
  const net::http1::RequestHead& head = parsed_head();
  const Config& config = routing_->config();
  if (hops_ >= HopsMax) {
    co_await refuse({.status = 508,
                     .type = "server_error",
                     .code = "loop_detected",
                     .message = "The request has passed through " + std::to_string(HopsMax) + " gateways: an endpoint leads back to a gateway."});
    co_return;
  }
  if (const PoolRoute* route = routing_->by_path(head.path)) {
    if (!is_plain_path(head.path)) {
      co_await refuse({.status = 400,
                       .type = "invalid_request_error",
                       .code = "ambiguous_path",
                       .message = "The path has empty, '.' or '..' segments, or encoded slashes; send it normalised."},
                      EndedBy::BadRequest);
      co_return;
    }
    for (const std::string& name : route->config.session_headers) {
      if (const auto* header = head.headers.find(name)) {
        view_.affinity_key = hash64(header->value, 1);
        break;
      }
    }
    view_.prompt_bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(request_content_length_, UINT32_MAX));
    body_mode_ = BodyMode::Streamed;
    route_ = route;
    co_return;
  }

  const protocol::OperationMatch match = protocol::match_operation(head.method, head.path);
  if (match.operation == protocol::Operation::Unknown) {
    worker_.shared.metrics->server().unrouted.add();
    co_await refuse({.status = 404,
                     .type = "invalid_request_error",
                     .code = "unknown_path",
                     .message = "There is nothing at " + std::string(cut(head.path)) + "; the OpenAI API starts at /v1/."});
    co_return;
  }
  if (!match.method_allowed) {
    worker_.shared.metrics->server().unrouted.add();
    co_await refuse({.status = 405,
                     .type = "invalid_request_error",
                     .code = "method_not_allowed",
                     .message = "The method " + std::string(cut(head.method)) + " is not allowed at " + std::string(cut(head.path)) + "."});
    co_return;
  }
  if (match.operation == protocol::Operation::ModelList || match.operation == protocol::Operation::ModelGet) {
    co_await serve_models(match);
    co_return;
  }
  if (!co_await read_body(config.limits.body_bytes)) co_return;

  if (match.operation == protocol::Operation::PassMultipart) {
    const auto* content_type = parsed_head().headers.find(net::http1::HeaderId::ContentType);
    auto found = protocol::read_multipart_model(content_type == nullptr ? std::string_view() : content_type->value, body());
    if (!found) {
      co_await refuse({.status = 400, .type = "invalid_request_error", .code = "invalid_body", .message = std::move(found.error().message)},
                      EndedBy::BadRequest);
      co_return;
    }
    model_ = std::move(found->model);
    model_value_ = found->value;
    model_quoted_ = false;
  } else {
    auto request = protocol::read_openai_request(body());
    if (!request) {
      co_await refuse({.status = 400, .type = "invalid_request_error", .code = "invalid_body", .message = std::move(request.error().message)},
                      EndedBy::BadRequest);
      co_return;
    }
    model_ = std::move(request->model);
    model_value_ = request->model_value;
    view_.stream = request->stream;
    view_.output_tokens_max = request->output_tokens_max;
    if (!request->affinity.empty()) view_.affinity_key = hash64(request->affinity, 1);
  }
  if (const std::string_view served = routing_->resolve_alias(model_); served != model_) {
    model_ = std::string(served);
    model_renamed_ = true;
  }
  const PoolRoute* route = routing_->by_model(model_);
  if (route == nullptr) {
    worker_.shared.metrics->server().unrouted.add();
    co_await refuse({.status = 404,
                     .type = "invalid_request_error",
                     .code = "model_not_found",
                     .message = "The model '" + std::string(cut(model_)) + "' does not exist here; GET /v1/models lists those that do."});
    co_return;
  }
  view_.model = model_hash(model_);
  view_.prompt_bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(body_bytes_, UINT32_MAX));
  if (!route->config.session_headers.empty()) {
    const auto& headers = parsed_head().headers;
    for (const std::string& name : route->config.session_headers) {
      if (const auto* header = headers.find(name)) {
        view_.affinity_key = hash64(header->value, 1);
        break;
      }
    }
  }
  route_ = route;
}

net::Task<> Exchange::serve_models(const protocol::OperationMatch& match) {
  if (!body_read_ && !co_await read_body(4096)) co_return;
  if (routing_->models_json().empty() && routing_->models_pool() != nullptr) {
    route_ = routing_->models_pool();
    co_return;
  }
  if (match.operation == protocol::Operation::ModelList) {
    co_await answer(200, "application/json", routing_->models_json().empty() ? R"({"object":"list","data":[]})" : routing_->models_json());
    co_return;
  }
  const protocol::OperationMatch again = protocol::match_operation(parsed_head().method, parsed_head().path);
  const std::string model = percent_decoded(again.model_id);
  if (routing_->lists_model(model)) {
    std::string json;
    append_model_json(json, model);
    co_await answer(200, "application/json", std::move(json));
    co_return;
  }
  co_await refuse({.status = 404,
                   .type = "invalid_request_error",
                   .code = "model_not_found",
                   .message = "The model '" + std::string(cut(model)) + "' does not exist here; GET /v1/models lists those that do."});
}

net::Task<> Exchange::refuse(OwnError error, EndedBy ended) {
  ended_ = ended;
  detail_ = error.code;
  if (ended == EndedBy::BadRequest) worker_.shared.metrics->server().bad_requests.add();
  if (request_id_.empty()) append_hex(request_id_, worker_.rng.next());  // its head never came
  if (!body_read_) keep_alive_ = false;
  co_await answer(error.status, "application/json", protocol::openai_error(error.message, error.type, error.code), error.retry_after);
}

net::Task<> Exchange::answer(std::uint16_t status, std::string_view content_type, std::string body, Duration retry_after) {
  std::string head;
  net::http1::HeadWriter writer(head);
  writer.status_line(status);
  writer.header("Date", http_date(wall_clock_ns()));
  writer.header("Content-Type", content_type);
  writer.header("Content-Length", body.size());
  if (!request_id_.empty()) writer.header("x-request-id", request_id_);
  if (retry_after > Duration::zero()) {
    writer.header("Retry-After", static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(retry_after).count()));
  }
  if (worker_.shared.draining.load(std::memory_order_relaxed)) keep_alive_ = false;
  if (!keep_alive_) {
    writer.header("Connection", "close");
  } else if (http10_) {
    writer.header("Connection", "keep-alive");
  }
  writer.end();
  iovec pieces[2] = {{head.data(), head.size()}, {body.data(), method_ == net::http1::Method::Head ? 0 : body.size()}};
  client_.set_write_deadline(reactor_.now() + routing_->config().timeouts.send_idle);
  const long sent = co_await client_.send(pieces);
  if (sent < 0) {
    client_gone_ = true;
    co_return;
  }
  status_ = status;
  response_bytes_ += static_cast<std::uint64_t>(sent);
  if (!keep_alive_) co_await linger();
}

net::Task<> Exchange::linger() {
  // Closing with unread input makes the kernel send a reset, which can destroy the answer before the client has read it.
  constexpr Duration LingerMax = std::chrono::seconds(2);
  constexpr std::size_t LingerBytesMax = 4 * 1024 * 1024;
  if (body_read_) co_return;
  client_.shutdown_send();
  net::Buffer sink = net::Buffer::take();
  const Instant deadline = reactor_.now() + LingerMax;
  for (std::size_t read = 0; read < LingerBytesMax;) {
    client_.set_read_deadline(deadline);
    const long got = co_await client_.recv(sink.from(0));
    if (got <= 0) break;
    read += static_cast<std::size_t>(got);
  }
}

void Exchange::write_log() {
  const Instant now = reactor_.now();
  const Duration total = now - began_;
  const std::uint64_t events = sse_ ? sse_->events() : 0;
  if (sse_ && sse_->usage()) usage_ = sse_->usage();
  if (route_ != nullptr) {
    const PoolMetrics& metrics = route_->pool->metrics();
    metrics.requests[std::min<std::size_t>(status_ / 100, metrics.requests.size() - 1)].add();
    metrics.request_seconds.observe(seconds(total));
    if (first_token_ >= Duration::zero()) {
      metrics.first_token_seconds.observe(seconds(first_token_));
      if (events > 1) metrics.time_per_token_seconds.observe(seconds(total - first_token_) / static_cast<double>(events - 1));
    }
    if (queue_ > Duration::zero()) metrics.queue_seconds.observe(seconds(queue_));
    if (usage_) {
      metrics.prompt_tokens.add(usage_->prompt_tokens);
      metrics.completion_tokens.add(usage_->completion_tokens);
      metrics.cached_tokens.add(usage_->cached_tokens);
    }
  }
  if (!worker_.log) return;
  append_access_line(worker_.log->buffer(),
                     {.request_id = request_id_,
                      .trace_id = trace_.trace_id(),
                      .client = session_.client_text(),
                      .method = log_method_,
                      .path = log_path_,
                      .pool = route_ == nullptr ? std::string_view() : std::string_view(route_->config.name),
                      .endpoint = endpoint_ == nullptr ? std::string_view() : std::string_view(endpoint_->config.name),
                      .model = cut(model_),
                      .pick = pick_,
                      .detail = detail_,
                      .status = status_,
                      .ended = ended_,
                      .attempts = attempts_,
                      .stream = view_.stream,
                      .queue = queue_,
                      .connect = connect_,
                      .first_token = first_token_,
                      .total = total,
                      .request_bytes = request_bytes_,
                      .response_bytes = response_bytes_,
                      .events = events,
                      .prompt_tokens = usage_ ? static_cast<std::int64_t>(usage_->prompt_tokens) : -1,
                      .completion_tokens = usage_ ? static_cast<std::int64_t>(usage_->completion_tokens) : -1,
                      .cached_tokens = usage_ ? static_cast<std::int64_t>(usage_->cached_tokens) : -1},
                     wall_clock_ns());
  worker_.log->line_done(now);
}

}  // namespace evener::gateway
