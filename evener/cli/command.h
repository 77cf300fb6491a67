#pragma once
// The commands of `evener`, and what they share: exit codes and the reading of arguments. CLI11 stays in the .cc files.

#include <optional>
#include <span>
#include <string>

namespace CLI {
class App;
}

namespace evener::cli {

/// What every command returns to the shell.
enum ExitCode : int {
  Ok = 0,
  Failure = 1,
  Usage = 2,
  ConfigInvalid = 3,
  DaemonUnreachable = 4,
  NotAllowed = 5,
  Findings = 6,       // a threshold was missed
  Partial = 7,
  Interrupted = 130,
};

struct Command {
  const char* name;
  const char* summary;
  /// argv[0] is the command's name.
  int (*run)(int argc, char** argv);
};

[[nodiscard]] std::span<const Command> commands();

int serve_command(int argc, char** argv);
int engine_command(int argc, char** argv);
int load_command(int argc, char** argv);
int lab_command(int argc, char** argv);
int demo_command(int argc, char** argv);
int explain_command(int argc, char** argv);
int scale_command(int argc, char** argv);
int config_command(int argc, char** argv);
int version_command(int argc, char** argv);
int completion_command(int argc, char** argv);

/// Parses, and prints help or the error. An exit code when the command is to end now, nothing when it goes on.
[[nodiscard]] std::optional<int> parse_arguments(CLI::App& app, int argc, char** argv);

/// Version, compiler and libraries, one line each.
[[nodiscard]] std::string version_text();

}  // namespace evener::cli
