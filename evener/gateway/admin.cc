#include "evener/gateway/admin.h"

#include <charconv>

#include "evener/base/config/scalars.h"
#include "evener/base/log.h"
#include "evener/gateway/admin_token.h"
#include "evener/gateway/config_schema.h"
#include "evener/gateway/decision_json.h"
#include "evener/gateway/paths.h"
#include "evener/gateway/scaling_status.h"
#include "evener/protocol/openai.h"

namespace evener::gateway {
namespace {

net::HttpResponse json_answer(std::uint16_t status, std::string body) {
  return {.status = status, .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}}, .body = std::move(body)};
}

net::HttpResponse problem(std::uint16_t status, std::string_view code, std::string_view message) {
  return json_answer(status, protocol::openai_error(message, "admin_error", code));
}

net::HttpResponse done() { return json_answer(200, R"({"ok":true})"); }

std::string query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    if (const std::size_t equals = pair.find('='); equals != std::string_view::npos && pair.substr(0, equals) == name) {
      return percent_decoded(pair.substr(equals + 1));
    }
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return {};
}

net::HttpResponse of_change(Control::Change change) {
  switch (change) {
    case Control::Change::Done: return done();
    case Control::Change::NoSuchPool: return problem(404, "no_such_pool", "There is no pool of that name; GET /status lists them.");
    case Control::Change::NoSuchEndpoint:
      return problem(404, "no_such_endpoint", "The pool has no endpoint of that name; GET /status lists them.");
    case Control::Change::TooManyEndpoints:
      return problem(409, "too_many_endpoints",
                     "The pool has " + std::to_string(EndpointsMax) + " endpoints, and no pool may have more; DELETE one first, or use another pool.");
    case Control::Change::NameTaken: return problem(409, "name_taken", "The pool has an endpoint of that name already.");
  }
  return problem(500, "unknown", "unknown change");
}

}  // namespace

Admin::Admin(Control& control, int listen_fd, AdminHooks hooks)
    : control_(control),
      hooks_(std::move(hooks)),
      server_(control.reactor, listen_fd, [this](const net::HttpRequest& request, net::HttpReply& reply) { return handle(request, reply); },
              {.body_bytes = BodyBytesMax,
               .head_timeout = HeadTimeout,
               .body_idle = BodyIdle,
               .keep_alive = KeepAlive,
               .connections = ConnectionsMax,
               .when_full = net::WhenFull::CloseLongestWaiting}) {}

bool Admin::allowed(const net::HttpRequest& request) const {
  return bearer_is(net::header_value(request.headers, "authorization"), hooks_.token);
}

net::Task<> Admin::handle(const net::HttpRequest& request, net::HttpReply& reply) { co_await reply.respond(answer(request)); }

net::HttpResponse Admin::answer(const net::HttpRequest& request) {
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (get && request.path == "/healthz") return {.status = 200, .headers = {{"Content-Type", "text/plain"}}, .body = "ok\n"};
  if (get && request.path == "/readyz") {
    const bool ready = !control_.shared().draining.load();
    return {.status = static_cast<std::uint16_t>(ready ? 200 : 503),
            .headers = {{"Content-Type", "text/plain"}},
            .body = ready ? "ready\n" : "draining\n"};
  }
  // A browser shows the status page with the token as the password; changes need the Bearer form, which no page can make a browser send.
  const bool page = get && (request.path == "/" || request.path == "/status.html");
  if (!allowed(request) && !(page && basic_password_is(net::header_value(request.headers, "authorization"), hooks_.token))) {
    auto refused = problem(401, "token_required", "Send 'Authorization: Bearer TOKEN'; the token is in the file named in the log at start.");
    if (page) refused.headers.emplace_back("WWW-Authenticate", "Basic realm=\"evener admin: any user, the token as password\"");
    return refused;
  }
  if (page) {
    return {.status = 200,
            .headers = {{"Content-Type", "text/html; charset=utf-8"},
                        {"Cache-Control", "no-store"},
                        {"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}},
            .body = status_page(control_)};
  }
  if (get && request.path == "/status") return json_answer(200, status_json(control_));
  if (get && request.path == "/scaling") return json_answer(200, scaling_json(*hooks_.scaling, control_.reactor.now()));
  if (get && request.path == "/metrics") {
    std::string text;
    hooks_.registry->expose(text);
    return {.status = 200, .headers = {{"Content-Type", std::string(telemetry::ExpositionContentType)}}, .body = std::move(text)};
  }
  if (get && request.path == "/decisions") {
    std::size_t most = 100;
    if (const std::string text = query_value(request.query, "limit"); !text.empty()) {
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), most);
      if (error != std::errc() || end != text.data() + text.size() || most < 1 || most > Pool::DecisionsKept) {
        return problem(400, "bad_limit", "limit must be 1.." + std::to_string(Pool::DecisionsKept) + ".");
      }
    }
    return json_answer(200, decisions_json(control_, query_value(request.query, "pool"), query_value(request.query, "request_id"), most));
  }
  if (get && request.path == "/explain") {
    if (const std::string id = query_value(request.query, "request_id"); !id.empty()) {
      return json_answer(200, decisions_json(control_, query_value(request.query, "pool"), id, 100));
    }
    return json_answer(200, explain_json(control_, query_value(request.query, "pool"), query_value(request.query, "model")));
  }
  if (request.method == "POST" && request.path == "/reload") {
    const auto reloaded = hooks_.reload();
    return reloaded ? done() : problem(422, "config_invalid", reloaded.error().message);
  }
  if (request.method == "POST" && request.path == "/reopen-logs") {
    hooks_.reopen_logs();
    return done();
  }
  constexpr std::string_view pools = "/pools/";
  if (request.path.starts_with(pools)) {
    const std::string_view rest = std::string_view(request.path).substr(pools.size());
    const std::size_t slash = rest.find('/');
    if (slash != std::string_view::npos) return change(request, percent_decoded(rest.substr(0, slash)), rest.substr(slash + 1));
  }
  return problem(404, "unknown_path",
                 "Known: GET / /status /metrics /decisions /explain /scaling /healthz /readyz, POST /reload /reopen-logs, and "
                 "/pools/POOL/endpoints[/NAME[/drain|undrain|weight]], /pools/POOL/scale.");
}

