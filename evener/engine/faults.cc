#include "evener/engine/faults.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <cmath>

#include "evener/base/json_writer.h"

namespace evener::engine {
namespace {

struct Field {
  std::string_view name;
  double min, max;
  bool whole;
  void (*set)(FaultPlan&, double);
  double (*get)(const FaultPlan&);
};

template <auto Member>
constexpr Field field(std::string_view name, double min, double max) {
  using Value = std::remove_reference_t<decltype(std::declval<FaultPlan&>().*Member)>;
  return {.name = name,
          .min = min,
          .max = max,
          .whole = !std::is_floating_point_v<Value>,
          .set = [](FaultPlan& plan, double value) { plan.*Member = static_cast<Value>(value); },
          .get = [](const FaultPlan& plan) { return static_cast<double>(plan.*Member); }};
}

constexpr std::array Fields = {
    field<&FaultPlan::slow>("slow", 0.01, 1000),
    field<&FaultPlan::error>("error", 0, 1),
    field<&FaultPlan::error_status>("error_status", 400, 599),
    field<&FaultPlan::overloaded>("overloaded", 0, 1),
    field<&FaultPlan::overloaded_status>("overloaded_status", 400, 599),
    field<&FaultPlan::retry_after_s>("retry_after_s", 0, 3600),
    field<&FaultPlan::garbage>("garbage", 0, 1),
    field<&FaultPlan::half_open>("half_open", 0, 1),
    field<&FaultPlan::reset>("reset", 0, 1),
    field<&FaultPlan::reset_after_tokens>("reset_after_tokens", 0, 1e6),
    field<&FaultPlan::stall_first>("stall_first", 0, 1),
    field<&FaultPlan::stall_stream>("stall_stream", 0, 1),
    field<&FaultPlan::stall_after_tokens>("stall_after_tokens", 0, 1e6),
    field<&FaultPlan::stall_s>("stall_s", 0, 3600),
    field<&FaultPlan::kv_drop_every>("kv_drop_every", 0, 1e6),
    field<&FaultPlan::unhealthy>("unhealthy", 0, 1),
    field<&FaultPlan::seed>("seed", 0, 9007199254740992.0),  // 2^53: whole in a double
};

const Field* find_field(std::string_view name) {
  for (const Field& field : Fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

}  // namespace

bool is_fault_name(std::string_view name) { return find_field(name) != nullptr; }

Result<void> set_fault(FaultPlan& plan, std::string_view name, double value) {
  const Field* field = find_field(name);
  if (field == nullptr) {
    std::string known;
    for (const Field& each : Fields) known += fmt::format("{}{}", known.empty() ? "" : ", ", each.name);
    return fail(fmt::format("there is no fault \"{}\"; known are {}", name, known), Fault::Client);
  }
  if (!(value >= field->min && value <= field->max) || (field->whole && std::floor(value) != value)) {
    return fail(fmt::format("fault {} is {}; it must be {}{}..{}", name, value, field->whole ? "a whole number " : "", field->min, field->max),
                Fault::Client);
  }
  field->set(plan, value);
  return {};
}

Result<FaultPlan> read_fault_plan(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  const simdjson::padded_string padded(json);
  if (parser.parse(padded).get(object) != simdjson::SUCCESS) return fail("a fault plan is a JSON object such as {\"slow\":3}", Fault::Client);
  FaultPlan plan;
  for (const auto& [name, element] : object) {
    double value = 0;
    bool flag = false;
    if (element.get(flag) == simdjson::SUCCESS) {
      value = flag ? 1 : 0;
    } else if (element.get(value) != simdjson::SUCCESS) {
      return fail(fmt::format("fault {} is not a number", name), Fault::Client);
    }
    if (auto set = set_fault(plan, name, value); !set) return tl::unexpected(set.error());
  }
  return plan;
}

std::string fault_plan_json(const FaultPlan& plan) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  for (const Field& field : Fields) json.key(field.name).value(field.get(plan));
  json.end_object();
  return out;
}

FaultDraw draw_faults(const FaultPlan& plan, Rng& rng) {
  const auto happens = [&](double probability) { return rng.uniform() < probability; };
  const bool half_open = happens(plan.half_open), garbage = happens(plan.garbage), overloaded = happens(plan.overloaded),
             error = happens(plan.error), stall_first = happens(plan.stall_first), reset = happens(plan.reset),
             stall_stream = happens(plan.stall_stream);
  FaultDraw draw;
  draw.answer = half_open    ? FaultDraw::Answer::HalfOpen
                : garbage    ? FaultDraw::Answer::Garbage
                : overloaded ? FaultDraw::Answer::Overloaded
                : error      ? FaultDraw::Answer::Error
                             : FaultDraw::Answer::Normal;
  draw.stall_first = stall_first;
  if (reset) draw.reset_after_tokens = plan.reset_after_tokens;
  if (stall_stream) draw.stall_after_tokens = plan.stall_after_tokens;
  return draw;
}

}  // namespace evener::engine
