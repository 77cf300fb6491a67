#include "evener/engine/emulated_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "evener/base/clock.h"
#include "evener/base/json_writer.h"
#include "evener/base/log.h"
#include "evener/core/hashing.h"

namespace evener::engine {
namespace {

constexpr std::string_view Version = "0.1.0+evener.emulated";

// A reset throws away what the peer has not read yet; without this pause "after five tokens" would often be "after none".
constexpr Duration BeforeReset = std::chrono::milliseconds(50);

/// Lets the client's departure wake the coroutine that generates for it.
net::HangupWatch watch_of(Generation& generation) {
  return {.notify =
              [](void* context) {
                auto& gone = *static_cast<Generation*>(context);
                gone.interrupted = true;
                gone.changed.set();
              },
          .context = &generation};
}

/// Ends a generation however its coroutine ends.
class EndGuard {
 public:
  EndGuard(BatchRunner& runner, Generation& generation) : runner_(runner), generation_(generation) {}
  ~EndGuard() { runner_.end(generation_); }
  EndGuard(const EndGuard&) = delete;
  EndGuard& operator=(const EndGuard&) = delete;

 private:
  BatchRunner& runner_;
  Generation& generation_;
};

/// Lets the publisher know what the blocks of a prompt are made of, as long as they may be stored.
class ExpectGuard {
 public:
  ExpectGuard(KvPublisher* publisher, std::span<const std::uint64_t> blocks, std::string_view prompt) : publisher_(publisher) {
    if (publisher_ == nullptr) return;
    blocks_.assign(blocks.begin(), blocks.end());
    publisher_->expect(blocks_, prompt);
  }
  ~ExpectGuard() {
    if (publisher_ != nullptr) publisher_->forget(blocks_);
  }
  ExpectGuard(const ExpectGuard&) = delete;
  ExpectGuard& operator=(const ExpectGuard&) = delete;

