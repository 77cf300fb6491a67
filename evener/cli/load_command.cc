// evener load: measures an OpenAI endpoint under load.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "evener/base/config/scalars.h"
#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/cli/descriptor_limit.h"
#include "evener/cli/option_words.h"
#include "evener/cli/stop_on_signal.h"
#include "evener/cli/trace_file.h"
#include "evener/load/generator.h"

namespace evener::cli {
namespace {

struct LoadArguments {
  std::string url = "http://127.0.0.1:8080", model, key, api = "chat", trace, pool, records;
  std::vector<std::string> headers;
  std::string arrival = "poisson", duration, timeout = "10m", input_tokens = "256", output_tokens = "64", ttft, tpot, e2e;
  double rate = 0, time_scale = 1, length_scale = 1, require_goodput = 0, malformed_max = 0.01;
  std::uint32_t closed = 0, connections_max = 1024, prefix_groups = 0, prefix_tokens = 0;
  std::uint64_t requests = 0, seed = 1;
  unsigned threads = 1;
  bool no_stream = false, at_most = false, spread = false, json = false;
};

/// "256" or "100-2000".
Result<load::TokenRange> read_token_range(const char* name, const std::string& text) {
  const std::size_t dash = text.find('-');
  const auto low = config::read_whole_number(text.substr(0, dash));
  const auto high = dash == std::string::npos ? low : config::read_whole_number(text.substr(dash + 1));
  if (!low.value || !high.value || *low.value < 1 || *high.value < *low.value || *high.value > lab::TraceTokensMax) {
    return fail(std::string(name) + " " + text + " is not a number of tokens such as 256 or 100-2000", Fault::Client);
  }
  return load::TokenRange{.min = static_cast<std::uint32_t>(*low.value), .max = static_cast<std::uint32_t>(*high.value)};
}

/// Says on standard error what could not be read, and what of the timing is the recorder's doing.
Result<load::Replay> read_replay(const LoadArguments& arguments) {
  auto trace = read_trace_file({.path = arguments.trace, .pool = arguments.pool, .malformed_max = arguments.malformed_max}, "evener load");
  if (!trace) return tl::unexpected(trace.error());

  auto& requests = trace->requests;
  std::size_t together = 0;
  for (std::size_t i = 1; i < requests.size(); ++i) together += requests[i].at == requests[i - 1].at ? 1 : 0;
  if (arguments.spread) {
    Rng rng(arguments.seed);
    lab::spread_equal_times(*trace, rng);
  } else if (together * 2 > requests.size()) {
    std::cerr << "evener load: " << together * 100 / requests.size()
              << " % of the requests share their moment with another, because the recorder wrote coarse times; --spread draws them apart\n";
  }
  return load::Replay{.trace = std::make_shared<const lab::Trace>(std::move(*trace)),
                      .time_scale = arguments.time_scale,
                      .length_scale = arguments.length_scale};
}

Result<void> read_objectives(const LoadArguments& arguments, load::Objectives& objectives) {
  if (auto done = read_duration_option("--slo-ttft", arguments.ttft, objectives.ttft_max); !done) return done;
  if (auto done = read_duration_option("--slo-tpot", arguments.tpot, objectives.tpot_max); !done) return done;
  return read_duration_option("--slo-e2e", arguments.e2e, objectives.e2e_max);
}

Result<load::LoadOptions> read_options(const LoadArguments& arguments) {
  load::LoadOptions options;
  options.url = arguments.url;
  options.model = arguments.model;
  options.api_key = arguments.key;
  for (const std::string& header : arguments.headers) {
    const std::size_t colon = header.find(':');
    if (colon == std::string::npos || colon == 0) return fail("--header " + header + " is not of the form Name: value", Fault::Client);
    const std::size_t value = header.find_first_not_of(' ', colon + 1);
    options.headers.emplace_back(header.substr(0, colon), value == std::string::npos ? "" : header.substr(value));
  }
  options.api = arguments.api == "chat" ? load::Api::Chat : load::Api::Completions;
  options.streaming = arguments.no_stream ? load::Streaming::No : load::Streaming::Yes;
  options.answer_length = arguments.at_most ? load::AnswerLength::AtMost : load::AnswerLength::Exact;
  options.connections_max = arguments.connections_max;
  options.threads = arguments.threads;

  const auto input = read_token_range("--input-tokens", arguments.input_tokens);
  if (!input) return tl::unexpected(input.error());
  const auto output = read_token_range("--output-tokens", arguments.output_tokens);
  if (!output) return tl::unexpected(output.error());
  options.workload = {.arrival = {},
                      .input_tokens = *input,
                      .output_tokens = *output,
                      .prefix_groups = arguments.prefix_groups,
                      .prefix_tokens = arguments.prefix_tokens,
                      .requests_max = arguments.requests,
                      .seed = arguments.seed};
  if (!arguments.trace.empty()) {
    auto replay = read_replay(arguments);
    if (!replay) return tl::unexpected(replay.error());
    options.workload.arrival = std::move(*replay);
  } else if (arguments.closed > 0) {
    options.workload.arrival = load::ClosedLoop{.connections = arguments.closed};
  } else {
    options.workload.arrival =
        load::OpenLoop{.spacing = arguments.arrival == "fixed" ? load::OpenLoop::Spacing::Fixed : load::OpenLoop::Spacing::Poisson,
                       .rate_per_s = arguments.rate};
  }

  if (!arguments.duration.empty()) {
    const auto duration = read_duration_option("--duration", arguments.duration);
    if (!duration) return tl::unexpected(duration.error());
    options.duration = *duration;
  } else if (arguments.requests == 0 && arguments.trace.empty()) {
    options.duration = std::chrono::seconds(30);
  }
  const auto timeout = read_duration_option("--timeout", arguments.timeout);
  if (!timeout) return tl::unexpected(timeout.error());
  options.request_timeout = *timeout;
  if (auto done = read_objectives(arguments, options.objectives); !done) return tl::unexpected(done.error());
  return options;
}

/// One line that is written over itself.
void show(const load::LoadProgress& progress, std::uint64_t& last_done, double& last_s) {
  const std::uint64_t done = progress.succeeded + progress.failed;
  const double rate = progress.elapsed_s > last_s ? static_cast<double>(done - last_done) / (progress.elapsed_s - last_s) : 0;
  last_done = done;
  last_s = progress.elapsed_s;
  double left_s = -1;
  if (progress.planned_s > 0) {
    left_s = std::max(0.0, progress.planned_s - progress.elapsed_s);
  } else if (progress.planned_requests > 0 && done > 0) {
    left_s = progress.elapsed_s * static_cast<double>(progress.planned_requests - std::min(done, progress.planned_requests)) /
             static_cast<double>(done);
  }
  std::fprintf(stderr, "\r%.0f s: %llu sent, %llu in flight, %llu failed, %.1f requests/s", progress.elapsed_s,
               static_cast<unsigned long long>(progress.sent), static_cast<unsigned long long>(progress.in_flight),
               static_cast<unsigned long long>(progress.failed), rate);
  if (left_s >= 0) std::fprintf(stderr, ", %.0f s left", left_s);
  std::fputs("\x1b[K", stderr);
  std::fflush(stderr);
}

/// One JSON object per line; times in ms, relative to the intended moment of the first request that ended.
class RecordFile {
 public:
  explicit RecordFile(const std::string& path) : out_(path) {}
  [[nodiscard]] bool good() const { return out_.good(); }

