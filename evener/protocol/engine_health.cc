#include "evener/protocol/engine_health.h"

#include "evener/protocol/json_reader.h"

namespace evener::protocol {

namespace {

constexpr bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~';
}

void append_path_segment(std::string& out, std::string_view segment) {
  static constexpr char Hex[] = "0123456789ABCDEF";
  for (const char c : segment) {
    if (is_unreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += Hex[byte >> 4];
    out += Hex[byte & 15];
  }
}

HealthAnswer by_success(std::uint16_t status) {
  if (status >= 200 && status < 300) return HealthAnswer::Healthy;
  return status == 503 ? HealthAnswer::Loading : HealthAnswer::Unhealthy;
}

/// {"model_version_status":[{"version":"1","state":"AVAILABLE","status":{...}}]}; one version that serves is enough.
HealthAnswer by_model_state(std::string_view body) {
  JsonReader& reader = thread_json_reader();
  HealthAnswer answer = HealthAnswer::Unhealthy;
  if (!reader.read(body, JsonCheck::Everything)) {
    if (const JsonMember* versions = find_member(reader.members(), "model_version_status")) {
      for (const JsonValue& version : elements_of(versions->value)) {
        const auto state = find_in(version, "state");
        if (!state) continue;
        if (state->text == "\"AVAILABLE\"") answer = HealthAnswer::Healthy;
        if (answer == HealthAnswer::Unhealthy && (state->text == "\"START\"" || state->text == "\"LOADING\""))
          answer = HealthAnswer::Loading;
      }
    }
  }
  return answer;
}

}  // namespace

HealthProbe health_probe(EngineKind kind, std::string_view path, std::string_view model) {
  if (!path.empty()) return {.path = std::string(path), .rule = HealthRule::Success};
  switch (kind) {
    case EngineKind::Vllm:
    case EngineKind::Sglang:
    case EngineKind::LlamaCpp:
    case EngineKind::Tgi:
    case EngineKind::TrtLlm: return {.path = "/health", .rule = HealthRule::Success};
    case EngineKind::Triton: return {.path = "/v2/health/ready", .rule = HealthRule::Success};
    case EngineKind::TfServing: {
      if (model.empty()) return {.path = "/v1/models", .rule = HealthRule::NoServerError};
      HealthProbe probe{.path = "/v1/models/", .rule = HealthRule::ModelAvailable};
      append_path_segment(probe.path, model);
      return probe;
    }
    case EngineKind::Ollama: return {.path = "/api/version", .rule = HealthRule::Success};
    case EngineKind::OpenAi: return {.path = "/v1/models", .rule = HealthRule::SuccessOrDenied};
    case EngineKind::Generic: break;
  }
  return {.path = "/", .rule = HealthRule::NoServerError};
}

HealthAnswer read_health(HealthRule rule, std::uint16_t status, std::string_view body) {
  switch (rule) {
    case HealthRule::Success: return by_success(status);
    case HealthRule::SuccessOrDenied: return status == 401 || status == 403 ? HealthAnswer::Healthy : by_success(status);
    case HealthRule::NoServerError: return status < 500 ? HealthAnswer::Healthy : HealthAnswer::Unhealthy;
    case HealthRule::ModelAvailable: return status == 200 ? by_model_state(body) : by_success(status == 503 ? 503 : 500);
  }
  return HealthAnswer::Unhealthy;
}

}  // namespace evener::protocol
