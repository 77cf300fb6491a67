#include "evener/cli/lab_objective.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "evener/base/json_writer.h"
#include "evener/cli/option_words.h"

namespace evener::cli {

void declare_service_level(CLI::App& app, ServiceLevel& level) {
  app.add_option("--slo-good", level.good_percent, "So many % of the requests have to be within their objectives")
      ->check(number_of(0.0, 100.0))
      ->type_name("PERCENT")
      ->capture_default_str()
      ->group("Runs");
}

std::string service_level_text(const ServiceLevel& level, const LabArguments& arguments) {
  return fmt::format("{:g} % of the requests with TTFT <= {} and TPOT <= {}{}", level.good_percent, arguments.ttft, arguments.tpot,
                     arguments.classes.empty() ? "" : ", or as their class has it");
}

void write_service_level(JsonWriter& json, const ServiceLevel& level, const Experiment& experiment) {
  json.key("slo").begin_object().member("good_request_share", level.good_percent / 100);
  json.member("time_to_first_token_ms", 1000 * seconds(experiment.objectives.first_token));
  json.member("time_per_output_token_ms", 1000 * seconds(experiment.objectives.token)).end_object();
}

}  // namespace evener::cli
