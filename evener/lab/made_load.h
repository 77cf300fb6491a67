#pragma once
// MadeLoad: any of the kinds of made-up load as one value, and those that have a name, after published benchmarks or as something to start from.

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "evener/lab/workloads.h"

namespace evener::lab {

using MadeLoad = std::variant<IndependentLoad, SharedPrefixLoad, SessionLoad>;

/// With its rates multiplied by `rate_factor`.
[[nodiscard]] Workload make_workload(MadeLoad load, double rate_factor, std::uint64_t seed);
[[nodiscard]] ArrivalLaw& arrivals_of(MadeLoad& load);
[[nodiscard]] const ArrivalLaw& arrivals_of(const MadeLoad& load);

struct NamedLoad {
  std::string_view name;
  std::string_view description;
  MadeLoad (*load)();
};
[[nodiscard]] std::span<const NamedLoad> named_loads();
/// nullptr when there is none.
[[nodiscard]] const NamedLoad* find_named_load(std::string_view name);

}  // namespace evener::lab
