// evener lab calibrate: the constants of an engine, from a log of what it has done.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "evener/base/files.h"
#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/cli/lab_subcommand.h"
#include "evener/cli/option_words.h"
#include "evener/cli/served_log_reader.h"
#include "evener/lab/calibration.h"
#include "evener/lab/engine_settings.h"

namespace evener::cli {
namespace {

struct CalibrateArguments {
  std::string log, engine, endpoint;
  std::uint32_t evaluations = 400;
  bool every_other = false, json = false;
};

constexpr std::size_t LogBytesMax = std::size_t{1} << 30;

/// "rtx4090/llama-3-8b:kv_blocks=2588" as --engines has it.
Result<lab::NamedEngine> read_engine(const std::string& text) {
  const std::vector<std::string> fields = split(text, ':');
  if (fields.empty()) return fail("--engine names no engine", Fault::Client);
  auto engine = lab::engine_named(fields.front());
  for (std::size_t i = 1; engine && i < fields.size(); ++i) {
    const std::size_t sign = fields[i].find('=');
    const auto set = lab::set_engine(*engine, fields[i].substr(0, sign), sign == std::string::npos ? "" : fields[i].substr(sign + 1));
    if (!set) return tl::unexpected(set.error());
  }
  if (engine && !std::holds_alternative<lab::RooflineStep>(engine->config.step)) {
    return fail("--engine: " + fields.front() + " is a straight line, which has none of the constants that are fitted", Fault::Client);
  }
  return engine;
}

/// The engine as it was named, with what was found in place of what it says of these constants itself.
std::string spec_of(const std::string& text, const lab::Calibrated& result) {
  std::string spec;
  for (const std::string& field : split(text, ':')) {
    const std::string key = field.substr(0, field.find('='));
    const auto constants = lab::free_constants();
    const bool fitted = std::any_of(constants.begin(), constants.end(), [&](const auto& constant) { return constant.setting == key; });
    if (!fitted) spec += (spec.empty() ? "" : ":") + field;
  }
  for (const lab::FreeConstant& constant : lab::free_constants()) spec += fmt::format(":{}={:.4g}", constant.setting, constant.get(result));
  return spec;
}

void write_errors(JsonWriter& json, std::string_view key, const lab::QuantileErrors& errors) {
  json.key(key).begin_object().member("mean", errors.mean()).member("ttft", errors.ttft).member("tpot", errors.tpot);
  json.member("e2e", errors.e2e).member("worst", errors.worst).end_object();
}

void print_errors(std::string_view name, std::size_t requests, const lab::QuantileErrors& errors) {
  fmt::print("{:<26}{:>10}{:>9.2f}{:>9.2f}{:>9.2f}{:>9.2f}{:>9.1f}\n", name, requests, errors.mean() * 100, errors.ttft * 100,
             errors.tpot * 100, errors.e2e * 100, errors.worst * 100);
}

void print(const lab::Calibration& calibration, const std::string& spec) {
  fmt::print("error % of p25 to p99{:>15}{:>9}{:>9}{:>9}{:>9}{:>9}\n", "requests", "mean", "TTFT", "TPOT", "E2E", "worst");
  print_errors("as given", calibration.fitted_requests + calibration.held_out_requests, calibration.start);
  print_errors("fitted, what was fitted", calibration.fitted_requests, calibration.fitted);
  print_errors("fitted, held out", calibration.held_out_requests, calibration.held_out);
  fmt::print("\n");
  for (const lab::FreeConstant& constant : lab::free_constants()) {
    const double value = constant.get(calibration.result);
    const bool at_limit = value <= constant.min * 1.001 || value >= constant.max * 0.999;
    fmt::print("{:<14}{:>10.4g}{}\n", constant.setting, value,
               at_limit ? "  at its limit: the log says little of it, or the machine is another" : "");
  }
  fmt::print("\n--engines {}\n", spec);
}

/// Of a log, what was found there that the engine as it was named can have served; says on standard error what it cannot.
Result<lab::Servable> read_servable(const CalibrateArguments& arguments, const lab::EngineConfig& engine) {
  const auto text = read_file(arguments.log, LogBytesMax);
  if (!text) return tl::unexpected(text.error());
  const auto log = read_served_log(*text, arguments.log, arguments.endpoint);
  if (!log) return tl::unexpected(log.error());
  for (const std::string& problem : log->problems) std::cerr << problem << "\n";
  if (log->malformed > 0) std::cerr << fmt::format("evener lab calibrate: {} of {} lines could not be read\n", log->malformed, log->lines);
  if (log->passed_over > 0 && arguments.endpoint.empty()) {
    std::cerr << fmt::format(
        "evener lab calibrate: {} of {} requests say nothing of the engine's times and are left out; it had their work as well, so "
        "the more they are, the less true the constants\n",
        log->passed_over, log->lines);
  }
  lab::Servable servable = lab::servable(engine, log->requests);
  if (servable.too_long > 0) {
    std::cerr << fmt::format(
        "evener lab calibrate: {} of {} requests are left out: with prompt and answer they are up to {} tokens long, and {} takes at "
        "most {}; say the context= and kv_blocks= with which the engine ran\n",
        servable.too_long, log->requests.size(), servable.longest_tokens, arguments.engine, engine.context_limit());
  }
  if (servable.requests.size() < lab::CalibratedMin) {
    return fail(fmt::format("{} holds {} usable requests; calibration takes at least {} (streams that were done at the first "
                            "attempt, with usage: clients ask for it by stream_options; not longer than the engine's context)",
                            arguments.log, servable.requests.size(), lab::CalibratedMin),
                Fault::Us);
  }
  return servable;
}

int run_calibrate(const CalibrateArguments& arguments) {
  const auto failed = [](const Error& error) {
    std::cerr << "evener lab calibrate: " << error.message << "\n";
    return error.fault == Fault::Client ? Usage : Failure;
  };
  const auto engine = read_engine(arguments.engine);
  if (!engine) return failed(engine.error());
  const auto log = read_servable(arguments, engine->config);
  if (!log) return failed(log.error());
  const lab::Calibration calibration = lab::calibrate(
      {.engine = engine->config, .overhead = engine->request_overhead}, log->requests,
      {.split = arguments.every_other ? lab::Split::EveryOther : lab::Split::Earlier, .evaluations_max = arguments.evaluations});
  const std::string spec = spec_of(arguments.engine, calibration.result);
  if (!arguments.json) {
    print(calibration, spec);
    return Ok;
  }
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("schema", "evener.lab.calibrate.v1").member("requests", std::uint64_t{log->requests.size()});
  json.key("left_out").begin_object().member("too_long", log->too_long).member("empty", log->empty).end_object();
  json.member("engines", spec).key("constants").begin_object();
  for (const lab::FreeConstant& constant : lab::free_constants()) json.member(constant.setting, constant.get(calibration.result));
  json.end_object().key("errors").begin_object();
  write_errors(json, "as_given", calibration.start);
  write_errors(json, "fitted", calibration.fitted);
  write_errors(json, "held_out", calibration.held_out);
  json.end_object().end_object();
  fmt::print("{}\n", out);
  return Ok;
}

}  // namespace

LabSubcommand declare_lab_calibrate(CLI::App& lab) {
  CLI::App* app = lab.add_subcommand("calibrate", "Constants of an engine from a log of what it did, and the error on what was held out");
  const auto arguments = std::make_shared<CalibrateArguments>();
  app->add_option("LOG", arguments->log, "Access log of evener serve, or CSV with arrival_s, input_tokens, output_tokens, ttft_s, e2e_s")
      ->required()
      ->type_name("FILE");
  app->add_option("-e,--engine", arguments->engine,
                  "The engine that wrote it, with the settings it ran with, such as rtx4090/llama-3-8b:batch=256:kv_blocks=2588")
      ->required()
      ->type_name("ENGINE");
  app->add_option("--endpoint", arguments->endpoint, "Which endpoint of an access log")->type_name("NAME");
  app->add_flag("--every-other", arguments->every_other, "Hold out every other request instead of the later half");
  app->add_option("--evaluations", arguments->evaluations, "Simulations of the log at most (default: 400)")
      ->check(CLI::Range(10, 100'000))
      ->type_name("N");
  app->add_flag("--json", arguments->json, "Print JSON");
  return {.app = app, .run = [arguments] { return run_calibrate(*arguments); }};
}

}  // namespace evener::cli
