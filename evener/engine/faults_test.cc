#include "evener/engine/faults.h"

#include <doctest/doctest.h>

namespace evener::engine {
namespace {

TEST_CASE("a fault plan is read from JSON, and what it does not name is at its default") {
  const auto plan = read_fault_plan(R"({"slow":3.5,"reset":0.25,"reset_after_tokens":7,"unhealthy":true})");
  REQUIRE(plan);
  CHECK(plan->slow == 3.5);
  CHECK(plan->reset == 0.25);
  CHECK(plan->reset_after_tokens == 7);
  CHECK(plan->unhealthy);
  CHECK(plan->error == 0);
  const auto again = read_fault_plan(fault_plan_json(*plan));
  REQUIRE(again);
  CHECK(fault_plan_json(*again) == fault_plan_json(*plan));
}

TEST_CASE("a wrong fault is refused with its name and what is allowed") {
  const auto message = [](std::string_view json) { return read_fault_plan(json).error().message; };
  CHECK(message("[]") == "a fault plan is a JSON object such as {\"slow\":3}");
  CHECK(message(R"({"error":1.5})") == "fault error is 1.5; it must be 0..1");
  CHECK(message(R"({"error":"x"})") == "fault error is not a number");
  CHECK(message(R"({"error_status":500.5})") == "fault error_status is 500.5; it must be a whole number 400..599");
  CHECK(message(R"({"slow":0})") == "fault slow is 0; it must be 0.01..1000");
  CHECK(message(R"({"sloow":1})").starts_with("there is no fault \"sloow\"; known are slow, error,"));
}

TEST_CASE("faults come as often as their probability says, and equal seeds give equal faults") {
  FaultPlan plan;
  plan.error = 0.2;
  plan.reset = 0.1;
  Rng rng(5), again(5);
  int errors = 0, resets = 0;
  for (int i = 0; i < 20'000; ++i) {
    const FaultDraw draw = draw_faults(plan, rng);
    const FaultDraw other = draw_faults(plan, again);
    REQUIRE(draw.answer == other.answer);
    errors += draw.answer == FaultDraw::Answer::Error ? 1 : 0;
    resets += draw.reset_after_tokens ? 1 : 0;
  }
  CHECK(errors == doctest::Approx(4000).epsilon(0.05));
  CHECK(resets == doctest::Approx(2000).epsilon(0.07));
}

TEST_CASE("raising one probability does not change which requests another fault hits") {
  FaultPlan calm, rough;
  calm.reset = rough.reset = 0.3;
  rough.stall_first = 0.9;
  Rng a(9), b(9);
  for (int i = 0; i < 1000; ++i) REQUIRE(draw_faults(calm, a).reset_after_tokens == draw_faults(rough, b).reset_after_tokens);
}

}  // namespace
}  // namespace evener::engine
