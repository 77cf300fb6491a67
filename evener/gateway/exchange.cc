// One request from its head to its log line: finding who serves it, the answers of our own, and what is written about it.

#include "evener/gateway/exchange.h"

#include <algorithm>
#include <ctime>

#include "evener/base/hex.h"
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
  return !id.empty() && id.size() <= ClientRequest::IdMax && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == ':';
  });
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

Exchange::Exchange(Session& session)
    : session_(session),
      worker_(session.worker),
      client_(session.client),
      reactor_(session.worker.reactor),
      routing_(session.worker.routing()),
      request_(session),
      waiter_(reactor_) {
  worker_.exchange_began();
  worker_.shared.metrics->server().active.add();
}

Exchange::~Exchange() {
  worker_.exchange_ended();
  worker_.shared.metrics->server().active.subtract();
}

net::Task<AfterExchange> Exchange::run(Session& session) {
  Exchange self(session);
  if (co_await self.read_head()) {
    co_await self.find_route();
    if (self.route_ != nullptr) co_await self.proxy();
    while (self.waiter_.named && !self.waiter_.asked) co_await self.waiter_.told.wait_uninterrupted();  // it names the waiter
  }
  if (self.client_) self.client_.forget_hangup_watch();
  const ClientRequest& request = self.request_;
  if (!request.id.empty()) self.write_log();
  // What has not been read of this request cannot be told from the next one. If a drain began after the answer's head was written, the client
  // was not told that the connection ends and may be sending already: it gets one more answer.
  const bool reusable = request.keep_alive && request.body_read && !request.client_gone && self.client_;
  co_return reusable ? AfterExchange::KeepAlive : AfterExchange::Close;
}

void Exchange::name_request() {
  using net::http1::HeaderId;
  const net::http1::Headers& headers = worker_.request_head.headers;
  std::string_view given_trace;
  if (const auto* id = headers.find(HeaderId::XRequestId); id != nullptr && is_request_id(id->value)) request_.id = id->value;
  if (const auto* trace = headers.find(HeaderId::Traceparent)) given_trace = trace->value;
  if (headers.holds(HeaderId::XEvener)) {
    if (const auto* hops = headers.find(HopsHeader)) request_.hops = parse_hops(hops->value);
  }
  if (request_.id.empty()) request_.id = view_of(hex_digits(worker_.rng.next()));
  request_.trace = telemetry::continue_trace(given_trace, worker_.rng.next(), worker_.rng.next(), worker_.rng.next());
}

net::Task<> Exchange::find_route() {
  const net::http1::RequestHead& head = request_.parsed_head();
  const Config& config = routing_->config();
  if (request_.hops >= HopsMax) {
    co_await refuse(
        {.status = 508,
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
        request_.view.affinity_key = hash64(header->value, 1);
        break;
      }
    }
    request_.view.prompt_bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(request_.content_length, UINT32_MAX));
    request_.body_mode = BodyMode::Streamed;
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

  const auto needs_model = match.model_optional ? protocol::ModelField::Optional : protocol::ModelField::Required;
  std::optional<protocol::OpenAiRequest> parsed;
  if (match.operation == protocol::Operation::PassMultipart) {
    const auto* content_type = request_.parsed_head().headers.find(net::http1::HeaderId::ContentType);
    auto found =
        protocol::read_multipart_model(content_type == nullptr ? std::string_view() : content_type->value, request_.body(), needs_model);
    if (!found) {
      co_await refuse({.status = 400, .type = "invalid_request_error", .code = "invalid_body", .message = std::move(found.error().message)},
                      EndedBy::BadRequest);
      co_return;
    }
    request_.model = std::move(found->model);
    request_.model_value = found->value;
    request_.model_quoted = false;
  } else {
    auto request = protocol::read_openai_request(request_.body(), needs_model);
    if (!request) {
      co_await refuse(
          {.status = 400, .type = "invalid_request_error", .code = "invalid_body", .message = std::move(request.error().message)},
          EndedBy::BadRequest);
      co_return;
    }
    request_.model = std::move(request->model);
    request_.model_value = request->model_value;
    request_.view.stream = request->stream;
    request_.view.output_tokens_max = request->output_tokens_max;
    tier_ = protocol::priority_of_service_tier(request->service_tier);
    if (!request->affinity.empty()) request_.view.affinity_key = hash64(request->affinity, 1);
    parsed = std::move(*request);
  }
  if (const std::string_view served = routing_->resolve_alias(request_.model); served != request_.model) {
    request_.model = std::string(served);
    request_.model_renamed = true;
  }
  // Who names none gets the default model, or else whoever takes every model; what the endpoint then uses is its own default.
  const std::string_view wanted = request_.model.empty() ? routing_->resolve_alias(config.default_model) : std::string_view(request_.model);
  const PoolRoute* route = routing_->by_model(wanted);
  if (route == nullptr && wanted.empty()) {
    co_await refuse({.status = 400,
                     .type = "invalid_request_error",
                     .code = "model_required",
                     .message = "The request names no model, and no default_model is configured; name one that GET /v1/models lists."},
                    EndedBy::BadRequest);
    co_return;
  }
  if (route == nullptr) {
    worker_.shared.metrics->server().unrouted.add();
    co_await refuse({.status = 404,
                     .type = "invalid_request_error",
                     .code = "model_not_found",
                     .message = "The model '" + std::string(cut(wanted)) + "' does not exist here; GET /v1/models lists those that do."});
    co_return;
  }
  const std::string_view base = route->base_of(wanted);
  request_.view.model = base.empty() ? 0 : model_hash(base);
  if (base != wanted) request_.view.adapter = model_hash(wanted);
  request_.view.prompt_bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(request_.body_bytes, UINT32_MAX));
  if (!route->config.session_headers.empty()) {
    const auto& headers = request_.parsed_head().headers;
    for (const std::string& name : route->config.session_headers) {
      if (const auto* header = headers.find(name)) {
        request_.view.affinity_key = hash64(header->value, 1);
        break;
      }
    }
  }
  const std::string_view tenant = take_route(*route);
  if (!parsed) co_return;
  read_prompt(match.operation, *parsed, tenant);
  if (route->config.continuation.enabled) {
    const auto where = protocol::read_continuable(match.operation, *parsed, request_.body());
    if (where) continuation_ = std::make_unique<Continuation>(*where, parsed->include_usage);
  }
}

