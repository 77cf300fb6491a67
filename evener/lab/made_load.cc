#include "evener/lab/made_load.h"

#include <algorithm>
#include <array>
#include <utility>

namespace evener::lab {
namespace {

LengthLaw log_normal(double mean, double cv, std::uint32_t max) {
  return {.shape = LengthLaw::Shape::LogNormal, .mean = mean, .spread = cv, .max = max};
}

LengthLaw exponential(double mean, std::uint32_t max) { return {.shape = LengthLaw::Shape::Exponential, .mean = mean, .max = max}; }

ArrivalLaw ten_minutes(double rate_per_s) { return {.stages = {{rate_per_s, 600}}}; }

MadeLoad independent() {
  return IndependentLoad{.arrivals = ten_minutes(4), .input = log_normal(1000, 1, 32'000), .output = exponential(250, 4000)};
}

MadeLoad shared_prefix() {
  return SharedPrefixLoad{
      .arrivals = ten_minutes(8), .groups = 32, .questions = 16, .system_tokens = 4000, .question_tokens = 500, .output_tokens = 250};
}

MadeLoad sessions() {
  return SessionLoad{.arrivals = ten_minutes(1),
                     .first_input = log_normal(1000, 1, 32'000),
                     .next_input = log_normal(300, 1, 16'000),
                     .output = exponential(250, 4000),
                     .think_s = 20};
}

MadeLoad agent_sessions() {
  return SessionLoad{.arrivals = ten_minutes(0.5),
                     .turns_mean = 3,
                     .requests_max = 200,
                     .system_tokens = 8000,
                     .first_input = log_normal(2000, 1, 64'000),
                     .next_input = log_normal(400, 1, 16'000),
                     .output = log_normal(300, 1.2, 8000),
                     .think_s = 60,
                     .calls_mean = 8,
                     .tool_s = 4,
                     .tool_cv = 2,
                     .tool_output = log_normal(1200, 1.5, 20'000)};
}

// Rates and durations of the published runs; the first stage warms the caches up.
MadeLoad shared_prefix_73() {
  return SharedPrefixLoad{.arrivals = {.stages = {{15, 50},
                                                  {3, 20},
                                                  {10, 20},
                                                  {15, 20},
                                                  {20, 38},
                                                  {22, 34},
                                                  {25, 30},
                                                  {30, 25},
                                                  {35, 21},
                                                  {40, 38},
                                                  {43, 36},
                                                  {46, 33},
                                                  {49, 30},
                                                  {52, 29},
                                                  {55, 27},
                                                  {57, 26},
                                                  {60, 25}}}};
}

MadeLoad shared_prefix_37() {
  return SharedPrefixLoad{
      .arrivals = {.stages = {{9, 30}, {3, 210}, {4, 180}, {5, 120}, {6, 120}, {8, 90}, {10, 70}, {12, 60}, {15, 50}, {20, 50}}, .cv = 0},
      .groups = 83,
      .questions = 3,
      .system_tokens = 8000,
      .question_tokens = 1000};
}

MadeLoad interactive_chat() {
  return SessionLoad{.arrivals = {.stages = {{4, 600}}},
                     .turns_mean = 4,
                     .system_tokens = 1000,
                     .first_input = {.shape = LengthLaw::Shape::LogNormal, .mean = 3000, .spread = 1, .max = 60'000},
                     .next_input = {.shape = LengthLaw::Shape::LogNormal, .mean = 700, .spread = 1, .max = 20'000},
                     .output = {.shape = LengthLaw::Shape::Exponential, .mean = 300, .max = 4000},
                     .think_s = 45};
}

MadeLoad agents() {
  return SessionLoad{.arrivals = {.stages = {{0.25, 900}}},
                     .turns_mean = 22,
                     .requests_max = 100,
                     .system_tokens = 12'000,
                     .first_input = {.shape = LengthLaw::Shape::LogNormal, .mean = 6000, .spread = 1, .max = 60'000},
                     .next_input = {.shape = LengthLaw::Shape::LogNormal, .mean = 1500, .spread = 1.5, .max = 20'000},
                     .output = {.shape = LengthLaw::Shape::LogNormal, .mean = 350, .spread = 1.2, .max = 8000},
                     .think_s = 6};
}

MadeLoad reasoning() {
  return IndependentLoad{.arrivals = {.stages = {{2, 900}}},
                         .input = {.shape = LengthLaw::Shape::LogNormal, .mean = 1000, .spread = 1, .max = 32'000},
                         .output = {.shape = LengthLaw::Shape::Exponential, .mean = 3000, .max = 24'000}};
}

MadeLoad bursts() {
  return IndependentLoad{.arrivals = {.stages = {{8, 900}}, .cv = 4},
                         .input = {.shape = LengthLaw::Shape::LogNormal, .mean = 2000, .spread = 1.5, .max = 60'000},
                         .output = {.shape = LengthLaw::Shape::Exponential, .mean = 150, .max = 4000}};
}

constexpr std::array Loads{
    NamedLoad{"independent", "requests that share nothing", &independent},
    NamedLoad{"shared-prefix", "groups of prompts, each with a system prompt of its own", &shared_prefix},
    NamedLoad{"sessions", "conversations whose turns wait for the answers before, then think", &sessions},
    NamedLoad{"agent-sessions", "the same with turns of several requests, between which tools run", &agent_sessions},
    NamedLoad{"shared-prefix-73",
              "150 system prompts of 6,000 tokens with 5 questions each, 3 to 60 requests/s in stages (llm-d, 73 % of 8 caches)",
              &shared_prefix_73},
    NamedLoad{"shared-prefix-37", "83 system prompts of 8,000 tokens with 3 questions each, 3 to 20 requests/s in stages (llm-d)",
              &shared_prefix_37},
    NamedLoad{"chat", "conversations of 4 turns with 45 s between them, 4 new ones per second", &interactive_chat},
    NamedLoad{"agents", "agents of 22 turns with tool calls of 6 s between them over a common prompt of 12,000 tokens, one new every 4 s",
              &agents},
    NamedLoad{"reasoning", "short prompts with answers of 3,000 tokens, 2 requests/s", &reasoning},
    NamedLoad{"bursts", "requests without anything in common, 8 per second in bursts (coefficient of variation 4)", &bursts},
};

}  // namespace

Workload make_workload(MadeLoad load, double rate_factor, std::uint64_t seed) {
  for (Stage& stage : arrivals_of(load).stages) stage.rate_per_s *= rate_factor;
  if (const auto* independent_requests = std::get_if<IndependentLoad>(&load)) return independent_load(*independent_requests, seed);
  if (const auto* groups = std::get_if<SharedPrefixLoad>(&load)) return shared_prefix_load(*groups, seed);
  return session_load(std::get<SessionLoad>(load), seed);
}

ArrivalLaw& arrivals_of(MadeLoad& load) {
  return std::visit([](auto& each) -> ArrivalLaw& { return each.arrivals; }, load);
}
const ArrivalLaw& arrivals_of(const MadeLoad& load) {
  return std::visit([](const auto& each) -> const ArrivalLaw& { return each.arrivals; }, load);
}

std::span<const NamedLoad> named_loads() { return Loads; }

const NamedLoad* find_named_load(std::string_view name) {
  const auto found = std::find_if(Loads.begin(), Loads.end(), [&](const NamedLoad& load) { return load.name == name; });
  return found == Loads.end() ? nullptr : &*found;
}

}  // namespace evener::lab
