// evener explain: why a request went where it went, from the decisions that a running gateway keeps.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <ctime>
#include <iostream>

#include "evener/cli/admin_client.h"
#include "evener/cli/answer_fields.h"
#include "evener/cli/command.h"
#include "evener/protocol/json_reader.h"

namespace evener::cli {
namespace {

using protocol::JsonKind;
using protocol::JsonValue;

std::string rounded(const JsonValue& object, std::string_view key) {
  const auto number = number_of(object, key);
  return number ? fmt::format("{:.4g}", *number) : "-";
}

std::string duration(const JsonValue& object, std::string_view key) {
  const auto value = number_of(object, key);
  if (!value) return "-";
  return *value < 1 ? fmt::format("{:.1f} ms", *value * 1000) : fmt::format("{:.2f} s", *value);
}

std::string local_time(double unix_s) {
  const auto whole = static_cast<std::time_t>(unix_s);
  std::tm parts{};
  ::localtime_r(&whole, &parts);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%F %T", &parts));
}

std::string_view meaning_of(std::string_view why) {
  if (why == "policy") return "the policy chose it";
  if (why == "only_candidate") return "it was the only candidate";
  if (why == "panic") return "too few endpoints were up, so health was ignored";
  return why;
}

/// Predicted figures and what came.
void print_prediction(const JsonValue& decision) {
  const auto prediction = protocol::find_in(decision, "prediction");
  if (!prediction || prediction->kind != JsonKind::Object) return;
  const auto usage = protocol::find_in(decision, "usage");
  const auto used = [&](std::string_view key) {
    return usage && usage->kind == JsonKind::Object ? text_of(*usage, key) : std::string("-");
  };
  const auto row = [](std::string_view what, const std::string& predicted, const std::string& observed) {
    fmt::print("    {:<22}{:>12}{:>12}\n", what, predicted, observed);
  };
  row("", "predicted", "observed");
  row("first token", duration(*prediction, "first_token_s"), duration(decision, "first_token_s"));
  row("between tokens", duration(*prediction, "token_s"), duration(decision, "token_s"));
  row("last token", duration(*prediction, "total_s"), duration(decision, "total_s"));
  row("prompt tokens", text_of(*prediction, "prompt_tokens"), used("prompt_tokens"));
  row("of them in its cache", text_of(*prediction, "cached_tokens"), used("cached_tokens"));
  row("output tokens", text_of(*prediction, "output_tokens"), used("output_tokens"));
}

void print_endpoints(const JsonValue& decision, const std::string& chosen) {
  const auto list = protocol::find_in(decision, "endpoints");
  const auto endpoints = list ? protocol::elements_of(*list) : std::vector<JsonValue>();
  if (endpoints.empty()) return;
  fmt::print("    {:<2}{:<28}{:>12}{:>11}{:>15}  {}\n", "", "endpoint", "cost", "in flight", "cached tokens", "left out for");
  for (const JsonValue& one : endpoints) {
    const std::string name = text_of(one, "endpoint");
    fmt::print("    {:<2}{:<28}{:>12}{:>11}{:>15}  {}\n", name == chosen ? ">" : "", name, rounded(one, "cost"), text_of(one, "in_flight"),
               text_of(one, "cached_tokens"), is_true(one, "candidate") ? std::string() : text_of(one, "filtered_by"));
    const auto scores = protocol::find_in(one, "scores");
    std::vector<protocol::JsonMember> members;
    if (!scores || !protocol::members_of(*scores, members) || members.empty()) continue;
    std::string line;
    for (const protocol::JsonMember& score : members)
      line += fmt::format("{}{} {}", line.empty() ? "" : ", ", score.key, rounded(*scores, score.key));
    fmt::print("      scores: {}\n", line);
  }
  if (const auto all = number_of(decision, "endpoints_total"); all && *all > static_cast<double>(endpoints.size())) {
    fmt::print("    and {:.0f} others of the pool that were no better, or were not looked at\n",
               *all - static_cast<double>(endpoints.size()));
  }
}

void print_decision(const JsonValue& decision) {
  const std::string what = text_of(decision, "decision"), endpoint = text_of(decision, "endpoint");
  fmt::print("{}  pool {}, model {}, attempt {}\n", local_time(number_of(decision, "time_unix_s").value_or(0)), text_of(decision, "pool"),
             text_of(decision, "model"), text_of(decision, "attempt"));
  const std::string why = text_of(decision, "why");
  if (what == "dispatched") {
    fmt::print("  dispatched to {}: {} (policy {}, {} candidates)\n", endpoint, meaning_of(why), text_of(decision, "policy"),
               text_of(decision, "candidates"));
  } else if (what == "refused") {
    fmt::print("  refused: {}\n", why);
  } else {
    fmt::print("  {}\n", what);
  }
  if (number_of(decision, "waited_s")) fmt::print("  waited {} in the queue\n", duration(decision, "waited_s"));
  fmt::print("  {}\n", is_true(decision, "ended") ? "ended: " + text_of(decision, "ending") : std::string("not ended yet"));
  print_prediction(decision);
  print_endpoints(decision, endpoint);
  fmt::print("\n");
}

}  // namespace

int explain_command(int argc, char** argv) {
  CLI::App app("Says why a request went where it went: each endpoint as it stood then, what was predicted, and what came.",
               "evener explain");
  AdminOptions options;
  std::string request_id, pool;
  bool json = false;
  app.add_option("REQUEST_ID", request_id, "The x-request-id of its answer, or request_id in the access log")->required();
  app.add_option("--pool", pool, "Only decisions of this pool")->type_name("NAME");
  app.add_flag("--json", json, "Print the answer of GET /explain as it is");
  declare_admin(app, options);
  app.footer(
      "Examples:\n"
      "  evener explain 4f2a9c1e\n"
      "  evener explain 4f2a9c1e --config evener.yaml --json\n"
      "A gateway keeps the last 1,024 decisions of each pool.\n"
      "Exit codes: 0 found, 1 no such request is known, 2 wrong usage, 3 wrong configuration, 4 no gateway answers, 5 the token is not "
      "taken.");
  if (const auto code = parse_arguments(app, argc, argv)) return *code;

  std::string query = "request_id=" + percent_encoded(request_id);
  if (!pool.empty()) query += "&pool=" + percent_encoded(pool);
  const AdminAnswer answer = ask_admin(options, "/explain", query);
  if (answer.exit_code != Ok) {
    std::cerr << "evener explain: " << answer.error << "\n";
    return answer.exit_code;
  }
  protocol::JsonReader& reader = protocol::thread_json_reader();
  const protocol::JsonMember* list = nullptr;
  if (!reader.read(answer.body, protocol::JsonCheck::Everything)) list = protocol::find_member(reader.members(), "decisions");
  const auto decisions = list != nullptr ? protocol::elements_of(list->value) : std::vector<JsonValue>();
  if (json) fmt::print("{}\n", answer.body);
  if (decisions.empty()) {
    std::cerr << "evener explain: no decision about " << request_id
              << " is kept; it was never here, or others have taken its place since\n";
    return Failure;
  }
  if (json) return Ok;
  for (const JsonValue& decision : decisions) print_decision(decision);
  return Ok;
}

}  // namespace evener::cli