std::string_view Exchange::take_route(const PoolRoute& route) {
  route_ = &route;
  const std::string_view tenant =
      classify(request_.view, route.config.classes, route.config.tenants, request_.parsed_head().headers, tier_);
  tenant_ = tenant.substr(0, TenantLoggedMax);
  return tenant;
}

void Exchange::read_prompt(protocol::Operation operation, const protocol::OpenAiRequest& request, std::string_view tenant) {
  const bool asked = route_->rules.tokens || request_.view.tenant != 0;  // tenants share by tokens
  if (!asked || operation == protocol::Operation::PassJson) return;
  request_.prompt = std::make_unique<PromptNote>();
  std::uint64_t salt = 0;
  if (route_->rules.blocks) {
    const std::string_view adapter = request_.view.adapter == 0 ? std::string_view() : request_.model;
    // The tenant's whole name: those whose names begin alike share nothing.
    salt = protocol::prompt_salt(tenant, route_->base_of(request_.model), adapter, worker_.shared.prompt_secret);
  }
  note_prompt(*request_.prompt, request_.view, route_->rules, salt, route_->pool->estimates(), operation, request, request_.body());
}

net::Task<> Exchange::serve_models(const protocol::OperationMatch& match) {
  if (!request_.body_read && !co_await read_body(4096)) co_return;
  if (routing_->models_json().empty() && routing_->models_pool() != nullptr) {
    take_route(*routing_->models_pool());
    request_.view.prompt_tokens = 1;  // next to nothing, rather than unknown: what cannot be priced goes nowhere where money is limited
    co_return;
  }
  if (match.operation == protocol::Operation::ModelList) {
    co_await answer(200, "application/json", routing_->models_json().empty() ? R"({"object":"list","data":[]})" : routing_->models_json());
    co_return;
  }
  const protocol::OperationMatch again = protocol::match_operation(request_.parsed_head().method, request_.parsed_head().path);
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
  if (request_.id.empty()) request_.id = view_of(hex_digits(worker_.rng.next()));  // its head never came
  if (!request_.body_read) request_.keep_alive = false;
  co_await answer(error.status, "application/json", protocol::openai_error(error.message, error.type, error.code), error.retry_after);
}

net::Task<> Exchange::answer(std::uint16_t status, std::string_view content_type, std::string body, Duration retry_after) {
  std::string head;
  net::http1::HeadWriter writer(head);
  writer.status_line(status);
  writer.header("Date", http_date(wall_clock_ns()));
  writer.header("Content-Type", content_type);
  writer.header("Content-Length", body.size());
  if (!request_.id.empty()) writer.header("x-request-id", request_.id);
  if (retry_after > Duration::zero()) {
    writer.header("Retry-After", static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(retry_after).count()));
  }
  if (worker_.shared.draining.load(std::memory_order_relaxed)) request_.keep_alive = false;
  if (!request_.keep_alive) {
    writer.header("Connection", "close");
  } else if (request_.http10) {
    writer.header("Connection", "keep-alive");
  }
  writer.end();
  iovec pieces[2] = {{head.data(), head.size()}, {body.data(), request_.method == net::http1::Method::Head ? 0 : body.size()}};
  client_.set_write_idle(routing_->config().timeouts.send_idle);
  const long sent = co_await client_.send(pieces);
  if (sent < 0) {
    request_.client_gone = true;
    co_return;
  }
  status_ = status;
  response_bytes_ += static_cast<std::uint64_t>(sent);
  if (!request_.keep_alive) co_await linger();
}

