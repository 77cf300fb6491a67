// What balanced makes of an endpoint's memory: who waits for it, and what a full cache loses to a request.

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "evener/route/policies/balanced.h"

namespace evener::route {
namespace {

constexpr Instant Now{std::chrono::seconds(100)};
constexpr SpeedView Learned{.base_s = 0.05, .prefill_s_per_token = 1e-4, .step_s = 0.02, .step_s_per_request = 1e-4, .at = Now};
constexpr std::array<std::uint32_t, 2> Both = {0, 1};

EndpointView endpoint(std::uint32_t id, std::uint32_t in_flight, LoadReport report) {
  return {
      .id = EndpointId{id}, .in_flight = in_flight, .speed = Learned, .report = report, .waiting_correction = report.waiting.value_or(0)};
}

std::uint32_t chosen(const std::array<EndpointView, 2>& endpoints, const std::array<std::uint32_t, 2>& cached, double reuse,
                     std::uint32_t prompt) {
  const PoolView view{.now = Now,
                      .endpoints = endpoints,
                      .candidates = Both,
                      .speed = Learned,
                      .cached_tokens = cached,
                      .cached_most = std::max(cached[0], cached[1]),
                      .reuse = reuse};
  Rng rng(1);
  return Balanced().choose({.prompt_tokens = prompt, .output_tokens = 1000}, view, rng);
}

TEST_CASE("balanced leaves a cached prefix when requests wait for memory where it is") {
  // All of these prompts are cached there, so nothing but the queue shows that they wait.
  EndpointView home = endpoint(1, 200, {.at = Now, .waiting = 60, .kv_used = 0.99});
  home.in_prefill = 60;
  home.waiting_correction = 0;
  CHECK(chosen({home, endpoint(2, 100, {.at = Now, .waiting = 0, .kv_used = 0.5})}, {4000, 0}, 1, 4000) == 1);
  home.in_prefill = 0;
  CHECK(chosen({home, endpoint(2, 100, {.at = Now, .waiting = 0, .kv_used = 0.99})}, {4000, 0}, 1, 4000) == 0);
}

TEST_CASE("balanced sees the waiting requests of other gateways by the report, while it is new") {
  const EndpointView idle = endpoint(2, 100, {.at = Now, .waiting = 0, .kv_used = 0.9});
  CHECK(chosen({endpoint(1, 90, {.at = Now, .waiting = 50, .kv_used = 0.9}), idle}, {0, 0}, 0, 500) == 1);
  CHECK(chosen({endpoint(1, 90, {.at = Now - std::chrono::seconds(60), .waiting = 50, .kv_used = 0.9}), idle}, {0, 0}, 0, 500) == 0);
}

TEST_CASE("balanced puts a new prompt where memory is left for it, if prompts come again in this pool") {
  const EndpointView full = endpoint(1, 100, {.at = Now, .waiting = 0, .kv_used = 0.9});
  const EndpointView half = endpoint(2, 110, {.at = Now, .waiting = 0, .kv_used = 0.5});
  CHECK(chosen({full, half}, {0, 0}, 5, 4000) == 1);
  CHECK(chosen({full, half}, {0, 0}, 0, 4000) == 0);
}

}  // namespace
}  // namespace evener::route
