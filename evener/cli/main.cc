// evener: finds the command and runs it.

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <system_error>

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

/// Runs it; what it printed and could not be written is a failure, as on a full disk.
int run(const evener::cli::Command& command, int argc, char** argv) {
  int code = evener::cli::Failure;
  try {
    code = command.run(argc, argv);
  } catch (const std::system_error& error) {  // of fmt::print
    std::fprintf(stderr, "evener %s: %s\n", command.name, error.what());
    return evener::cli::Failure;
  }
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  std::fprintf(stderr, "evener %s: standard output: %s\n", command.name, std::strerror(errno));
  return code == evener::cli::Ok ? evener::cli::Failure : code;
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
    if (name == command.name) return run(command, argc - 1, argv + 1);
  }
  std::fprintf(stderr, "evener: there is no command '%s'; evener --help lists them\n", argv[1]);
  return evener::cli::Usage;
}