net::Task<> Exchange::linger() {
  // Closing with unread input makes the kernel send a reset, which can destroy the answer before the client has read it.
  constexpr Duration LingerMax = std::chrono::seconds(2);
  constexpr std::size_t LingerBytesMax = 4 * 1024 * 1024;
  if (request_.body_read) co_return;
  request_.block.release();
  request_.chunked_body.release();
  memory_.release();
  if (worker_.request_head_owner == &request_) worker_.request_head_owner = nullptr;
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
  const Duration total = now - request_.began;
  const std::uint64_t events = sse_ ? sse_->events() : 0;
  static const route::Share nowhere;
  const route::Share& share = current_ != nullptr ? current_->lease().share() : nowhere;
  if (route_ != nullptr) {
    const PoolMetrics& metrics = route_->pool->metrics();
    metrics.requests[std::min<std::size_t>(status_ / 100, metrics.requests.size() - 1)].add();
    metrics.request_seconds.observe(seconds(total));
    if (first_token_ >= Duration::zero()) {
      metrics.first_token_seconds.observe(seconds(first_token_));
      if (events > 1) metrics.time_per_token_seconds.observe(seconds(total - first_token_) / static_cast<double>(events - 1));
    }
    if (queue_ > Duration::zero()) metrics.queue_seconds[static_cast<std::size_t>(request_.view.priority)].observe(seconds(queue_));
    if (sse_ && sse_->too_large() > 0) metrics.large_events.add(sse_->too_large());
    if (usage_) {
      metrics.prompt_tokens.add(usage_->prompt_tokens);
      metrics.completion_tokens.add(usage_->completion_tokens);
      metrics.cached_tokens.add(usage_->cached_tokens);
      if (request_.prompt && route_->rules.blocks && usage_->cached_reported) {
        const std::uint64_t expected = cached_expected(share);
        metrics.prefix_expected.add(expected);
        metrics.prefix_cached.add(usage_->cached_tokens);
        metrics.prefix_error.add(std::max(expected, usage_->cached_tokens) - std::min(expected, usage_->cached_tokens));
      }
    }
  }
  if (!worker_.log) return;
  append_access_line(worker_.log->buffer(),
                     {.request_id = request_.id,
                      .trace_id = request_.trace.trace_id(),
                      .client = session_.client_text(),
                      .method = log_method_,
                      .path = log_path_,
                      .pool = route_ == nullptr ? std::string_view() : std::string_view(route_->config.name),
                      .endpoint = current_ != nullptr ? std::string_view(current_->endpoint().config.name) : std::string_view(),
                      .model = cut(request_.model),
                      .request_class = route_ == nullptr ? std::string_view() : route::priority_name(request_.view.priority),
                      .tenant = tenant_,
                      .pick = current_ != nullptr ? route::pick_reason_name(current_->pick()) : std::string_view(),
                      .detail = detail_,
                      .hedge = hedge_ == nullptr || !hedge_->attempt ? std::string_view()
                               : hedge_->won                         ? "won"
                                                                     : "lost",
                      .status = status_,
                      .ended = ended_,
                      .attempts = attempts_,
                      .stream = request_.view.stream,
                      .preempted = waiter_.came != Instant{},
                      .queue = queue_,
                      .connect = current_ != nullptr ? current_->connect_time() : Duration(-1),
                      .first_token = first_token_,
                      .total = total,
                      .request_bytes = request_.bytes,
                      .response_bytes = response_bytes_,
                      .events = events,
                      .prompt_tokens = usage_ ? static_cast<std::int64_t>(usage_->prompt_tokens) : -1,
                      .completion_tokens = usage_ ? static_cast<std::int64_t>(usage_->completion_tokens) : -1,
                      .cached_tokens = usage_ && usage_->cached_reported ? static_cast<std::int64_t>(usage_->cached_tokens) : -1,
                      .continued = continuation_ ? continuation_->times() : 0,
                      .continued_from = continuation_ ? std::string_view(continuation_->first_from()) : std::string_view(),
                      .estimated = request_.prompt != nullptr,
                      .prompt_tokens_estimated = request_.view.prompt_tokens,
                      .cached_tokens_expected = cached_expected(share),
                      .first_token_predicted = from_seconds(share.predicted_first_token_s)},
                     wall_clock_ns());
  worker_.log->line_done(now);
}

}  // namespace evener::gateway
