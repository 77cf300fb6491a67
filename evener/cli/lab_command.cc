// evener lab: the gateway's own decisions on recorded or made-up load, in virtual time.

#include <CLI/CLI.hpp>
#include <array>

#include "evener/cli/command.h"
#include "evener/cli/lab_subcommand.h"

namespace evener::cli {

int lab_command(int argc, char** argv) {
  CLI::App app("Runs the gateway's own decisions on traces and engine models, in virtual time.", "evener lab");
  const std::array subcommands = {declare_lab_run(app),    declare_lab_compare(app), declare_lab_sweep(app),    declare_lab_plan(app),
                                  declare_lab_replay(app), declare_lab_scale(app),   declare_lab_forecast(app), declare_lab_calibrate(app)};
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  evener lab compare --trace conversation_trace.jsonl --policies random,least-request,balanced --load 1,1.2 --seeds 3\n"
      "  evener lab compare --workload chat --engines l4-8b=4 --policies least-request,balanced --against least-request --seeds 8\n"
      "  evener lab sweep --workload bursts --engines h100-8b=2 --policies least-request,balanced --load 1,2 --find-capacity\n"
      "  evener lab plan --workload bursts --kinds h100-8b=0..4:price=2.5,l4-8b=0..8:price=0.7 --slo-good 90\n"
      "  evener lab run --workload chat --engines h100-8b=2,l4-8b=4 --policy least-request\n"
      "  evener lab compare --workload chat --config evener.yaml --pool chat --engines h100-8b --policies balanced,blend\n"
      "  evener lab replay monday.evr\n"
      "  evener lab scale --rates rates.csv --column m_small_rps --startup 600s --plans hpa,predictive --violating-max 0.1\n"
      "  evener lab forecast --rates rates.csv --horizons 1,3\n"
      "  evener lab calibrate access.log --engine rtx4090/llama-3-8b:kv_blocks=2588 --endpoint gpu-1\n"
      "Exit codes: 0 done, 1 could not be done, 2 wrong usage, 3 configuration invalid, 6 a replayed decision differs or no fleet meets "
      "the\n"
      "objective, 130 interrupted.");
  if (const auto code = parse_arguments(app, argc, argv)) return *code;
  for (const LabSubcommand& each : subcommands) {
    if (each.app->parsed()) return each.run();
  }
  return Usage;
}

}  // namespace evener::cli
