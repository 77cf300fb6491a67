#include "evener/protocol/engine_health.h"

#include <doctest/doctest.h>

#include <string_view>

namespace {

using namespace evener::protocol;
using enum HealthAnswer;

HealthAnswer answer(EngineKind kind, std::uint16_t status, std::string_view body = {}, std::string_view model = {}) {
  return read_health(health_probe(kind, {}, model).rule, status, body);
}

TEST_CASE("each engine is asked at its own path") {
  CHECK(health_probe(EngineKind::Vllm).path == "/health");
  CHECK(health_probe(EngineKind::Sglang).path == "/health");
  CHECK(health_probe(EngineKind::LlamaCpp).path == "/health");
  CHECK(health_probe(EngineKind::Tgi).path == "/health");
  CHECK(health_probe(EngineKind::TrtLlm).path == "/health");
  CHECK(health_probe(EngineKind::Triton).path == "/v2/health/ready");
  CHECK(health_probe(EngineKind::TfServing, {}, "half plus/two").path == "/v1/models/half%20plus%2Ftwo");
  CHECK(health_probe(EngineKind::TfServing).path == "/v1/models");
  CHECK(health_probe(EngineKind::Ollama).path == "/api/version");
  CHECK(health_probe(EngineKind::OpenAi).path == "/v1/models");
  CHECK(health_probe(EngineKind::Generic).path == "/");
}

TEST_CASE("a configured path wins and wants a success") {
  const HealthProbe probe = health_probe(EngineKind::Generic, "/live");
  CHECK(probe.path == "/live");
  CHECK(read_health(probe.rule, 204, "") == Healthy);
  CHECK(read_health(probe.rule, 404, "") == Unhealthy);
}

TEST_CASE("a health path answers 2xx when it serves and 503 while it loads") {
  for (const EngineKind kind : {EngineKind::Vllm, EngineKind::Sglang, EngineKind::LlamaCpp, EngineKind::Tgi, EngineKind::TrtLlm,
                                EngineKind::Triton, EngineKind::Ollama}) {
    CHECK(answer(kind, 200) == Healthy);
    CHECK(answer(kind, 503, R"({"error":{"code":503,"message":"Loading model"}})") == Loading);
    CHECK(answer(kind, 500) == Unhealthy);
    CHECK(answer(kind, 404) == Unhealthy);
    CHECK(answer(kind, 401) == Unhealthy);
    CHECK(answer(kind, 302) == Unhealthy);
  }
}

TEST_CASE("an OpenAI API that asks for a key lives") {
  CHECK(answer(EngineKind::OpenAi, 200) == Healthy);
  CHECK(answer(EngineKind::OpenAi, 401) == Healthy);
  CHECK(answer(EngineKind::OpenAi, 403) == Healthy);
  CHECK(answer(EngineKind::OpenAi, 404) == Unhealthy);
  CHECK(answer(EngineKind::OpenAi, 429) == Unhealthy);
  CHECK(answer(EngineKind::OpenAi, 502) == Unhealthy);
}

TEST_CASE("of an unknown server any answer but a server error will do") {
  CHECK(answer(EngineKind::Generic, 200) == Healthy);
  CHECK(answer(EngineKind::Generic, 404) == Healthy);
  CHECK(answer(EngineKind::Generic, 405) == Healthy);
  CHECK(answer(EngineKind::Generic, 500) == Unhealthy);
  CHECK(answer(EngineKind::Generic, 503) == Unhealthy);
  CHECK(answer(EngineKind::TfServing, 404) == Healthy);  // without a model to ask for
}

TEST_CASE("TensorFlow Serving is healthy when some version of the model is available") {
  const auto state = [](std::uint16_t status, std::string_view body) { return answer(EngineKind::TfServing, status, body, "m"); };
  CHECK(
      state(
          200,
          R"({"model_version_status":[{"version":"2","state":"LOADING"},{"version":"1","state":"AVAILABLE","status":{"error_code":"OK"}}]})") ==
      Healthy);
  CHECK(state(200, R"({ "model_version_status": [ { "state": "LOADING" } ] })") == Loading);
  CHECK(state(200, R"({"model_version_status":[{"state":"START"}]})") == Loading);
  CHECK(state(200, R"({"model_version_status":[{"state":"END"},{"state":"UNLOADING"}]})") == Unhealthy);
  CHECK(state(200, R"({"model_version_status":[{"note":"AVAILABLE"}]})") == Unhealthy);
  CHECK(state(200, R"({"model_version_status":[]})") == Unhealthy);
  CHECK(state(200, R"({"model_version_status":{"state":"AVAILABLE"}})") == Unhealthy);
  CHECK(state(200, R"({"state":"AVAILABLE"})") == Unhealthy);
  CHECK(state(200, "") == Unhealthy);
  CHECK(state(200, "AVAILABLE") == Unhealthy);
  CHECK(state(404, R"({"model_version_status":[{"state":"AVAILABLE"}]})") == Unhealthy);
  CHECK(state(503, "") == Loading);
}

TEST_CASE("every kind of engine has a name that leads back to it") {
  for (const EngineName& entry : EngineNames) {
    CHECK(name_of(entry.kind) == entry.name);
    CHECK(engine_kind_named(entry.name) == entry.kind);
  }
  CHECK_FALSE(engine_kind_named("vLLM"));
  CHECK_FALSE(engine_kind_named(""));
}

}  // namespace
