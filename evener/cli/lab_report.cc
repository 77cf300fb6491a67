#include "evener/cli/lab_report.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <tuple>

#include "evener/base/files.h"
#include "evener/cli/command.h"

namespace evener::cli {
namespace {

constexpr std::string_view RequestsHead =
    "policy,load,variant,seed,request,class,tenant,session,endpoint,fate,arrival_s,queue_time_ms,time_to_first_token_ms,time_per_output_"
    "token_ms,"
    "request_latency_ms,input_sequence_length,output_sequence_length,cached_prompt_tokens,preemptions";
constexpr std::string_view EndpointsHead = "policy,load,variant,seed,time_s,endpoints,in_flight";
constexpr std::string_view ReplicasHead = "plan,time_s,demand_replicas,replicas,starting";
constexpr unsigned Mode = 0644;

std::string summary_head() {
  std::string head = "policy,load,variant,seed,class";
  for (std::size_t i = 0; i < lab::FigureCount; ++i) {
    const lab::FigureKind& kind = lab::kind_of(static_cast<lab::Figure>(i));
    head += fmt::format(",{}_{}", kind.metric, kind.unit == "ms" ? fmt::format("{}_ms", kind.statistic) : std::string(kind.statistic));
  }
  return head;
}

std::string key(const LabRun& run) {
  return fmt::format("{},{},{},{}", route::policy_name(run.policy), run.load, pages::csv_field(run.variant), run.seed);
}

std::string summary_line(const LabRun& run, std::string_view part, const lab::Figures& figures) {
  std::string line = fmt::format("{},{}", key(run), part);
  for (const double value : figures.values) fmt::format_to(std::back_inserter(line), ",{}", value);
  return line + "\n";
}

std::string_view fate_name(lab::Fate fate) {
  switch (fate) {
    case lab::Fate::Done: return "done";
    case lab::Fate::Refused: return "refused";
    case lab::Fate::Rejected: return "rejected";
    case lab::Fate::NotSent: return "not_sent";
    case lab::Fate::Unfinished: return "unfinished";
    case lab::Fate::Failed: return "failed";
  }
  return "";
}

Result<std::string> make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail(fmt::format("cannot make the folder {}: {}", path, error.message()), Fault::Client);
  return path;
}

/// Whether the file can be written when all is done, without a trace of the question.
Result<void> check_writable(const std::string& path) {
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) return fail(path + " is a folder", Fault::Client);
  const std::string beside = path + ".unfinished";
  auto done = write_file_atomically(beside, "", Mode);
  if (done) std::filesystem::remove(beside);
  return done;
}

}  // namespace

void declare_report(CLI::App& app, ReportArguments& arguments, const char* tables) {
  app.add_option("--report", arguments.folder, fmt::format("Write report.html, report.json, {} into this folder", tables))
      ->type_name("DIR")
      ->group("Report");
  app.add_option("--html", arguments.html, "Write the page alone")->type_name("FILE")->group("Report");
  app.add_option("--csv", arguments.csv, "Write the CSVs alone into this folder")->type_name("DIR")->group("Report");
}

Result<LabReport> LabReport::create(const ReportArguments& arguments, std::string title, ReportTables tables) {
  LabReport report(std::move(title));
  report.html_ = arguments.html;
  std::string csv = arguments.csv;
  if (!arguments.folder.empty()) {
    report.json_ = arguments.folder + "/report.json";
    if (report.html_.empty()) report.html_ = arguments.folder + "/report.html";
    if (csv.empty()) csv = arguments.folder;
    if (const auto made = make_folder(arguments.folder); !made) return tl::unexpected(made.error());
  }
  if (!csv.empty()) {
    if (const auto made = make_folder(csv); !made) return tl::unexpected(made.error());
    const bool runs = tables == ReportTables::Runs;
    for (const auto& [file, name, head, wanted] : {std::tuple(&report.summary_, "summary.csv", summary_head(), runs),
                                                   std::tuple(&report.requests_, "requests.csv", std::string(RequestsHead), runs),
                                                   std::tuple(&report.endpoints_, "endpoints.csv", std::string(EndpointsHead), runs),
                                                   std::tuple(&report.replicas_, "replicas.csv", std::string(ReplicasHead), !runs)}) {
      if (!wanted) continue;
      auto created = pages::CsvFile::create(fmt::format("{}/{}", csv, name), head);
      if (!created) return tl::unexpected(created.error());
      file->emplace(std::move(*created));
    }
  }
  for (const std::string& path : {report.html_, report.json_}) {
    if (auto done = path.empty() ? Result<void>() : check_writable(path); !done) return tl::unexpected(done.error());
  }
  return report;
}