 private:
  KvPublisher* publisher_;
  std::vector<std::uint64_t> blocks_;
};

std::string_view kind_path(ApiKind kind) {
  switch (kind) {
    case ApiKind::Chat: return "/v1/chat/completions";
    case ApiKind::Completion: return "/v1/completions";
    case ApiKind::Embedding: return "/v1/embeddings";
    case ApiKind::Response: return "/v1/responses";
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<EmulatedEngine>> EmulatedEngine::open(net::Reactor& reactor, EngineOptions options) {
  auto address = net::Address::parse(options.listen);
  if (!address) return tl::unexpected(address.error());
  std::unique_ptr<EmulatedEngine> engine(new EmulatedEngine(reactor, std::move(options)));
  engine->address_ = *address;
  if (auto listening = engine->bring_up(); !listening) return tl::unexpected(listening.error());
  if (!engine->options_.kv_events.address.empty()) {
    auto publisher = KvPublisher::open(engine->options_.kv_events, engine->options_.config.kv_block_tokens);
    if (!publisher) return tl::unexpected(publisher.error());
    engine->publisher_ = std::move(*publisher);
    engine->runner_.publish_kv(*engine->publisher_);
    const auto listening = [&](std::string_view role, const std::string& where) {
      if (!where.empty()) log::info("listening", {{"role", role}, {"address", where}, {"engine", engine->options_.name}});
    };
    listening("kv-events", engine->publisher_->address());
    listening("kv-replay", engine->publisher_->replay_address());
  }
  reactor.spawn(engine->runner_.run());
  return engine;
}

EmulatedEngine::EmulatedEngine(net::Reactor& reactor, EngineOptions options)
    : reactor_(reactor),
      options_(std::move(options)),
      metrics_(options_,
               [this] {
                 EngineState state{.gauges = runner_.model().gauges(), .totals = runner_.model().totals()};
                 state.gauges.waiting += static_cast<std::uint32_t>(runner_.pending());
                 return state;
               }),
      runner_(reactor, options_, metrics_),
      dice_(options_.faults.seed),
      started_s_(wall_clock_ns() / 1'000'000'000) {}

EmulatedEngine::~EmulatedEngine() = default;

void EmulatedEngine::set_faults(const FaultPlan& plan) {
  options_.faults = plan;
  dice_ = Rng(plan.seed);
  runner_.set_slow_factor(plan.slow);
  runner_.set_kv_drop_every(plan.kv_drop_every);
}

void EmulatedEngine::take_down() {
  down_ = true;
  server_.reset();
  runner_.interrupt_all();
}

Result<void> EmulatedEngine::bring_up() {
  const auto listening = net::listen_on(address_, net::ReusePort::No);
  if (!listening) return tl::unexpected(listening.error());
  address_ = net::local_address(*listening);
  down_ = false;
  net::HttpServerLimits limits;
  limits.keep_alive = options_.keep_alive;
  server_ = std::make_unique<net::HttpServer>(
      reactor_, *listening, [this](const net::HttpRequest& request, net::HttpReply& reply) { return handle(request, reply); }, limits);
  return {};
}

EngineSnapshot EmulatedEngine::snapshot() const {
  EngineSnapshot snapshot{.name = options_.name,
                          .address = address_,
                          .state = {.gauges = runner_.model().gauges(), .totals = runner_.model().totals()},
                          .requests = requests_,
                          .connections = server_ ? server_->connections() : 0,
                          .down = down_};
  snapshot.state.gauges.waiting += static_cast<std::uint32_t>(runner_.pending());
  return snapshot;
}

net::Task<> EmulatedEngine::handle(const net::HttpRequest& request, net::HttpReply& reply) {
  if (down_) {
    reply.abort();
    co_return;
  }
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (request.method == "POST") {
    for (const ApiKind kind : {ApiKind::Chat, ApiKind::Completion, ApiKind::Embedding, ApiKind::Response}) {
      if (request.path == kind_path(kind)) {
        ++answering_;
        co_await answer(kind, request, reply);
        --answering_;
        co_return;
      }
    }
  }
  if (request.path == "/fault") {
    co_await change_faults(request, reply);
  } else if (get && (request.path == "/health" || request.path == "/ping")) {
    co_await reply.respond({.status = static_cast<std::uint16_t>(options_.faults.unhealthy ? 503 : 200), .headers = {}, .body = {}});
  } else if (get && request.path == "/metrics") {
    co_await reply.respond({.status = 200, .headers = {{"Content-Type", std::string(telemetry::ExpositionContentType)}}, .body = metrics_.page()});
  } else if (get && request.path == "/version") {
    co_await send_json(reply, 200, fmt::format("{{\"version\":\"{}\"}}", Version));
  } else if (get && request.path == "/load") {
    co_await send_json(reply, 200, fmt::format("{{\"server_load\":{}}}", answering_));
  } else if (get && request.path == "/v1/models") {
    co_await send_json(reply, 200, model_list());
  } else if (get && request.path.starts_with("/v1/models/")) {
    const std::string_view name = std::string_view(request.path).substr(11);
    if (has_model(name)) {
      co_await send_json(reply, 200, model_object(name));
    } else {
      co_await refuse(reply, 404, "NotFoundError", fmt::format("The model `{}` does not exist.", name), "model");
    }
  } else if (request.method == "POST" && request.path == "/tokenize") {
    const auto parsed = read_api_request(request.body.find("\"messages\"") != std::string::npos ? ApiKind::Chat : ApiKind::Completion, request.body);
    if (parsed) {
      co_await send_json(reply, 200, fmt::format("{{\"count\":{},\"max_model_len\":{}}}", parsed->prompt_tokens(), options_.config.context_limit()));
    } else {
      co_await refuse(reply, 400, "BadRequestError", parsed.error().message);
    }
  } else {
    co_await refuse(reply, 404, "NotFoundError", fmt::format("There is no {} {} here.", request.method, request.path));
  }
}

/// A request for computing: checks, faults, and then the generation.
net::Task<> EmulatedEngine::answer(ApiKind kind, const net::HttpRequest& request, net::HttpReply& reply) {
  ++requests_;
  const auto parsed = read_api_request(kind, request.body);
  if (!parsed) {
    co_await refuse(reply, 400, "BadRequestError", parsed.error().message);
    co_return;
  }
  if (!has_model(parsed->model)) {
    co_await refuse(reply, 404, "NotFoundError", fmt::format("The model `{}` does not exist.", parsed->model), "model");
    co_return;
  }
  const FaultDraw draw = draw_faults(options_.faults, dice_);
  if (draw.answer != FaultDraw::Answer::Normal) {
    co_await give_wrong_answer(draw, reply);
    co_return;
  }
  co_await generate(*parsed, kind, draw, reply);
}

net::Task<> EmulatedEngine::generate(const ApiRequest& request, ApiKind kind, const FaultDraw& draw, net::HttpReply& reply) {
  bool cut = false;
  const std::uint32_t prompt_tokens = request.prompt_tokens();
  const std::uint32_t output_tokens = kind == ApiKind::Embedding ? 1 : output_tokens_of(request, cut);
  if (std::uint64_t{prompt_tokens} + output_tokens > options_.config.context_limit()) {
    co_await refuse(reply, 400, "BadRequestError",
                    fmt::format("This model's maximum context length is {} tokens. However, you requested {} tokens ({} in the prompt, {} for the answer).",
                                options_.config.context_limit(), std::uint64_t{prompt_tokens} + output_tokens, prompt_tokens, output_tokens));
    co_return;
  }
  if (runner_.queue_full()) {
    co_await reply.respond({.status = 503,
                            .headers = {{"Content-Type", "application/json"}, {"Retry-After", "1"}, {"x-evener-engine", options_.name}},
                            .body = engine_error(503, "ServiceUnavailableError", "The queue of this engine is full.")});
    co_return;
  }

  Generation generation(reactor_);
  std::vector<std::uint64_t> blocks = prompt_block_hashes(request.prompt, request.cache_salt, options_.config.kv_block_tokens);
  const ExpectGuard expected(publisher_.get(), blocks, request.prompt);
  const EndGuard guard(runner_, generation);
  reply.on_client_gone(watch_of(generation));
  // Also where there is nothing more to say a step is computed, which finds that out.
  runner_.begin(generation, prompt_tokens, std::max(output_tokens, 1U), std::move(blocks));
  const AnswerHead head{.kind = kind,
                        .id = fmt::format("{:016x}{:08x}", hash_combine(hash64(request.prompt), requests_), static_cast<std::uint32_t>(generation.id)),
                        .model = request.model,
                        .created_s = wall_clock_ns() / 1'000'000'000,
                        .before = request.before_answer(kind),
                        .tokens = output_tokens,
                        .include_usage = request.include_usage,
                        .cut = cut};
  if (request.stream && kind != ApiKind::Embedding) {
    co_await stream(head, generation, prompt_tokens, draw, reply);
  } else {
    co_await whole(request, head, generation, draw, reply);
  }
  if (generation.interrupted) {
    metrics_.ended("abort");
    if (down_) reply.abort();
  } else if (generation.finished) {
    metrics_.ended(cut ? "length" : "stop");
  }
}

net::Task<> EmulatedEngine::stream(const AnswerHead& head, Generation& generation, std::uint32_t prompt_tokens, const FaultDraw& draw,
                                   net::HttpReply& reply) {
  // As vLLM does it: the head goes out before the first token is computed.
  if (!co_await reply.start(200, {{"Content-Type", "text/event-stream; charset=utf-8"}, {"Cache-Control", "no-cache"}, {"x-evener-engine", options_.name}})) {
    generation.interrupted = true;
    co_return;
  }
  if (draw.stall_first && !co_await pause(generation, from_seconds(options_.faults.stall_s))) co_return;

  AnswerStream answer(head);
  std::optional<std::uint32_t> stall_after = draw.stall_after_tokens;
  const auto reached = [&](const std::optional<std::uint32_t>& limit) { return limit && answer.tokens() >= *limit; };
  std::string events;
  bool opened = false;
  while (!generation.interrupted) {
    const std::uint32_t ready = std::min(generation.tokens, head.tokens);
    const std::uint32_t due = std::min({ready, draw.reset_after_tokens.value_or(ready), stall_after.value_or(ready)});
    events.clear();
    if (!opened && generation.tokens > 0) {
      opened = true;
      answer.open(events);
    }
    while (answer.tokens() < due) answer.token(events);
    const bool complete = generation.finished && answer.tokens() == ready && !reached(draw.reset_after_tokens);
    if (complete) answer.close(events, {.prompt_tokens = prompt_tokens, .output_tokens = ready, .cached_tokens = generation.cached_tokens});
    if (!events.empty() && !co_await reply.chunk(events)) {
      generation.interrupted = true;
      co_return;
    }
    if (complete) {
      co_await reply.finish();
      co_return;
    }
    if (reached(draw.reset_after_tokens)) {
      co_await pause(generation, BeforeReset);
      reply.abort();
      co_return;
    }
    if (opened && reached(stall_after)) {
      stall_after.reset();
      if (!co_await pause(generation, from_seconds(options_.faults.stall_s))) co_return;
      continue;
    }
    if (co_await generation.changed.wait_until(Instant::max()) == net::Event::Result::Cancelled) co_return;
  }
}

net::Task<> EmulatedEngine::whole(const ApiRequest& request, const AnswerHead& head, Generation& generation, const FaultDraw& draw, net::HttpReply& reply) {
  if ((draw.stall_first || draw.stall_after_tokens) && !co_await pause(generation, from_seconds(options_.faults.stall_s))) co_return;
  while (!generation.finished) {
    if (generation.interrupted) co_return;
    if (draw.reset_after_tokens && generation.tokens >= *draw.reset_after_tokens) break;
    if (co_await generation.changed.wait_until(Instant::max()) == net::Event::Result::Cancelled) co_return;
  }
  if (generation.interrupted) co_return;
  if (draw.reset_after_tokens) {
    reply.abort();
    co_return;
  }
  const AnswerUsage usage{.prompt_tokens = request.prompt_tokens(), .output_tokens = head.tokens, .cached_tokens = generation.cached_tokens};
  std::string body;
  if (head.kind == ApiKind::Embedding) {
    body = embedding_answer(request, hash64(request.prompt), request.dimensions > 0 ? request.dimensions : options_.embedding_dimensions);
  } else {
    body = whole_answer(head, usage);
  }
  co_await send_json(reply, 200, std::move(body));
}

/// Nothing happens to this request for so long; false when its client has gone or the engine ends meanwhile. Tokens that come in between
/// wake nobody: look at the generation before waiting again.
net::Task<bool> EmulatedEngine::pause(Generation& generation, Duration duration) {
  const Instant until = monotonic_now() + duration;
  while (!generation.interrupted) {
    const auto result = co_await generation.changed.wait_until(until);
    if (result == net::Event::Result::TimedOut) co_return true;
    if (result == net::Event::Result::Cancelled) co_return false;
  }
  co_return false;
}

net::Task<bool> EmulatedEngine::give_wrong_answer(const FaultDraw& draw, net::HttpReply& reply) {
  const FaultPlan& plan = options_.faults;
  switch (draw.answer) {
    case FaultDraw::Answer::Error:
      co_return co_await refuse(reply, plan.error_status, "InternalServerError", "This engine fails on purpose.");
    case FaultDraw::Answer::Overloaded:
      co_return co_await reply.respond(
          {.status = plan.overloaded_status,
           .headers = {{"Content-Type", "application/json"}, {"Retry-After", std::to_string(plan.retry_after_s)}, {"x-evener-engine", options_.name}},
           .body = engine_error(plan.overloaded_status, "OverloadedError", "This engine is overloaded on purpose.")});
    case FaultDraw::Answer::Garbage: co_return co_await reply.raw("\x16\x03\x01 not HTTP at all\r\n\r\n");
    case FaultDraw::Answer::HalfOpen: {
      Generation nothing(reactor_);
      reply.on_client_gone(watch_of(nothing));
      while (!nothing.interrupted && !down_) {
        // Looked at now and then, because an engine that is taken down knows nothing of this request.
        if (co_await nothing.changed.wait_until(monotonic_now() + std::chrono::milliseconds(200)) == net::Event::Result::Cancelled) break;
      }
      reply.abort();
      co_return false;
    }
    case FaultDraw::Answer::Normal: break;
  }
  co_return true;
}

net::Task<bool> EmulatedEngine::change_faults(const net::HttpRequest& request, net::HttpReply& reply) {
  if (request.method == "POST") {
    const auto plan = read_fault_plan(request.body.empty() ? "{}" : request.body);
    if (!plan) co_return co_await refuse(reply, 400, "BadRequestError", plan.error().message);
    set_faults(*plan);
  } else if (request.method == "DELETE") {
    set_faults(FaultPlan{});
  } else if (request.method != "GET") {
    co_return co_await refuse(reply, 405, "MethodNotAllowedError", "GET shows the faults, POST replaces them, DELETE ends them.");
  }
  co_return co_await send_json(reply, 200, fault_plan_json(options_.faults));
}

net::Task<bool> EmulatedEngine::refuse(net::HttpReply& reply, std::uint16_t status, std::string_view type, std::string message, std::string_view param) {
  return send_json(reply, status, engine_error(status, type, message, param));
}

net::Task<bool> EmulatedEngine::send_json(net::HttpReply& reply, std::uint16_t status, std::string body) {
  return reply.respond(
      {.status = status, .headers = {{"Content-Type", "application/json"}, {"x-evener-engine", options_.name}}, .body = std::move(body)});
}

bool EmulatedEngine::has_model(std::string_view name) const { return std::ranges::find(options_.models, name) != options_.models.end(); }

std::string EmulatedEngine::model_object(std::string_view name) const {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .member("id", name)
      .member("object", "model")
      .member("created", started_s_)
      .member("owned_by", "evener")
      .member("max_model_len", options_.config.context_limit())
      .end_object();
  return out;
}

std::string EmulatedEngine::model_list() const {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("object", "list").key("data").begin_array();
  for (const std::string& name : options_.models) json.raw(model_object(name));
  json.end_array().end_object();
  return out;
}

/// evener_output_tokens or the default, less what is there already, cut at max_tokens; with ignore_eos exactly max_tokens.
std::uint32_t EmulatedEngine::output_tokens_of(const ApiRequest& request, bool& cut) const {
  std::uint32_t wanted = request.output_tokens.value_or(options_.output_tokens_default);
  wanted -= std::min(wanted, request.continued_tokens);
  if (request.ignore_eos && request.output_tokens_max) wanted = *request.output_tokens_max;
  cut = request.output_tokens_max && *request.output_tokens_max <= wanted;
  return cut ? *request.output_tokens_max : wanted;
}

}  // namespace evener::engine
