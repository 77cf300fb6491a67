// evener serve: the gateway, from a file or from a few options.

#include <pthread.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "evener/base/log.h"
#include "evener/cli/command.h"
#include "evener/cli/config_file.h"
#include "evener/cli/descriptor_limit.h"
#include "evener/gateway/config_schema.h"
#include "evener/gateway/endpoint_url.h"
#include "evener/gateway/gateway.h"
#include "evener/gateway/handover.h"
#include "evener/gateway/recorder.h"

namespace evener::cli {
namespace {

struct ServeOptions {
  std::string config_path;
  std::vector<std::string> listen, endpoints;
  std::string policy, admin;
  std::uint32_t workers = 0;
  std::string record_path;
  std::uint64_t record_bytes_max = gateway::Recorder::BytesMaxDefault;
};

Result<gateway::Config> config_from_options(const ServeOptions& options) {
  gateway::Config config;
  gateway::PoolConfig pool;
  pool.name = "default";
  pool.models = {"*"};
  for (const std::string& url : options.endpoints) {
    const auto parsed = gateway::parse_endpoint_url(url);
    if (!parsed) return fail("--endpoint " + parsed.error().message, Fault::Client);
    gateway::EndpointConfig endpoint;
    endpoint.url = url;
    endpoint.name = parsed->host_header;
    for (const auto& other : pool.endpoints) {
      if (other.name == endpoint.name) return fail("--endpoint " + url + " is given twice", Fault::Client);
    }
    pool.endpoints.push_back(std::move(endpoint));
  }
  if (!options.policy.empty()) {
    const auto kind = route::policy_kind(options.policy);
    if (!kind) {
      std::string known;
      for (const auto name : route::policy_names()) known += " " + std::string(name);
      return fail("--policy " + options.policy + " is not known; the policies are:" + known, Fault::Client);
    }
    pool.policy = *kind;
  }
  config.pools.push_back(std::move(pool));
  return config;
}

void override_from_options(gateway::Config& config, const ServeOptions& options) {
  if (!options.listen.empty()) config.listen = options.listen;
  if (!options.admin.empty()) config.admin.listen = options.admin == "off" ? "" : options.admin;
  if (options.workers > 0) config.workers = options.workers;
}

/// Waits for signals and serves them until one ends the program.
int run_until_signalled(gateway::Gateway& gateway, const gateway::Config& config, const sigset_t& signals) {
  for (;;) {
    timespec pause{.tv_sec = 0, .tv_nsec = 100'000'000};
    const int signal = ::sigtimedwait(&signals, nullptr, &pause);
    if (signal == SIGHUP) {
      (void)gateway.reload();
      gateway.reopen_logs();
    }
    if (signal == SIGUSR1) gateway.reopen_logs();
    if (signal == SIGTERM || signal == SIGINT || gateway.handed_over()) break;
  }
  gateway.drain();
  // A second signal ends the drain.
  const Duration step = std::chrono::milliseconds(200);
  for (Duration waited{}; waited < config.timeouts.drain; waited += step) {
    if (gateway.wait_until_drained(step)) {
      log::info("stopped");
      return Ok;
    }
    const timespec now{.tv_sec = 0, .tv_nsec = 0};
    const int signal = ::sigtimedwait(&signals, nullptr, &now);
    if (signal == SIGINT || signal == SIGTERM) break;
  }
  log::warn("stopped with connections still open");
  return Ok;
}

}  // namespace

int serve_command(int argc, char** argv) {
  CLI::App app("Balances AI requests over inference servers.", "evener serve");
  ServeOptions options;
  app.add_option("-c,--config", options.config_path, "Configuration file (YAML); SIGHUP reads it again");
  app.add_option("-e,--endpoint", options.endpoints, "URL of an inference server, instead of a file; may be repeated")->type_name("URL");
  app.add_option("-l,--listen", options.listen, "Address to serve on, as 127.0.0.1:8080; may be repeated")->type_name("ADDRESS");
  app.add_option("--policy", options.policy, "How to choose among the endpoints given here (default: balanced)");
  app.add_option("--admin", options.admin, "Address of the admin listener, or 'off' (default: 127.0.0.1:9900)")->type_name("ADDRESS");
  app.add_option("--workers", options.workers, "Worker threads (default: as many as CPUs may be used)")->check(CLI::Range(1, 256));
  app.add_option("--record", options.record_path, "New file for what is decided and all that it follows from, for evener lab replay")
      ->type_name("FILE");
  app.add_option("--record-max-bytes", options.record_bytes_max, "The recording ends before it is larger (default: 4GiB)")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(gateway::Recorder::BytesMaxLeast, std::uint64_t{1} << 50));
  app.footer(
      "Examples:\n"
      "  evener serve --endpoint http://127.0.0.1:8000 --endpoint http://10.0.0.2:8000\n"
      "  evener serve --config evener.yaml\n"
      "  evener serve --config evener.yaml --record monday.evr     # then: evener lab replay monday.evr\n"
      "Signals: HUP reads the configuration again and reopens logs, USR1 reopens logs, TERM and INT drain and stop.\n"
      "Exit codes: 0 stopped, 1 could not start, 2 wrong usage, 3 wrong configuration.");
  if (const auto code = parse_arguments(app, argc, argv)) return *code;
  if (options.config_path.empty() == options.endpoints.empty()) {
    std::cerr << "evener serve: give either --config FILE or --endpoint URL (see evener serve --help)\n";
    return Usage;
  }
  if (!options.config_path.empty() && !options.policy.empty()) {
    std::cerr << "evener serve: --policy goes with --endpoint; in a file it is pools[].policy\n";
    return Usage;
  }

