#pragma once
// The kinds of replicas that `evener lab plan` may buy, as its option says them, and pools made of them.

#include <string>
#include <vector>

#include "evener/core/result.h"
#include "evener/lab/fleet_search.h"
#include "evener/lab/simulation.h"

namespace evener::cli {

struct LabKind {
  std::string name;
  lab::SimulatedEndpoint replica;
  lab::FleetKind range;
};

/// "h100-8b=0..8:price=2.5,l4-8b=0..16:price=0.7:capacity=64": replicas from..to (or up to), the price of one per hour, and properties as --engines
/// has them.
[[nodiscard]] Result<std::vector<LabKind>> read_kinds(const std::string& text);

[[nodiscard]] std::vector<lab::SimulatedEndpoint> endpoints_of(const lab::Fleet& fleet, const std::vector<LabKind>& kinds);
/// "2 h100-8b + 1 l4-8b".
[[nodiscard]] std::string fleet_text(const lab::Fleet& fleet, const std::vector<LabKind>& kinds);

}  // namespace evener::cli
