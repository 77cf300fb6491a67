#include "evener/gateway/metrics.h"

#include <doctest/doctest.h>

#include <array>
#include <set>
#include <string>

namespace evener::gateway {
namespace {

std::string page_of(const telemetry::Registry& registry) {
  std::string page;
  registry.expose(page);
  return page;
}

bool has_line(const std::string& page, const std::string& line) { return ("\n" + page).find("\n" + line + "\n") != std::string::npos; }

TEST_CASE("every ending and every refusal counts in a series of its own") {
  telemetry::Registry registry(1);
  GatewayMetrics metrics(registry, 10);
  const EndpointMetrics endpoint = metrics.endpoint("p", "e");
  const PoolMetrics pool = metrics.pool("p");
  for (std::size_t i = 0; i < endpoint.attempts.size(); ++i) endpoint.attempts[i].add(i + 1);
  for (std::size_t i = 0; i < pool.refusals.size(); ++i) pool.refusals[i].add(i + 1);
  for (std::size_t i = 0; i < pool.requests.size(); ++i) pool.requests[i].add(i + 1);
  const std::string page = page_of(registry);
  std::set<std::string> names;
  for (std::size_t i = 0; i < endpoint.attempts.size(); ++i) {
    const std::string name(ending_name(static_cast<route::Ending>(i)));
    CHECK(names.insert(name).second);
    CHECK(has_line(page, "evener_endpoint_attempts_total{pool=\"p\",endpoint=\"e\",ending=\"" + name + "\"} " + std::to_string(i + 1)));
  }
  for (std::size_t i = 0; i < pool.refusals.size(); ++i) {
    const std::string name(route::refusal_name(static_cast<route::RefusalReason>(i)));
    CHECK(has_line(page, "evener_refusals_total{pool=\"p\",reason=\"" + name + "\"} " + std::to_string(i + 1)));
  }
  constexpr std::array<const char*, 6> classes = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (std::size_t i = 0; i < classes.size(); ++i) {
    CHECK(has_line(page, std::string("evener_requests_total{pool=\"p\",status=\"") + classes[i] + "\"} " + std::to_string(i + 1)));
  }
}

TEST_CASE("a pool's times and tokens, and what belongs to no pool, are on the page") {
  telemetry::Registry registry(1);
  GatewayMetrics metrics(registry, 10);
  const PoolMetrics pool = metrics.pool("p");
  pool.request_seconds.observe(0.5);
  pool.first_token_seconds.observe(0.05);
  pool.queue_seconds[2].observe(0.001);
  pool.time_per_token_seconds.observe(0.02);
  pool.retries.add();
  pool.prompt_tokens.add(7);
  pool.completion_tokens.add(8);
  pool.cached_tokens.add(9);
  pool.prefix_expected.add(10);
  pool.prefix_cached.add(11);
  pool.prefix_error.add(1);
  pool.first_token_error.observe(0.25);
  pool.token_error.observe(0.05);
  pool.total_error.observe(2.5);
  metrics.server().connections.add(3);
  metrics.server().connections.add(-1);
  metrics.server().memory_refused.add();
  const std::string page = page_of(registry);
  for (const char* line :
       {"evener_request_duration_seconds_count{pool=\"p\"} 1", "evener_request_duration_seconds_bucket{pool=\"p\",le=\"0.32\"} 0",
        "evener_request_duration_seconds_bucket{pool=\"p\",le=\"0.64\"} 1", "evener_time_to_first_token_seconds_count{pool=\"p\"} 1",
        "evener_queue_wait_seconds_count{pool=\"p\",class=\"batch\"} 1", "evener_time_per_output_token_seconds_count{pool=\"p\"} 1",
        "evener_retries_total{pool=\"p\"} 1", "evener_tokens_total{pool=\"p\",type=\"prompt\"} 7",
        "evener_tokens_total{pool=\"p\",type=\"completion\"} 8", "evener_tokens_total{pool=\"p\",type=\"cached\"} 9",
        "evener_prefix_tokens_total{pool=\"p\",type=\"expected\"} 10", "evener_prefix_tokens_total{pool=\"p\",type=\"cached\"} 11",
        "evener_prefix_tokens_total{pool=\"p\",type=\"error\"} 1",
        "evener_first_token_prediction_error_ratio_bucket{pool=\"p\",le=\"0.2\"} 0",
        "evener_first_token_prediction_error_ratio_bucket{pool=\"p\",le=\"0.3\"} 1",
        "evener_token_prediction_error_ratio_bucket{pool=\"p\",le=\"0.1\"} 1",
        "evener_total_prediction_error_ratio_bucket{pool=\"p\",le=\"2\"} 0", "evener_client_connections 2",
        "evener_memory_refusals_total 1", "evener_unrouted_requests_total 0"}) {
    CAPTURE(line);
    CHECK(has_line(page, line));
  }
}

TEST_CASE("an endpoint that was dropped leaves the page, its handles count into nothing, and others stay") {
  telemetry::Registry registry(1);
  GatewayMetrics metrics(registry, 10);
  const EndpointMetrics gone = metrics.endpoint("p", "gone");
  const EndpointMetrics same_name = metrics.endpoint("q", "gone");
  const EndpointMetrics stays = metrics.endpoint("p", "stays");
  stays.connections_opened.add(5);
  same_name.connections_opened.add(6);
  metrics.drop_endpoint("p", "gone");
  gone.attempts[0].add();
  gone.first_token_seconds.observe(1);
  gone.connections_opened.add();
  gone.connections_reused.add();
  const std::string page = page_of(registry);
  CHECK(page.find("pool=\"p\",endpoint=\"gone\"") == std::string::npos);
  CHECK(has_line(page, "evener_endpoint_connections_opened_total{pool=\"p\",endpoint=\"stays\"} 5"));
  CHECK(has_line(page, "evener_endpoint_connections_opened_total{pool=\"q\",endpoint=\"gone\"} 6"));
  // One that comes back begins at zero.
  const EndpointMetrics back = metrics.endpoint("p", "gone");
  back.connections_opened.add(0);
  CHECK(has_line(page_of(registry), "evener_endpoint_connections_opened_total{pool=\"p\",endpoint=\"gone\"} 0"));
}

TEST_CASE("endpoints up to the limit have all their series, and beyond it they count together") {
  telemetry::Registry registry(1);
  GatewayMetrics metrics(registry, 3);
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    const EndpointMetrics endpoint = metrics.endpoint("p", name);
    for (const auto& counter : endpoint.attempts) counter.add();
    endpoint.connections_opened.add();
  }
  const std::string page = page_of(registry);
  for (const char* name : {"a", "b", "c"}) {
    CHECK(has_line(page, std::string("evener_endpoint_attempts_total{pool=\"p\",endpoint=\"") + name + "\",ending=\"cancelled\"} 1"));
  }
  CHECK(page.find("endpoint=\"d\"") == std::string::npos);
  CHECK(has_line(page, "evener_endpoint_connections_opened_total{otel_metric_overflow=\"true\"} 2"));
}

}  // namespace
}  // namespace evener::gateway
