#include "evener/route/load_report.h"

#include <cmath>

namespace evener::route {

double report_trust(const std::optional<LoadReport>& report, Instant now) {
  if (!report) return 0.0;
  return std::exp2(-seconds(std::max(now - report->at, Duration::zero())) / seconds(ReportHalfLife));
}

}  // namespace evener::route
