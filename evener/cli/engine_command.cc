// evener engine: emulated inference servers, to try everything without a GPU.

#include <pthread.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>

#include "evener/base/log.h"
#include "evener/cli/command.h"
#include "evener/cli/descriptor_limit.h"
#include "evener/engine/fleet.h"
#include "evener/lab/engine_presets.h"

namespace evener::cli {
namespace {

struct EngineArguments {
  std::vector<std::string> specs, models, faults;
  std::string host = "127.0.0.1";
  unsigned port = 8000, threads = 0;
  double time_scale = 1, prefill_tokens_per_s = 0, decode_tokens_per_s = 0;
  std::string kv_events, kv_replay;
  bool list_presets = false;
};

int list_presets() {
  for (const lab::EnginePreset& preset : lab::engine_presets()) {
    std::cout << preset.name << std::string(24 - std::min<std::size_t>(23, preset.name.size()), ' ') << preset.description << "\n";
  }
  return Ok;
}

/// "slow=3" into the plan.
Result<void> add_fault(engine::FaultPlan& plan, const std::string& text) {
  const std::size_t equals = text.find('=');
  double value = 0;
  const char* end = text.data() + text.size();
  if (equals == std::string::npos || std::from_chars(text.data() + equals + 1, end, value).ptr != end || equals + 1 == text.size()) {
    return fail("--fault " + text + " is not of the form name=number", Fault::Client);
  }
  return engine::set_fault(plan, std::string_view(text).substr(0, equals), value);
}

/// The address for the i-th engine: the next ports for the next engines.
Result<std::string> nth_address(const std::string& address, std::size_t i) {
  if (auto checked = net::check_zmq_address(address, net::ZmqPort::MayBeFree); !checked) return tl::unexpected(checked.error());
  const std::size_t colon = address.rfind(':');
  unsigned port = 0;
  if (std::from_chars(address.data() + colon + 1, address.data() + address.size(), port).ec != std::errc()) {
    return i == 0 ? Result<std::string>(address) : fail(address + " has no port, so it can serve one engine only", Fault::Client);
  }
  return address.substr(0, colon + 1) + std::to_string(port == 0 ? 0 : port + i);
}

Result<std::vector<engine::EngineOptions>> read_engines(const EngineArguments& arguments) {
  engine::EngineOptions base;
  base.time_scale = arguments.time_scale;
  if (!arguments.models.empty()) base.models = arguments.models;
  for (const std::string& fault : arguments.faults) {
    if (auto added = add_fault(base.faults, fault); !added) return tl::unexpected(added.error());
  }
  // Said as settings of each engine, because a preset would replace them.
  std::string speeds;
  if (arguments.prefill_tokens_per_s > 0) speeds += ",prefill_tokens_per_s=" + std::to_string(arguments.prefill_tokens_per_s);
  if (arguments.decode_tokens_per_s > 0) speeds += ",step_ms=" + std::to_string(1000 / arguments.decode_tokens_per_s);

  std::vector<engine::EngineOptions> engines;
  std::vector<std::string> specs = arguments.specs;
  if (specs.empty()) specs.emplace_back("fast");
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const std::size_t port = arguments.port == 0 ? 0 : arguments.port + i;
    base.listen = (arguments.host.find(':') == std::string::npos ? arguments.host : "[" + arguments.host + "]") + ":" + std::to_string(port);
    for (const auto& [given, option] : {std::pair{&arguments.kv_events, &base.kv_events.address}, std::pair{&arguments.kv_replay, &base.kv_events.replay}}) {
      if (given->empty()) continue;
      auto address = nth_address(*given, i);
      if (!address) return tl::unexpected(address.error());
      *option = std::move(*address);
    }
    auto options = engine::parse_engine_spec(specs[i] + speeds, base);
    if (!options) return fail(specs[i] + ": " + options.error().message, Fault::Client);
    engines.push_back(std::move(*options));
  }
  return engines;
}

}  // namespace

