// evener: finds the command and runs it.

#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "evener/cli/command.h"

namespace {

void print_usage(std::FILE* out) {
  std::fputs(
      "evener balances AI work: requests over inference servers, in one program.\n\n"
      "Usage: evener COMMAND [OPTIONS]\n\nCommands:\n",
      out);
  for (const auto& command : evener::cli::commands()) std::fprintf(out, "  %-12s %s\n", command.name, command.summary);
  std::fputs("\nevener COMMAND --help tells more. Try: evener demo\n", out);
}

}  // namespace

int main(int argc, char** argv) {
  // Writing to a connection or a pipe whose other end has gone is an error value here, not a reason to die.
  std::signal(SIGPIPE, SIG_IGN);
  if (argc < 2) {
    print_usage(stderr);
    return evener::cli::Usage;
  }
  const std::string_view name = argv[1];
  if (name == "--help" || name == "-h" || name == "help") {
    print_usage(stdout);
    return evener::cli::Ok;
  }
  if (name == "--version" || name == "-V") return evener::cli::version_command(argc - 1, argv + 1);
  for (const auto& command : evener::cli::commands()) {
    if (name == command.name) return command.run(argc - 1, argv + 1);
  }
  std::fprintf(stderr, "evener: there is no command '%s'; evener --help lists them\n", argv[1]);
  return evener::cli::Usage;
}
