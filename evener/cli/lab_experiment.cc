#include "evener/cli/lab_experiment.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "evener/cli/lab_load.h"
#include "evener/cli/lab_pool.h"
#include "evener/cli/option_words.h"

namespace evener::cli {

void declare_experiment(CLI::App& app, LabArguments& arguments) {
  declare_load(app, arguments);
  app.add_option("-c,--config", arguments.config, "The pool as a file of evener serve has it; --engines says what stands behind it")
      ->type_name("FILE")
      ->group("Pool");
  app.add_option("--pool", arguments.pool, "Which pool of the file (default: the first)")->type_name("NAME")->group("Pool");
  app.add_option("-e,--engines", arguments.engines,
                 "Presets of evener engine with counts, such as h100-8b=2,l4-8b=4:slow=4:weight=0.5:capacity=64:network-ms=5 (default: "
                 "h100x2-32b-coarse=8; with a file one for each of its endpoints)")
      ->type_name("LIST")
      ->group("Pool");
  app.add_option(
         "--reports", arguments.reports,
         "Load reports every PERIOD, or PERIOD+DELAY until they arrive; 0s = before each arrival (default: the file's interval, or none)")
      ->type_name("PERIOD")
      ->group("Pool");
  app.add_option("--block-tokens", arguments.block_tokens, "Content block of the scheduler's prefix index (default: the file's, or 512)")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("TOKENS")
      ->group("Pool");
  app.add_option("--prompt-error", arguments.prompt_error,
                 "Standard deviation of the log of estimated over true prompt length (default: 0)")
      ->check(number_of(0.0, 2.0))
      ->type_name("SIGMA")
      ->group("Pool");
  app.add_option("--queue", arguments.queue, "Most requests that wait for capacity (default: the file's, or 1024)")
      ->check(CLI::Range(0, 10'000'000))
      ->type_name("N")
      ->group("Pool");

  app.add_option("--seed", arguments.seed, "Of the load and of chance, the first of several (default: 1)")->type_name("N")->group("Runs");
  app.add_option("--slo-ttft", arguments.ttft, "Objective: time to first token (default: 2s)")->type_name("DURATION")->group("Runs");
  app.add_option("--slo-tpot", arguments.tpot, "Objective: time per output token (default: 100ms)")->type_name("DURATION")->group("Runs");
  app.add_flag("--json", arguments.json, "Figures as JSON")->group("Runs");
}

void declare_policies(CLI::App& app, LabArguments& arguments) {
  app.add_option("-p,--policies", arguments.policies, "Policies, with commas (default: the file's, or balanced)")
      ->type_name("LIST")
      ->group("Pool");
}

Result<Experiment> read_experiment(const LabArguments& arguments, const gateway::PoolConfig* pool) {
  Experiment experiment;
  if (auto done = read_pool(arguments, pool, experiment); !done) return tl::unexpected(done.error());
  const auto ttft = read_duration_option("--slo-ttft", arguments.ttft);
  if (!ttft) return tl::unexpected(ttft.error());
  const auto tpot = read_duration_option("--slo-tpot", arguments.tpot);
  if (!tpot) return tl::unexpected(tpot.error());
  experiment.objectives = {.first_token = *ttft, .token = *tpot};
  if (auto done = read_load(arguments, pool, experiment); !done) return tl::unexpected(done.error());
  return experiment;
}

lab::Scenario Experiment::scenario_for(route::PolicyKind policy, std::uint64_t seed) const {
  lab::Scenario made = scenario;
  made.pool.policy = policy;
  made.seed = seed;
  return made;
}

}  // namespace evener::cli