  const auto read = [options]() -> Result<gateway::Config> {
    auto config = options.config_path.empty() ? config_from_options(options) : read_config_file(options.config_path);
    if (!config) return config;
    override_from_options(*config, options);
    // The rules between fields hold for what the options made of them, too: an admin listener for all the world needs a token file.
    std::vector<gateway::ConfigError> warnings;
    const auto errors = gateway::check_config(options.config_path.empty() ? "command line" : options.config_path, *config, &warnings);
    for (const auto& warning : warnings) log::warn("configuration", {{"warning", config::one_line(warning)}});
    if (errors.empty()) return config;
    std::string problems;
    for (const auto& error : errors) problems += (problems.empty() ? "" : "\n") + config::one_line(error);
    return fail(problems, Fault::Client);
  };
  const auto config = read();
  if (!config) {
    std::cerr << config.error().message << "\n";
    return options.config_path.empty() ? Usage : ConfigInvalid;
  }

  raise_descriptor_limit();
  // Every thread that starts from here on leaves these signals to this one.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGHUP, SIGUSR1, SIGTERM, SIGINT}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  gateway::GatewayOptions start;
  if (!options.config_path.empty()) start.read_config = read;
  if (!config->handover_socket.empty()) {
    auto taken = gateway::take_over_listeners(config->handover_socket);
    if (!taken) {
      std::cerr << "evener serve: " << taken.error().message << "\n";
      return Failure;
    }
    start.inherited_fds = std::move(*taken);
  }
  if (!options.record_path.empty()) {
    auto recorder = gateway::Recorder::open(options.record_path, options.record_bytes_max, version_text());
    if (!recorder) {
      std::cerr << "evener serve: " << recorder.error().message << "\n";
      return Failure;
    }
    start.recorder = std::move(*recorder);
    log::info("recording", {{"file", options.record_path}, {"bytes_max", options.record_bytes_max}});
  }
  auto started = gateway::Gateway::start(*config, std::move(start));
  if (!started) {
    // Nothing was recorded yet, and the next start would refuse a file that is there.
    if (!options.record_path.empty()) std::remove(options.record_path.c_str());
    std::cerr << "evener serve: " << started.error().message << "\n";
    return started.error().fault == Fault::Client ? ConfigInvalid : Failure;
  }
  return run_until_signalled(**started, *config, signals);
}

}  // namespace evener::cli