void LabReport::add_run(const LabRun& run, const RunFigures& figures) {
  if (!summary_) return;
  summary_->add(summary_line(run, "all", figures.all));
  for (std::size_t i = 0; i < figures.classes.size(); ++i) {
    if (figures.classes[i]) summary_->add(summary_line(run, route::priority_name(static_cast<route::Priority>(i)), *figures.classes[i]));
  }
  if (!figures.details) return;
  requests_->add(figures.details->request_lines);
  const lab::Timeline& timeline = figures.details->timeline;
  std::string lines;
  for (std::size_t row = 0; row < timeline.in_flight.size(); ++row) {
    for (std::size_t column = 0; column < timeline.in_flight[row].size(); ++column) {
      fmt::format_to(std::back_inserter(lines), "{},{:.3f},{},{:.4f}\n", key(run), static_cast<double>(column) * seconds(timeline.step),
                     pages::csv_field(figures.details->row_names[row]), timeline.in_flight[row][column]);
    }
  }
  endpoints_->add(lines);
}

void LabReport::add_replicas(std::string_view lines) {
  if (replicas_) replicas_->add(lines);
}

Result<void> LabReport::finish(std::string_view json) {
  if (!html_.empty()) {
    page_.paragraph("Written by evener " + version_text().substr(0, version_text().find('\n')));
    if (auto done = write_file_atomically(html_, page_.text(), Mode); !done) return done;
  }
  if (!json_.empty()) {
    if (auto done = write_file_atomically(json_, std::string(json) + "\n", Mode); !done) return done;
  }
  for (auto* file : {&summary_, &requests_, &endpoints_, &replicas_}) {
    if (!*file) continue;
    if (auto done = (*file)->close(); !done) return done;
  }
  return {};
}

int interrupted(const LabReport& report) {
  std::cerr << "evener lab: interrupted" << (report.wanted() ? "; no report was written, and what was in its place is as it was" : "") << "\n";
  return Interrupted;
}

std::string request_lines(const LabRun& run, const lab::Workload& workload, const lab::SimulationResult& result) {
  const std::string prefix = key(run);
  std::string lines;
  const auto ms = [](Duration duration) { return 1000 * seconds(duration); };
  for (std::size_t i = 0; i < workload.requests.size(); ++i) {
    const lab::WorkloadRequest& request = workload.requests[i];
    const lab::RequestResult& did = result.requests[i];
    const auto out = std::back_inserter(lines);
    const bool dispatched = did.attempts > 0;
    fmt::format_to(out, "{},{},{},{},{},{},{},{:.6f},", prefix, i, route::priority_name(request.priority), request.tenant, request.session,
                   dispatched ? pages::csv_field(run.experiment->scenario.endpoints[did.endpoint].name) : "", fate_name(did.fate),
                   seconds(did.arrival));
    if (did.fate == lab::Fate::Done) {
      const std::uint32_t gaps = request.output_tokens - 1;
      fmt::format_to(out, "{:.3f},{:.3f},", ms(did.dispatched - did.arrival), ms(did.first_token - did.arrival));
      if (gaps > 0) fmt::format_to(out, "{:.3f}", ms(did.finished - did.first_token) / gaps);
      fmt::format_to(out, ",{:.3f},", ms(did.finished - did.arrival));
    } else {
      lines += ",,,,";
    }
    fmt::format_to(out, "{},{},{},{}\n", request.input_tokens, request.output_tokens, did.cached_tokens, did.preemptions);
  }
  return lines;
}

}  // namespace evener::cli
