// evener config: check a configuration, or print an example or the schema.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "evener/base/files.h"
#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/gateway/config_schema.h"

namespace evener::cli {
namespace {

constexpr std::size_t ConfigBytesMax = 8 * 1024 * 1024;

void print_problems_json(const std::vector<gateway::ConfigError>& errors, const std::vector<gateway::ConfigError>& warnings) {
  std::string out;
  JsonWriter json(out);
  const auto list = [&](std::string_view name, const std::vector<gateway::ConfigError>& problems) {
    json.key(name).begin_array();
    for (const auto& problem : problems) {
      json.begin_object().member("file", problem.file).member("line", problem.line).member("column", problem.column);
      json.member("path", problem.path).member("message", problem.message).end_object();
    }
    json.end_array();
  };
  json.begin_object().member("schema", "evener.config-check/1").member("ok", errors.empty());
  list("errors", errors);
  list("warnings", warnings);
  json.end_object();
  std::cout << out << "\n";
}

int check(const std::string& path, bool as_json) {
  const auto text = read_file(path, ConfigBytesMax);
  if (!text) {
    std::cerr << "evener config check: " << text.error().message << "\n";
    return Failure;
  }
  std::vector<gateway::ConfigError> warnings;
  const auto config = gateway::read_config(path, *text, &warnings);
  const std::vector<gateway::ConfigError> none;
  const auto& errors = config ? none : config.error();
  if (as_json) {
    print_problems_json(errors, warnings);
  } else {
    for (const auto& error : errors) std::cerr << config::with_caret(error) << "\n";
    for (const auto& warning : warnings) std::cerr << "warning: " << config::with_caret(warning) << "\n";
    if (config) {
      std::size_t endpoints = 0;
      for (const auto& pool : config->pools) endpoints += pool.endpoints.size();
      std::cout << path << ": ok, " << config->pools.size() << (config->pools.size() == 1 ? " pool, " : " pools, ") << endpoints
                << (endpoints == 1 ? " endpoint\n" : " endpoints\n");
    }
  }
  return config ? Ok : ConfigInvalid;
}

}  // namespace

int config_command(int argc, char** argv) {
  CLI::App app("Checks a configuration, or prints an example or its JSON Schema.", "evener config");
  app.require_subcommand(1);
  std::string path;
  bool as_json = false;
  CLI::App* check_app = app.add_subcommand("check", "Reads a file as `evener serve` would and reports everything that is wrong");
  check_app->add_option("file", path, "Configuration file")->required();
  check_app->add_flag("--json", as_json, "Report as JSON");
  CLI::App* example = app.add_subcommand("example", "Prints a commented example");
  CLI::App* schema = app.add_subcommand("schema", "Prints the JSON Schema, for editors");
  CLI::App* reference = app.add_subcommand("reference", "Prints the reference page (Markdown)");
  app.footer(
      "Examples:\n"
      "  evener config example > evener.yaml\n"
      "  evener config check evener.yaml\n"
      "Exit codes: 0 ok, 1 the file cannot be read, 2 wrong usage, 3 the configuration is wrong.");
  if (const auto code = parse_arguments(app, argc, argv)) return *code;
  if (check_app->parsed()) return check(path, as_json);
  if (example->parsed()) std::cout << gateway::config_example_yaml();
  if (schema->parsed()) std::cout << gateway::config_json_schema();
  if (reference->parsed()) std::cout << gateway::config_reference_markdown();
  return Ok;
}

}  // namespace evener::cli
