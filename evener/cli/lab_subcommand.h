#pragma once
// The subcommands of `evener lab`: each has a file of its own, declares its options and says how it is run. And what several of them begin with.

#include <functional>
#include <string>

#include "evener/cli/lab_experiment.h"
#include "evener/core/result.h"

namespace CLI {
class App;
}

namespace evener::cli {

struct LabSubcommand {
  CLI::App* app = nullptr;
  std::function<int()> run;  // its exit code
};

LabSubcommand declare_lab_run(CLI::App& lab);
LabSubcommand declare_lab_compare(CLI::App& lab);
LabSubcommand declare_lab_sweep(CLI::App& lab);
LabSubcommand declare_lab_plan(CLI::App& lab);
LabSubcommand declare_lab_replay(CLI::App& lab);
LabSubcommand declare_lab_scale(CLI::App& lab);
LabSubcommand declare_lab_forecast(CLI::App& lab);
LabSubcommand declare_lab_calibrate(CLI::App& lab);

/// What the arguments describe, the pool of a file included; else the exit code, after the reason was printed.
[[nodiscard]] Result<Experiment, int> open_experiment(const LabArguments& arguments);

/// For the head of a report: load, endpoints (or the kinds of them to choose from) and objectives.
[[nodiscard]] std::string experiment_text(const Experiment& experiment, const LabArguments& arguments, const std::string& kinds = {});

/// Prints the error; the exit code that belongs to it.
int report(const Error& error);

}  // namespace evener::cli
