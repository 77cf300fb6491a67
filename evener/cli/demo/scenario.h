#pragma once
// What the demo shows: eight engines of unequal strength, and a load that takes a set share of what they can do together. The engines are
// timers and their answers short, so that two shared cores can emulate seven such fleets at once without becoming the bottleneck.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "evener/core/time.h"
#include "evener/engine/options.h"
#include "evener/lab/step_time.h"
#include "evener/load/generator.h"

namespace evener::cli::demo {

inline constexpr const char* ModelName = "demo";

struct DemoEngine {
  std::string name;
  double strength = 1;      // what the gateway is told, as its weight
  double slow = 1;          // what it is not told: every step takes this many times as long
  std::uint32_t batch = 1;  // requests computed at once; more of them wait inside the engine
  lab::LinearStep step;
};

struct Scenario {
  std::vector<DemoEngine> engines;
  std::size_t strong = 0, slow = 0, victim = 0;  // places in engines; the victim is the one that dies
  load::TokenRange input_tokens, output_tokens;
  double utilisation = 0.75;  // of the fleet's capacity
};

[[nodiscard]] Scenario make_scenario();

/// Requests per second that an engine with a full batch answers, from its step model and the mean lengths.
[[nodiscard]] double capacity_per_s(const DemoEngine& engine, const Scenario& scenario);
[[nodiscard]] double fleet_capacity_per_s(const Scenario& scenario);
/// The rate of the load.
[[nodiscard]] double rate_per_s(const Scenario& scenario);

[[nodiscard]] std::vector<engine::EngineOptions> engine_options(const Scenario& scenario);
[[nodiscard]] load::LoadOptions load_options(const Scenario& scenario, const std::string& url, Duration duration, std::uint64_t seed);

/// How a demo of so many seconds spends them. What is left over pays for starting, and for answers still owed when a load ends.
struct Timetable {
  Duration live{}, hang_at{}, revive_at{}, compare{};
};
inline constexpr unsigned SecondsMin = 8, SecondsMax = 3600;
[[nodiscard]] Timetable timetable(unsigned seconds);

}  // namespace evener::cli::demo
