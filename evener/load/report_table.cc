#include <fmt/format.h>

#include <algorithm>

#include "evener/load/report.h"

namespace evener::load {
namespace {

/// 0.00123 s -> "1.23 ms": three digits and the unit that keeps them readable.
std::string time_text(double nanoseconds) {
  if (nanoseconds < 1e6) return fmt::format("{:.3g} us", nanoseconds / 1e3);
  if (nanoseconds < 1e7) return fmt::format("{:.2f} ms", nanoseconds / 1e6);
  if (nanoseconds < 1e9) return fmt::format("{:.0f} ms", nanoseconds / 1e6);
  if (nanoseconds < 1e11) return fmt::format("{:.2f} s", nanoseconds / 1e9);
  return fmt::format("{:.0f} s", nanoseconds / 1e9);
}

void latency_row(std::string& out, std::string_view name, const Histogram& histogram) {
  if (histogram.count() == 0) return;
  out += fmt::format("{:<22}", name);
  out += fmt::format("{:>10}", time_text(histogram.mean()));
  for (const double quantile : {.50, .90, .95, .99}) out += fmt::format("{:>10}", time_text(static_cast<double>(histogram.quantile(quantile))));
  out += fmt::format("{:>10}\n", time_text(static_cast<double>(histogram.max())));
}

std::string objective_text(const Objectives& objectives) {
  std::string out;
  const auto add = [&](std::string_view name, const std::optional<Duration>& limit) {
    if (limit) out += fmt::format("{}{} <= {}", out.empty() ? "" : ", ", name, time_text(static_cast<double>(limit->count())));
  };
  add("TTFT", objectives.ttft_max);
  add("TPOT", objectives.tpot_max);
  add("E2E", objectives.e2e_max);
  return out;
}

}  // namespace

std::string report_table(const LoadReport& report, Color color) {
  const std::string_view bold = color == Color::Yes ? "\x1b[1m" : "", red = color == Color::Yes ? "\x1b[31m" : "",
                         plain = color == Color::Yes ? "\x1b[0m" : "";
  std::string out;
  if (!report.title.empty()) out += fmt::format("{}{}{}\n", bold, report.title, plain);
  out += fmt::format("requests              {} ok, {}{} failed{} in {:.2f} s: {:.2f} requests/s, {:.1f} output tokens/s\n", report.succeeded,
                     report.failed > 0 ? red : "", report.failed, report.failed > 0 ? plain : "", report.duration_s(),
                     report.request_throughput(), report.output_token_throughput());
  if (report.objectives().any()) {
    const double share = report.requests() > 0 ? 100.0 * static_cast<double>(report.good) / static_cast<double>(report.requests()) : 0;
    out += fmt::format("goodput               {:.2f} requests/s ({:.1f} %) within {}\n", report.goodput(), share, objective_text(report.objectives()));
  }
  if (report.input_tokens > 0) {
    out += fmt::format("tokens                {} in ({:.1f} % cached), {} out\n", report.input_tokens,
                       100.0 * static_cast<double>(report.cached_tokens) / static_cast<double>(report.input_tokens), report.output_tokens);
  }
  if (report.failed > 0) {
    out += "errors               ";
    for (std::size_t i = 1; i < Failures; ++i) {
      if (report.failures[i] > 0) out += fmt::format(" {} {}", name_of(static_cast<Failure>(i)), report.failures[i]);
    }
    out += "\n";
  }

  out += fmt::format("\n{}{:<22}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{}\n", bold, "", "mean", "p50", "p90", "p95", "p99", "max", plain);
  latency_row(out, "time to first token", report.ttft);
  latency_row(out, "time per output token", report.tpot);
  latency_row(out, "between tokens", report.itl);
  latency_row(out, "whole request", report.e2e);
  latency_row(out, "generator was late by", report.lateness);
  if (report.resent > 0) out += fmt::format("{} requests were sent again, because the kept connection had just been closed\n", report.resent);
  if (report.overdue > 0) out += fmt::format("{} requests waited for a free connection; their latency includes that\n", report.overdue);
  if (report.not_sent > 0) out += fmt::format("{}{} planned requests were never sent{}\n", red, report.not_sent, plain);
  if (report.cancelled > 0) out += fmt::format("{} requests were cancelled at the end of the run\n", report.cancelled);

  if (!report.endpoints.empty()) {
    std::size_t width = 8;
    for (const auto& [name, share] : report.endpoints) width = std::max(width, name.size());
    out += fmt::format("\n{}{:<{}}{:>10}{:>8}{:>8}{:>12}{:>11}{:>11}{}\n", bold, "endpoint", width, "requests", "share", "failed", "tokens out",
                       "TTFT p50", "TTFT p99", plain);
    for (const auto& [name, share] : report.endpoints) {
      const bool streamed = share.ttft.count() > 0;
      out += fmt::format("{:<{}}{:>10}{:>7.1f}%{:>8}{:>12}{:>11}{:>11}\n", name, width, share.requests,
                         100.0 * static_cast<double>(share.requests) / static_cast<double>(report.requests()), share.failed, share.output_tokens,
                         streamed ? time_text(static_cast<double>(share.ttft.quantile(.5))) : "-",
                         streamed ? time_text(static_cast<double>(share.ttft.quantile(.99))) : "-");
    }
  }
  return out;
}

}  // namespace evener::load