net::HttpResponse Admin::change(const net::HttpRequest& request, std::string_view pool, std::string_view rest) {
  if (rest == "scale") return scale(request, pool);
  constexpr std::string_view endpoints = "endpoints";
  if (!rest.starts_with(endpoints)) return problem(404, "unknown_path", "Known below a pool: endpoints, scale.");
  rest.remove_prefix(endpoints.size());
  if (rest.empty()) {
    if (request.method != "POST") return problem(405, "method_not_allowed", "POST an endpoint, as it would stand in the configuration.");
    auto endpoint = read_endpoint_config("request body", request.body);
    if (!endpoint) {
      std::string problems;
      for (const ConfigError& error : endpoint.error()) problems += (problems.empty() ? "" : "\n") + config::one_line(error);
      return problem(422, "endpoint_invalid", problems);
    }
    return of_change(control_.add_endpoint(pool, std::move(*endpoint)));
  }
  rest.remove_prefix(1);
  const std::size_t slash = rest.find('/');
  const std::string name = percent_decoded(rest.substr(0, slash));
  if (slash == std::string_view::npos) {
    if (request.method != "DELETE") return problem(405, "method_not_allowed", "DELETE removes the endpoint.");
    return of_change(control_.remove_endpoint(pool, name));
  }
  const std::string_view verb = rest.substr(slash + 1);
  if (request.method != "POST") return problem(405, "method_not_allowed", "POST it.");
  if (verb == "drain" || verb == "undrain") {
    log::info("endpoint drain", {{"pool", pool}, {"endpoint", name}, {"drain", verb == "drain"}});
    return of_change(control_.set_drain(pool, name, verb == "drain" ? route::Scheduler::Drain::Yes : route::Scheduler::Drain::No));
  }
  if (verb == "weight") {
    const std::string text = query_value(request.query, "weight");
    double weight = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
    if (error != std::errc() || end != text.data() + text.size() || !(weight >= 0.001 && weight <= 1000)) {
      return problem(400, "bad_weight", "weight=" + text + " must be 0.001..1000, as in ?weight=2 (to take it out of rotation POST .../drain).");
    }
    log::info("endpoint weight", {{"pool", pool}, {"endpoint", name}, {"weight", weight}});
    return of_change(control_.set_weight(pool, name, weight));
  }
  return problem(404, "unknown_path", "Known below an endpoint: drain, undrain, weight.");
}

net::HttpResponse Admin::scale(const net::HttpRequest& request, std::string_view pool) {
  constexpr Duration LongestHold = std::chrono::hours(24 * 7);
  const auto of_held = [](Scaling::Held held) {
    switch (held) {
      case Scaling::Held::Yes: return done();
      case Scaling::Held::NoSuchPool: return problem(404, "not_scaled", "There is no pool of that name with an actuator; GET /scaling lists them.");
      case Scaling::Held::OutOfLimits: return problem(409, "out_of_limits", "That is more than the pool's scale.most; change it in the configuration first.");
    }
    return problem(500, "unknown", "unknown result");
  };
  if (request.method == "DELETE") {
    log::info("scaling released", {{"pool", pool}});
    return of_held(hooks_.scaling->release(pool));
  }
  if (request.method != "POST") return problem(405, "method_not_allowed", "POST ?replicas=N&for=10m holds the pool there, DELETE lets it go.");
  const std::string replicas_text = query_value(request.query, "replicas"), time_text = query_value(request.query, "for");
  std::uint32_t replicas = 0;
  const char* last = replicas_text.data() + replicas_text.size();
  if (const auto [end, error] = std::from_chars(replicas_text.data(), last, replicas); error != std::errc() || end != last) {
    return problem(400, "bad_replicas", "replicas=" + replicas_text + " must be a whole number, as in ?replicas=4&for=10m.");
  }
  const auto time = config::read_duration(time_text);
  if (!time.value || *time.value <= Duration::zero() || *time.value > LongestHold) {
    return problem(400, "bad_time", "for=" + time_text + " must be a duration of at most 168h, as in ?replicas=4&for=10m.");
  }
  log::info("scaling held", {{"pool", pool}, {"replicas", replicas}, {"for_s", seconds(*time.value)}});
  return of_held(hooks_.scaling->hold(pool, replicas, *time.value));
}

}  // namespace evener::gateway
