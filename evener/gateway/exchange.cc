// One request from its head to its log line: finding who serves it, the answers of our own, and what is written about it.

#include "evener/gateway/exchange.h"

#include <algorithm>
#include <ctime>

#include "evener/base/clock.h"
#include "evener/core/hashing.h"
#include "evener/gateway/paths.h"
#include "evener/gateway/request_class.h"
#include "evener/net/http1/head_writer.h"
#include "evener/protocol/prompt_blocks.h"

namespace evener::gateway {
namespace {

std::string_view cut(std::string_view text) { return text.substr(0, Exchange::LoggedTextMax); }

bool is_request_id(std::string_view id) {
  return !id.empty() && id.size() <= Exchange::RequestIdMax && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == ':';
  });
}

/// A request id of ours.
std::array<char, 16> hex(std::uint64_t bits) {
  constexpr char digits[] = "0123456789abcdef";
  std::array<char, 16> text;
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = digits[(bits >> (60 - 4 * i)) & 15U];
  return text;
}
std::string_view view_of(const std::array<char, 16>& text) { return {text.data(), text.size()}; }

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
  // What has not been read of this request cannot be told from the next one. If a drain began after the answer's head was written, the client
  // was not told that the connection ends and may be sending already: it gets one more answer.
  const bool reusable = keep_alive_ && body_read_ && !client_gone_ && client_;
  co_return reusable ? AfterExchange::KeepAlive : AfterExchange::Close;
}

void Exchange::name_request() {
  using net::http1::HeaderId;
  const net::http1::Headers& headers = worker_.request_head.headers;
  std::string_view given_trace;
  if (const auto* id = headers.find(HeaderId::XRequestId); id != nullptr && is_request_id(id->value)) request_id_ = id->value;
  if (const auto* trace = headers.find(HeaderId::Traceparent)) given_trace = trace->value;
  if (headers.holds(HeaderId::XEvener)) {
    if (const auto* hops = headers.find(HopsHeader)) hops_ = parse_hops(hops->value);
  }
  if (request_id_.empty()) request_id_ = view_of(hex(worker_.rng.next()));
  trace_ = telemetry::continue_trace(given_trace, worker_.rng.next(), worker_.rng.next(), worker_.rng.next());
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
    take_route(*route);
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

  std::optional<protocol::OpenAiRequest> parsed;
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
    tier_ = protocol::priority_of_service_tier(request->service_tier);
    if (!request->affinity.empty()) view_.affinity_key = hash64(request->affinity, 1);
    parsed = std::move(*request);
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
  take_route(*route);
  if (parsed) read_prompt(match.operation, *parsed);
}

void Exchange::take_route(const PoolRoute& route) {
  route_ = &route;
  tenant_ = classify(view_, route.config.classes, route.config.tenants, parsed_head().headers, tier_);
}

void Exchange::read_prompt(protocol::Operation operation, const protocol::OpenAiRequest& request) {
  const bool asked = route_->rules.tokens || view_.tenant != 0;  // tenants share by tokens
  if (!asked || operation == protocol::Operation::PassJson) return;
  prompt_ = std::make_unique<PromptNote>();
  const std::uint64_t salt = route_->rules.blocks ? protocol::prompt_salt(tenant_, model_, {}, worker_.shared.prompt_secret) : 0;
  note_prompt(*prompt_, view_, route_->rules, salt, route_->pool->estimates(), operation, request, body());
}

net::Task<> Exchange::serve_models(const protocol::OperationMatch& match) {
  if (!body_read_ && !co_await read_body(4096)) co_return;
  if (routing_->models_json().empty() && routing_->models_pool() != nullptr) {
    take_route(*routing_->models_pool());
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
  if (request_id_.empty()) request_id_ = view_of(hex(worker_.rng.next()));  // its head never came
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
  request_.release();
  chunked_body_.release();
  memory_.release();
  if (worker_.request_head_owner == this) worker_.request_head_owner = nullptr;
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
  if (route_ != nullptr) {
    const PoolMetrics& metrics = route_->pool->metrics();
    metrics.requests[std::min<std::size_t>(status_ / 100, metrics.requests.size() - 1)].add();
    metrics.request_seconds.observe(seconds(total));
    if (first_token_ >= Duration::zero()) {
      metrics.first_token_seconds.observe(seconds(first_token_));
      if (events > 1) metrics.time_per_token_seconds.observe(seconds(total - first_token_) / static_cast<double>(events - 1));
    }
    if (queue_ > Duration::zero()) metrics.queue_seconds[static_cast<std::size_t>(view_.priority)].observe(seconds(queue_));
    if (sse_ && sse_->too_large() > 0) metrics.large_events.add(sse_->too_large());
    if (usage_) {
      metrics.prompt_tokens.add(usage_->prompt_tokens);
      metrics.completion_tokens.add(usage_->completion_tokens);
      metrics.cached_tokens.add(usage_->cached_tokens);
      if (prompt_ && route_->rules.blocks && usage_->cached_reported) {
        const std::uint64_t expected = cached_expected(lease_.share());
        metrics.prefix_expected.add(expected);
        metrics.prefix_cached.add(usage_->cached_tokens);
        metrics.prefix_error.add(std::max(expected, usage_->cached_tokens) - std::min(expected, usage_->cached_tokens));
      }
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
                      .request_class = route_ == nullptr ? std::string_view() : route::priority_name(view_.priority),
                      .tenant = tenant_,
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
                      .cached_tokens = usage_ && usage_->cached_reported ? static_cast<std::int64_t>(usage_->cached_tokens) : -1,
                      .estimated = prompt_ != nullptr,
                      .prompt_tokens_estimated = view_.prompt_tokens,
                      .cached_tokens_expected = cached_expected(lease_.share()),
                      .first_token_predicted = from_seconds(lease_.share().predicted_first_token_s)},
                     wall_clock_ns());
  worker_.log->line_done(now);
}

}  // namespace evener::gateway
