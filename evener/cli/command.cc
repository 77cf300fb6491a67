#include "evener/cli/command.h"

#include <CLI/CLI.hpp>
#include <iostream>

namespace evener::cli {

std::optional<int> parse_arguments(CLI::App& app, int argc, char** argv) {
  app.get_formatter()->column_width(34);
  app.failure_message(CLI::FailureMessage::simple);
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForHelp& help) {
    app.exit(help);
    return Ok;
  } catch (const CLI::ParseError& error) {
    app.exit(error, std::cerr, std::cerr);
    return Usage;
  }
}

}  // namespace evener::cli
