#pragma once
// The service level that sweeps and plans ask for: so many of the requests are within their objectives.

#include "evener/cli/lab_runs.h"

namespace evener {
class JsonWriter;
}

namespace evener::cli {

struct ServiceLevel {
  double good_percent = 95;

  [[nodiscard]] bool met_by(const lab::Figures& figures) const { return 100 * figures[lab::Figure::GoodShare] >= good_percent; }
};
void declare_service_level(CLI::App& app, ServiceLevel& level);
/// "95 % of the requests with TTFT <= 2s and TPOT <= 100ms".
[[nodiscard]] std::string service_level_text(const ServiceLevel& level, const LabArguments& arguments);
/// The member "slo".
void write_service_level(JsonWriter& json, const ServiceLevel& level, const Experiment& experiment);

}  // namespace evener::cli