  void add(const load::RequestRecord& record) {
    if (zero_ == Instant{}) zero_ = record.intended;
    std::string line;
    JsonWriter json(line);
    const auto ms = [&](std::string_view name, Instant at) {
      json.key(name);
      if (at == Instant{}) {
        json.null();
      } else {
        json.fixed(seconds(at - zero_) * 1000, 3);
      }
    };
    json.begin_object();
    ms("intended", record.intended);
    ms("sent", record.sent);
    ms("first_token", record.first_token);
    ms("end", record.end);
    json.member("input_tokens", record.input_tokens)
        .member("output_tokens", record.output_tokens)
        .member("cached_tokens", record.cached_tokens);
    json.member("status", static_cast<unsigned>(record.status))
        .member("failure", load::name_of(record.failure))
        .member("endpoint", record.endpoint);
    json.end_object();
    out_ << line << "\n";
  }

 private:
  std::ofstream out_;
  Instant zero_{};
};

int verdict(const load::LoadReport& report, double require_goodput) {
  if (report.succeeded == 0) return Failure;
  const double good = 100.0 * static_cast<double>(report.good) / static_cast<double>(report.requests() + report.not_sent);
  if (require_goodput > 0 && good < require_goodput) return Findings;
  return report.failed > 0 || report.not_sent > 0 ? Partial : Ok;
}

void declare(CLI::App& app, LoadArguments& arguments) {
  app.add_option("-u,--url", arguments.url, "The server; a path is put before /v1/... (default: http://127.0.0.1:8080)")->type_name("URL");
  app.add_option("-m,--model", arguments.model, "Name of the model")->type_name("NAME")->required();
  app.add_option("--key", arguments.key, "API key, sent as a bearer token (or EVENER_API_KEY)")->envname("EVENER_API_KEY");
  app.add_option("--header", arguments.headers, "Another header, as 'Name: value'; may be repeated")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  app.add_option("--api", arguments.api, "chat or completions (default: chat)")->check(CLI::IsMember({"chat", "completions"}));

  auto* rate = app.add_option("-r,--rate", arguments.rate, "Open loop: requests per second, whatever becomes of them")
                   ->check(CLI::Range(1e-6, 1e6))
                   ->type_name("RATE")
                   ->group("Load");
  auto* closed = app.add_option("--closed", arguments.closed, "Closed loop: so many connections, each with one request at a time")
                     ->check(CLI::Range(1, 1'000'000))
                     ->type_name("N")
                     ->group("Load");
  auto* trace = app.add_option("-t,--trace", arguments.trace,
                               "Replay of a trace: of Mooncake, Bailian, Azure or BurstGPT, or a recording of evener serve")
                    ->type_name("FILE")
                    ->group("Load");
  rate->excludes(closed)->excludes(trace);
  closed->excludes(trace);
  app.add_option("--arrival", arguments.arrival, "With --rate: poisson or fixed (default: poisson)")
      ->check(CLI::IsMember({"poisson", "fixed"}))
      ->group("Load");
  app.add_option("--pool", arguments.pool, "With --trace of a recording: which of its pools (default: its only one)")
      ->type_name("NAME")
      ->group("Load");
  app.add_option("--malformed-max", arguments.malformed_max,
                 "Refuse a trace with a larger share of lines that cannot be read (default: 0.01)")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("SHARE")
      ->group("Load");
  app.add_option("--time-scale", arguments.time_scale, "With --trace: 10 = ten times as fast (default: 1)")
      ->check(CLI::Range(1e-3, 1e6))
      ->type_name("FACTOR")
      ->group("Load");
  app.add_option("--length-scale", arguments.length_scale, "With --trace: 0.1 = a tenth of the tokens (default: 1)")
      ->check(CLI::Range(1e-4, 100.0))
      ->type_name("FACTOR")
      ->group("Load");
  app.add_flag("--spread", arguments.spread, "With --trace: draw requests with equal times apart (Mooncake wrote 3-s steps)")
      ->group("Load");
  app.add_option("-d,--duration", arguments.duration, "Send for so long (default: 30s, unless --requests or --trace)")
      ->type_name("DURATION")
      ->group("Load");
  app.add_option("-n,--requests", arguments.requests, "Send so many requests")->check(CLI::PositiveNumber)->type_name("N")->group("Load");
  app.add_option("--seed", arguments.seed, "Equal seeds give equal requests at equal times (default: 1)")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N")
      ->group("Load");

  app.add_option("--input-tokens", arguments.input_tokens, "Prompt length, as 256 or 100-2000 (default: 256)")
      ->type_name("TOKENS")
      ->group("Requests");
  app.add_option("--output-tokens", arguments.output_tokens, "Answer length, likewise (default: 64)")
      ->type_name("TOKENS")
      ->group("Requests");
  app.add_option("--prefix-groups", arguments.prefix_groups, "So many groups of prompts with a common beginning")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N")
      ->group("Requests");
  app.add_option("--prefix-tokens", arguments.prefix_tokens, "Length of the common beginning")
      ->check(CLI::Range(1, 16'777'216))
      ->type_name("TOKENS")
      ->group("Requests");
  app.add_flag("--no-stream", arguments.no_stream, "Ask for whole answers")->group("Requests");
  app.add_flag("--at-most", arguments.at_most, "Only limit the answer; without it vLLM's ignore_eos asks for the exact length")
      ->group("Requests");

  app.add_option("--timeout", arguments.timeout, "Time for one request (default: 10m)")->type_name("DURATION")->group("Limits");
  app.add_option("--connections", arguments.connections_max, "Open loop: most connections at once (default: 1024)")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N")
      ->group("Limits");
  app.add_option("--threads", arguments.threads, "Threads of the generator (default: 1)")
      ->check(CLI::Range(1, 256))
      ->type_name("N")
      ->group("Limits");

  app.add_option("--slo-ttft", arguments.ttft, "Objective: time to first token")->type_name("DURATION")->group("Report");
  app.add_option("--slo-tpot", arguments.tpot, "Objective: time per output token")->type_name("DURATION")->group("Report");
  app.add_option("--slo-e2e", arguments.e2e, "Objective: whole request")->type_name("DURATION")->group("Report");
  app.add_option("--require-goodput", arguments.require_goodput, "Exit code 6 when fewer percent of the requests meet all objectives")
      ->check(CLI::Range(0.0, 100.0))
      ->type_name("PERCENT")
      ->group("Report");
  app.add_flag("--json", arguments.json, "Report as JSON, with the metric names of AIPerf")->group("Report");
  app.add_option("--records", arguments.records, "Write one JSON line per request to this file")->type_name("FILE")->group("Report");
  app.footer(
      "Examples:\n"
      "  evener load --model m --rate 20 --duration 1m --slo-ttft 1s --slo-tpot 50ms\n"
      "  evener load --model m --closed 64 --requests 1000 --json\n"
      "  evener load --model m --trace conversation_trace.jsonl --spread --time-scale 10 --length-scale 0.1\n"
      "Exit codes: 0 all requests succeeded, 1 none did, 2 wrong usage, 6 --require-goodput missed, 7 some failed, 130 interrupted.");
}

}  // namespace

int load_command(int argc, char** argv) {
  CLI::App app("Sends load to an OpenAI endpoint and reports latencies, throughput, goodput, errors and endpoint shares.", "evener load");
  LoadArguments arguments;
  declare(app, arguments);
  if (const auto code = parse_arguments(app, argc, argv)) return *code;
  if (arguments.rate <= 0 && arguments.closed == 0 && arguments.trace.empty()) {
    std::cerr << "evener load: say what load: --rate R, --closed N or --trace FILE (see evener load --help)\n";
    return Usage;
  }
  const auto options = read_options(arguments);
  if (!options) {
    std::cerr << "evener load: " << options.error().message << "\n";
    return options.error().fault == Fault::Client ? Usage : Failure;
  }
  std::optional<RecordFile> records;
  if (!arguments.records.empty() && !records.emplace(arguments.records).good()) {
    std::cerr << "evener load: cannot write " << arguments.records << "\n";
    return Failure;
  }
  const StopOnSignal signals;  // the first one ends the run with a report
  raise_descriptor_limit();

  load::LoadCallbacks callbacks;
  std::uint64_t last_done = 0;
  double last_s = 0;
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  if (terminal) callbacks.progress = [&](const load::LoadProgress& progress) { show(progress, last_done, last_s); };
  if (records) callbacks.request = [&](const load::RequestRecord& record) { records->add(record); };
  const auto report = load::run_load(*options, callbacks, signals.token());
  if (terminal) std::fputs("\r\x1b[K", stderr);
  if (!report) {
    std::cerr << "evener load: " << report.error().message << "\n";
    return report.error().fault == Fault::Client ? Usage : Failure;
  }

  const char* no_color = std::getenv("NO_COLOR");
  const bool color = ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
  std::cout << (arguments.json ? load::report_json(*report) + "\n"
                               : load::report_table(*report, color ? load::Color::Yes : load::Color::No));
  return signals.stopped() ? Interrupted : verdict(*report, arguments.require_goodput);
}

}  // namespace evener::cli
