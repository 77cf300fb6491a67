// evener scale: how many replicas the pools of a running gateway have and why, and holding one at a number.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "evener/cli/admin_client.h"
#include "evener/cli/answer_fields.h"
#include "evener/cli/command.h"
#include "evener/cli/scale_check.h"

namespace evener::cli {
namespace {

using protocol::JsonValue;

std::string span_of(std::optional<double> time_s) {
  if (!time_s) return "-";
  return *time_s < 120    ? fmt::format("{:.0f} s", *time_s)
         : *time_s < 7200 ? fmt::format("{:.0f} min", *time_s / 60)
                          : fmt::format("{:.1f} h", *time_s / 3600);
}

void print_kind(const JsonValue& kind) {
  const std::string name = text_of(kind, "name");
  fmt::print("  {}{}: {} wanted, {} ready, {} draining\n", name == "-" ? "" : name + ", ", text_of(kind, "actuator"),
             text_of(kind, "wanted"), text_of(kind, "ready"), text_of(kind, "draining"));
  const std::string trouble = text_of(kind, "trouble");
  if (trouble == "-") return;
  const auto retry = number_of(kind, "retry_in_s");
  fmt::print("    trouble: {}{}\n", trouble,
             retry ? fmt::format(" (call {} in a row; again in {})", text_of(kind, "failures"), span_of(retry)) : "");
}

void print_pool(const JsonValue& pool) {
  fmt::print("{}: {} wanted, {} ready, {}..{} allowed\n", text_of(pool, "pool"), text_of(pool, "wanted"), text_of(pool, "ready"),
             text_of(pool, "least"), text_of(pool, "most"));
  for (const JsonValue& one : list_of(pool, "kinds")) print_kind(one);
  if (const auto held = protocol::find_in(pool, "held"); held && held->kind == protocol::JsonKind::Object) {
    fmt::print("  held at {} for another {}\n", text_of(*held, "replicas"), span_of(number_of(*held, "for_s")));
  }
  if (const auto reading = protocol::find_in(pool, "reading"); reading && reading->kind == protocol::JsonKind::Object) {
    fmt::print("  {} ago: {:.4g} requests/s, {:.4g} in flight, {} queued\n", span_of(number_of(*reading, "age_s")),
               number_of(*reading, "arrivals_per_s").value_or(0), number_of(*reading, "in_flight").value_or(0),
               text_of(*reading, "queued"));
    fmt::print("  decided {}\n", text_of(pool, "decision"));
  }
  for (const JsonValue& one : list_of(pool, "proposals")) {
    fmt::print("    {:<14}asks for {:>4}  ({:.4g} at {:.4g} per replica)\n", text_of(one, "controller"), text_of(one, "replicas"),
               number_of(one, "load").value_or(0), number_of(one, "per_replica").value_or(0));
  }
  fmt::print("  a replica starts within {}\n", span_of(number_of(pool, "startup_s")));
  for (const JsonValue& one : list_of(pool, "replicas")) {
    fmt::print("    {:<32}{:<10}{:>4} in flight{}\n", text_of(one, "url"), text_of(one, "state"), text_of(one, "in_flight"),
               text_of(one, "state") == "serving" && !is_true(one, "healthy") ? "  not healthy" : "");
  }
  for (const JsonValue& one : list_of(pool, "changes"))
    fmt::print("  {:>8} ago  {}\n", span_of(number_of(one, "age_s")), text_of(one, "why"));
}

int print_status(const std::string& body, bool json) {
  if (json) {
    fmt::print("{}\n", body);
    return Ok;
  }
  protocol::JsonReader& reader = protocol::thread_json_reader();
  const protocol::JsonMember* list = nullptr;
  if (!reader.read(body, protocol::JsonCheck::Everything)) list = protocol::find_member(reader.members(), "pools");
  const auto pools = list != nullptr ? protocol::elements_of(list->value) : std::vector<JsonValue>();
  if (pools.empty()) fmt::print("no pool is scaled; a pool is, when its scale section names an actuator\n");
  for (const JsonValue& pool : pools) print_pool(pool);
  return Ok;
}

}  // namespace

int scale_command(int argc, char** argv) {
  CLI::App app("How many replicas the pools of a running gateway have, why, and holding a pool at a number.", "evener scale");
  app.require_subcommand(1);
  AdminOptions options;
  bool json = false;
  std::string pool, hold_for = "10m";
  std::uint32_t replicas = 0;
  CLI::App* status = app.add_subcommand("status", "How many replicas there are, what each controller asks for, and the latest changes");
  status->add_flag("--json", json, "Print the answer of GET /scaling as it is");
  CLI::App* set = app.add_subcommand("set", "Hold a pool at a number of replicas for a while, whatever its controllers ask for");
  set->add_option("POOL", pool, "Its name")->required();
  set->add_option("REPLICAS", replicas, "How many, at most scale.most")->required();
  set->add_option("--for", hold_for, "How long")->type_name("TIME")->capture_default_str();
  CLI::App* release = app.add_subcommand("release", "Let the controllers decide again");
  release->add_option("POOL", pool, "Its name")->required();
  for (CLI::App* one : {status, set, release}) declare_admin(*one, options);
  ScaleCheckOptions to_check;
  CLI::App* check =
      app.add_subcommand("check", "Ask the actuators of a configuration what is there, without a gateway; exit code 1 if one fails");
  check->add_option("file", to_check.file, "Configuration file")->required();
  CLI::Option* one_pool = check->add_option("--pool", to_check.pool, "This pool alone")->type_name("NAME");
  check->add_option("--kind", to_check.kind, "Of its kinds of replicas this one alone")->type_name("NAME")->needs(one_pool);
  check->add_option("--replicas", to_check.replicas, "Set this number, too, as a gateway would")->type_name("N")->needs(one_pool);
  check->add_flag("--json", to_check.json, "Report as JSON");
  app.footer(
      "Examples:\n"
      "  evener scale status --config evener.yaml\n"
      "  evener scale set chat 4 --for 30m\n"
      "  evener scale release chat\n"
      "  evener scale check evener.yaml\n"
      "  evener scale check evener.yaml --pool chat --replicas 3\n"
      "Exit codes: 0 done, 1 refused, 2 wrong usage, 3 wrong configuration, 4 no gateway answers, 5 the token is not taken.");
  if (const auto code = parse_arguments(app, argc, argv)) return *code;
  if (check->parsed()) return check_scale(to_check);

  const std::string path = "/pools/" + percent_encoded(pool) + "/scale";
  const AdminAnswer answer = set->parsed()
                                 ? ask_admin(options, path, fmt::format("replicas={}&for={}", replicas, percent_encoded(hold_for)), "POST")
                             : release->parsed() ? ask_admin(options, path, "", "DELETE")
                                                 : ask_admin(options, "/scaling", "");
  if (answer.exit_code != Ok) {
    std::cerr << "evener scale: " << answer.error << "\n";
    return answer.exit_code;
  }
  return status->parsed() ? print_status(answer.body, json) : Ok;
}

}  // namespace evener::cli
