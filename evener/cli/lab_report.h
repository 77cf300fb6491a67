#pragma once
// The files that a command of the lab writes beside its output: a page, tables as CSV and its figures as JSON.

#include <optional>
#include <string>
#include <string_view>

#include "evener/cli/lab_runs.h"
#include "evener/cli/pages/csv.h"
#include "evener/cli/pages/html.h"

namespace evener::cli {

struct ReportArguments {
  std::string folder, html, csv;

  [[nodiscard]] bool any() const { return !folder.empty() || !html.empty() || !csv.empty(); }
};
void declare_report(CLI::App& app, ReportArguments& arguments, const char* tables = "summary.csv, requests.csv and endpoints.csv");

/// Which CSVs there are.
enum class ReportTables : std::uint8_t {
  Runs,      // summary.csv, requests.csv, endpoints.csv
  Replicas,  // replicas.csv
};

/// Not thread-safe. Without arguments it does nothing. What is not finished leaves the files of an earlier report as they were.
class LabReport {
 public:
  /// Makes the folders and tries the files, so that a place that cannot be written to is known before anything is simulated.
  [[nodiscard]] static Result<LabReport> create(const ReportArguments& arguments, std::string title,
                                                ReportTables tables = ReportTables::Runs);

  [[nodiscard]] bool wanted() const { return !html_.empty() || summary_ || replicas_; }
  /// A line for the run, and of one with details what happened to its requests and at its endpoints.
  void add_run(const LabRun& run, const RunFigures& figures);
  /// Whole lines of replicas.csv: plan, time_s, demand, replicas, starting.
  void add_replicas(std::string_view lines);
  pages::Page& page() { return page_; }
  /// Writes what is still to be written.
  [[nodiscard]] Result<void> finish(std::string_view json);

 private:
  explicit LabReport(std::string title) : page_(std::move(title)) {}

  pages::Page page_;
  std::string html_, json_;  // paths; empty = none
  std::optional<pages::CsvFile> summary_, requests_, endpoints_, replicas_;
};

/// Says that the command was stopped and what that means for its report; its exit code.
int interrupted(const LabReport& report);

/// The lines of requests.csv for a run, without its head.
[[nodiscard]] std::string request_lines(const LabRun& run, const lab::Workload& workload, const lab::SimulationResult& result);

}  // namespace evener::cli
