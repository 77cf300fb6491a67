#include "evener/route/load_report.h"

#include "evener/core/portable_math.h"

namespace evener::route {

double report_trust(const std::optional<LoadReport>& report, Instant now) {
  if (!report) return 0.0;
  return portable::exp2(-seconds(std::max(now - report->at, Duration::zero())) / seconds(ReportHalfLife));
}

LoadReport completed(const LoadReport& before, const LoadReport& news) {
  LoadReport report = news;
  if (news.at - before.at > CompletedMax) return report;
  for (const auto figure : LoadFigures) {
    if (report.*figure || !(before.*figure)) continue;
    report.*figure = before.*figure;
    report.at = before.at;
  }
  return report;
}

}  // namespace evener::route
