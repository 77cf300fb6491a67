#include "evener/engine/options.h"

#include <doctest/doctest.h>

#include "evener/lab/engine_presets.h"

namespace evener::engine {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a preset's name alone gives the preset's engine on a free port") {
  const auto options = parse_engine_spec("rtx4090-8b");
  REQUIRE(options);
  CHECK(options->name == "rtx4090-8b");
  CHECK(options->listen == "127.0.0.1:0");
  CHECK(options->config.kv_blocks == lab::find_engine_preset("rtx4090-8b")->config.kv_blocks);
  CHECK(std::holds_alternative<lab::RooflineStep>(options->config.step));
}

TEST_CASE("settings after the preset change it, faults included") {
  const auto options = parse_engine_spec("edge,name=box-1,port=9001,model=a,model=b,batch=2,overhead_ms=1.5,slow=3,error=0.25,prefix_cache=0");
  REQUIRE(options);
  CHECK(options->name == "box-1");
  CHECK(options->listen == "127.0.0.1:9001");
  CHECK(options->models == std::vector<std::string>{"a", "b"});
  CHECK(options->config.batch_sequences_max == 2);
  CHECK(options->config.prefix_cache == lab::KvCache::Prefix::Off);
  CHECK(options->request_overhead == 1500us);
  CHECK(options->faults.slow == 3);
  CHECK(options->faults.error == 0.25);
}

TEST_CASE("a speed given as a number replaces the preset's step model by a straight line") {
  const auto options = parse_engine_spec("h100-8b,prefill_tokens_per_s=5000,step_ms=20,per_sequence_ms=0.5");
  REQUIRE(options);
  const auto& step = std::get<lab::LinearStep>(options->config.step);
  CHECK(step.prefill_tokens_per_s == 5000);
  CHECK(step.base_s == 0.02);
  CHECK(step.per_sequence_s == 0.0005);
}

TEST_CASE("what the text does not say stays as in the base, a model named in the text replaces those of the base") {
  EngineOptions base;
  base.listen = "127.0.0.1:8005";
  base.models = {"x", "y"};
  base.faults.error = 0.5;
  const auto plain = parse_engine_spec("edge", base);
  CHECK(plain->listen == "127.0.0.1:8005");
  CHECK(plain->models == base.models);
  CHECK(plain->faults.error == 0.5);
  CHECK(parse_engine_spec("edge,model=z", base)->models == std::vector<std::string>{"z"});
}

TEST_CASE("a wrong engine text is refused with the part, its value and what is allowed") {
  const auto message = [](std::string_view text) { return parse_engine_spec(text).error().message; };
  CHECK(message("h200").starts_with("there is no engine preset \"h200\"; known are fast, h100-8b,"));
  CHECK(message("edge,fast") == "\"fast\" is not of the form key=value");
  CHECK(message("edge,batch=0") == "batch is \"0\"; it must be a whole number 1..100000");
  CHECK(message("edge,batch=2x") == "batch is \"2x\"; it must be a whole number 1..100000");
  CHECK(message("edge,port=70000") == "port is \"70000\"; it must be a whole number 0..65535");
  CHECK(message("edge,error=2") == "fault error is 2; it must be 0..1");
  CHECK(message("edge,speed=2").starts_with("there is no engine setting \"speed\"; known are name, listen, port, model, time_scale"));
}

}  // namespace
}  // namespace evener::engine