int engine_command(int argc, char** argv) {
  CLI::App app("Emulates inference servers: OpenAI API with streaming, vLLM's metrics, batching and KV cache of real engines, faults on purpose.",
               "evener engine");
  EngineArguments arguments;
  app.add_option("ENGINE", arguments.specs, "PRESET or MACHINE[,key=value...], one per engine (default: fast); keys: name, port, listen, model, batch,\n"
                                            "batch_tokens, kv_blocks, context, queue, prefix_cache, output_tokens, overhead_ms, time_scale, and faults");
  app.add_option("-p,--port", arguments.port, "Port of the first engine, the others take the next ones; 0 = free ports (default: 8000)")->check(CLI::Range(0, 65535))->type_name("PORT");
  app.add_option("--host", arguments.host, "Address to listen on (default: 127.0.0.1)");
  app.add_option("-m,--model", arguments.models, "Name of the model; may be repeated (default: emulated)")->allow_extra_args(false);
  app.add_option("--time-scale", arguments.time_scale, "10 = everything ten times as fast (default: 1)")->check(CLI::Range(0.001, 10000.0))->type_name("FACTOR");
  app.add_option("--decode-tokens-per-s", arguments.decode_tokens_per_s, "Tokens per second of each stream, instead of the preset's physics")->check(CLI::Range(0.01, 1e6))->type_name("RATE");
  app.add_option("--prefill-tokens-per-s", arguments.prefill_tokens_per_s, "Prompt tokens per second, instead of the preset's physics")->check(CLI::Range(1.0, 1e9))->type_name("RATE");
  app.add_option("--fault", arguments.faults, "name=value for all engines: slow, error, overloaded, garbage, half_open, reset, stall_first,\n"
                                              "stall_stream (probabilities), and their details; may be repeated")->type_name("NAME=VALUE")->allow_extra_args(false);
  app.add_option("--kv-events", arguments.kv_events, "Publish what the KV cache holds, as vLLM does, on this ZeroMQ address; further engines take the next ports")->type_name("tcp://HOST:PORT");
  app.add_option("--kv-replay", arguments.kv_replay, "Where missed KV events can be asked for; further engines take the next ports")->type_name("tcp://HOST:PORT");
  app.add_option("--threads", arguments.threads, "Threads (default: one per engine, at most one per CPU)")->check(CLI::Range(1, 256))->type_name("N");
  app.add_flag("--presets", arguments.list_presets, "List the presets and end");
  app.footer(
      "Examples:\n"
      "  evener engine\n"
      "  evener engine h100-8b rtx4090-8b edge,slow=2 --port 8000 --model llama\n"
      "  evener engine fast,name=bad,error=0.1,reset=0.05 --port 9000\n"
      "While it runs: curl -d '{\"slow\":3}' http://127.0.0.1:8000/fault changes the faults, DELETE /fault ends them.\n"
      "Exit codes: 0 stopped by a signal, 1 could not start, 2 wrong usage.");
  if (const auto code = parse_arguments(app, argc, argv)) return *code;
  if (arguments.list_presets) return list_presets();

  auto engines = read_engines(arguments);
  if (!engines) {
    std::cerr << "evener engine: " << engines.error().message << "\n";
    return Usage;
  }
  raise_descriptor_limit();
  // Every thread that starts from here on leaves these signals to this one.
  sigset_t signals, before;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, &before);

  const auto fleet = engine::Fleet::start(std::move(*engines), arguments.threads);
  if (!fleet) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    std::cerr << "evener engine: " << fleet.error().message << "\n";
    return Failure;
  }
  for (std::size_t i = 0; i < (*fleet)->size(); ++i) {
    log::info("listening", {{"role", "engine"}, {"address", (*fleet)->address(i)}, {"engine", (*fleet)->name(i)}});
  }
  int signal = 0;
  sigwait(&signals, &signal);
  return Ok;
}

}  // namespace evener::cli
