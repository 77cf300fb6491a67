#include "evener/cli/demo/summary.h"

#include <fmt/format.h>

#include "evener/base/json_writer.h"

namespace evener::cli::demo {
namespace {

std::string optional_time(const std::optional<double>& seconds) { return time_text(seconds.value_or(-1)); }

std::string failover_line(const DemoResult& result) {
  const FailoverResult& failover = result.failover;
  if (!failover.killed)
    return fmt::format("Failover: '{}' was not killed: the run ended before it had let its begun answers out", failover.engine);
  std::string line = fmt::format("Failover: '{}' hung, then its process died with {} unanswered {}: ", failover.engine, failover.held,
                                 failover.held == 1 ? "request" : "requests");
  if (result.live.figures.errors > 0) {
    line += fmt::format("{} requests failed", result.live.figures.errors);
  } else {
    // After an interruption nobody knows what became of them.
    line += result.comparison ? "all were answered by other engines" : "they were sent to other engines";
  }
  return line + (failover.away_s ? fmt::format("; back in rotation after {}", time_text(*failover.away_s)) : "");
}

void put_wrapped(std::vector<std::string>& lines, const std::string& text, const TextStyle& style, Ink ink) {
  for (const std::string& line : wrapped(text, style.width)) lines.push_back(StyledLine(style).add(line, ink).text());
}

std::string objectives_text(const load::Objectives& objectives) {
  std::string text;
  if (objectives.ttft_max) text += "first token within " + time_text(seconds(*objectives.ttft_max));
  if (objectives.tpot_max) text += (text.empty() ? "" : " and at most ") + time_text(seconds(*objectives.tpot_max)) + " per further token";
  return text;
}

void write_optional(JsonWriter& json, std::string_view name, const std::optional<double>& value, double factor = 1) {
  json.key(name);
  if (value) {
    json.fixed(*value * factor, 3);
  } else {
    json.null();
  }
}

void write_figures(JsonWriter& json, const PolicyFigures& figures) {
  json.member("policy", figures.policy).member("requests", figures.requests).member("errors", figures.errors);
  write_optional(json, "time_to_first_token_p50_ms", figures.ttft_p50_s, 1000);
  write_optional(json, "time_to_first_token_p99_ms", figures.ttft_p99_s, 1000);
  write_optional(json, "time_per_output_token_p50_ms", figures.tpot_p50_s, 1000);
  json.key("goodput_per_s").fixed(figures.goodput_per_s, 3);
  json.key("engines").begin_array();
  for (const EngineShare& engine : figures.engines) {
    json.begin_object()
        .member("name", engine.name)
        .key("share")
        .fixed(engine.share, 4)
        .key("capacity_share")
        .fixed(engine.capacity, 4)
        .end_object();
  }
  json.end_array();
}

}  // namespace

std::uint64_t errors_of(const DemoResult& result) {
  std::uint64_t errors = result.live.figures.errors;
  if (result.comparison) {
    for (const PolicyFigures& policy : result.comparison->policies) errors += policy.errors;
  }
  return errors;
}

std::vector<std::string> summary_lines(const DemoResult& result, const std::vector<ShareColumn>& shares, const TextStyle& style) {
  std::vector<std::string> lines;
  const PolicyFigures& live = result.live.figures;
  if (result.first_answer_s) {
    put_wrapped(lines,
                fmt::format("First answer: {} after the start{}, through the gateway", elapsed_text(*result.first_answer_s),
                            result.start.of_script ? " (set-up and build included)" : ""),
                style, Ink::Plain);
  }
  put_wrapped(
      lines,
      fmt::format("Live run: {} requests with {} in {:.1f} s, first token p50 {} p99 {}, {} errors", live.requests, result.live.policy,
                  result.live.load_s, optional_time(live.ttft_p50_s), optional_time(live.ttft_p99_s), live.errors),
      style, live.errors == 0 ? Ink::Plain : Ink::Bad);
  put_wrapped(lines, failover_line(result), style, Ink::Plain);
  if (!result.comparison) return lines;

  const Comparison& comparison = *result.comparison;
  lines.emplace_back();
  put_wrapped(lines,
              fmt::format("The same {} requests in {:.1f} s through each policy, each with a fleet of its own:",
                          comparison.policies.empty() ? 0 : comparison.policies.front().requests, comparison.load_s),
              style, Ink::Plain);
  lines.emplace_back();
  for (std::string& line : comparison_lines(comparison, shares, style)) lines.push_back(std::move(line));
  lines.emplace_back();
  put_wrapped(lines, verdict(comparison), style, Ink::Bold);
  put_wrapped(
      lines,
      fmt::format("* best in its column; a tenth more or less is chance, in the p99 a half. TTFT: time to the first token; TPOT: time per "
                  "further token; "
                  "goodput: requests per second with {}; on the right the share of the requests, and below it of the fleet's strength.",
                  objectives_text(comparison.objectives)),
      style, Ink::Dim);
  if (comparison.lateness_p99_s > LatenessWarning_s && comparison.lateness_p99_s <= LatenessMax_s) {
    put_wrapped(lines,
                fmt::format("This machine was busy: the load was up to {} late, so small differences mean nothing.",
                            time_text(comparison.lateness_p99_s)),
                style, Ink::Warn);
  }
  return lines;
}

std::string summary_json(const DemoResult& result) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("schema", "evener.demo/1").member("seed", result.seed);
  write_optional(json, "first_answer_s", result.first_answer_s);
  json.member("first_answer_counts_from", result.start.of_script ? "EVENER_STARTED_AT" : "program start");
  json.key("live").begin_object().key("load_s").fixed(result.live.load_s, 3).member("output_tokens", result.live.output_tokens);
  write_figures(json, result.live.figures);
  json.end_object();
  json.key("failover").begin_object().member("engine", result.failover.engine).member("killed", result.failover.killed);
  json.member("requests_held", result.failover.held);
  write_optional(json, "away_s", result.failover.away_s);
  json.end_object();
  json.key("comparison");
  if (result.comparison) {
    json.begin_object().key("rate_per_s").fixed(result.comparison->rate_per_s, 3).key("load_s").fixed(result.comparison->load_s, 3);
    json.key("lateness_p99_ms").fixed(result.comparison->lateness_p99_s * 1000, 3);
    json.key("policies").begin_array();
    for (const PolicyFigures& policy : result.comparison->policies) {
      json.begin_object();
      write_figures(json, policy);
      json.end_object();
    }
    json.end_array().end_object();
  } else {
    json.null();
  }
  json.member("errors", errors_of(result)).end_object();
  return out;
}

}  // namespace evener::cli::demo
