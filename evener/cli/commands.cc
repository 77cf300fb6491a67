#include <array>
#include <cstdio>
#include <string_view>

#include "evener/cli/command.h"

namespace evener::cli {

std::span<const Command> commands() {
  static constexpr std::array<Command, 10> all = {{
      {"demo", "unequal engines, the gateway and a load in one process: see the balance live", &demo_command},
      {"serve", "the gateway", &serve_command},
      {"engine", "emulated inference servers, with faults on purpose", &engine_command},
      {"load", "open-loop load on any OpenAI server, with percentiles", &load_command},
      {"lab", "try policies on traces and engine models, in virtual time", &lab_command},
      {"explain", "why a request went where it went", &explain_command},
      {"scale", "how many replicas a pool has and why; hold it at a number", &scale_command},
      {"config", "check a configuration; print an example or the schema", &config_command},
      {"version", "version, compiler and libraries", &version_command},
      {"completion", "completion script for bash, zsh or fish", &completion_command},
  }};
  return all;
}

int completion_command(int argc, char** argv) {
  const std::string_view shell = argc == 2 ? argv[1] : "";
  std::string names;
  for (const Command& command : commands()) names += (names.empty() ? "" : " ") + std::string(command.name);
  if (shell == "bash") {
    // Options are asked from the program's own help, so that this never grows old.
    std::printf(
        "_evener() {\n"
        "  local word=${COMP_WORDS[COMP_CWORD]}\n"
        "  if [ \"$COMP_CWORD\" -eq 1 ]; then mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$word\"); return; fi\n"
        "  local options; options=$(\"${COMP_WORDS[0]}\" \"${COMP_WORDS[1]}\" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u)\n"
        "  mapfile -t COMPREPLY < <(compgen -W \"$options\" -f -- \"$word\")\n"
        "}\n"
        "complete -F _evener evener\n",
        names.c_str());
    return Ok;
  }
  if (shell == "zsh") {
    std::printf(
        "#compdef evener\n"
        "_evener() {\n"
        "  if (( CURRENT == 2 )); then compadd %s; return; fi\n"
        "  compadd -- $(evener ${words[2]} --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u); _files\n"
        "}\n"
        "compdef _evener evener\n",
        names.c_str());
    return Ok;
  }
  if (shell == "fish") {
    for (const Command& command : commands()) {
      std::printf("complete -c evener -n __fish_use_subcommand -a %s -d '%s'\n", command.name, command.summary);
    }
    return Ok;
  }
  const bool help = shell == "--help" || shell == "-h";
  std::fputs("Prints a completion script.\nUsage: evener completion bash|zsh|fish\nExample: source <(evener completion bash)\n", help ? stdout : stderr);
  return help ? Ok : Usage;
}

}  // namespace evener::cli
