#include "evener/lab/engine_settings.h"

#include <doctest/doctest.h>

namespace evener::lab {
namespace {

NamedEngine with(std::string_view engine, std::string_view setting, std::string_view value) {
  auto named = engine_named(engine);
  REQUIRE(named);
  REQUIRE(set_engine(*named, setting, value));
  return *named;
}

std::string message(std::string_view engine, std::string_view setting, std::string_view value) {
  auto named = engine_named(engine);
  REQUIRE(named);
  const auto set = set_engine(*named, setting, value);
  return set ? "" : set.error().message;
}

TEST_CASE("the constants of a machine can be set to what calibration found") {
  CHECK(std::get<RooflineStep>(with("h100/llama-3-8b", "matmul", "0.5").config.step).matmul_efficiency == 0.5);
  CHECK(std::get<RooflineStep>(with("h100/llama-3-8b", "layer_us", "25").config.step).layer_overhead_s == doctest::Approx(25e-6));
  CHECK(with("h100/llama-3-8b", "kv_blocks", "1000").config.kv_blocks == 1000);
  CHECK(with("h100/llama-3-8b", "overhead_ms", "1.5").request_overhead == std::chrono::microseconds(1500));
}

TEST_CASE("a wrong setting is refused with what is allowed") {
  CHECK(message("h100-8b", "batch", "0.5") == "batch is \"0.5\"; it must be a whole number 1..100000");
  CHECK(message("h100-8b", "matmul", "1.2") == "matmul is \"1.2\"; it must be 0.001..1");
  CHECK(message("h100-8b", "matmul", "") == "matmul is \"\"; it must be 0.001..1");
  CHECK(message("h100-8b", "speed", "1").starts_with("there is no engine setting \"speed\"; known are overhead_ms, batch"));
  CHECK(message("fast", "matmul", "0.5") == "matmul is a constant of machines, and fast is a straight line: set step_ms and the like");
}

TEST_CASE("an engine is named by a preset or a machine, and an unknown name lists both") {
  CHECK(engine_named("edge")->config.batch_sequences_max == 4);
  CHECK(engine_named("cpu-8c/llama-3.2-1b@int4")->request_overhead == std::chrono::milliseconds(5));
  const std::string unknown = engine_named("h200").error().message;
  CHECK(unknown.starts_with("there is no engine preset \"h200\"; known are fast, h100-8b,"));
  CHECK(unknown.ends_with("and machines such as h100x2/qwen3-32b"));
}

}  // namespace
}  // namespace evener::lab
