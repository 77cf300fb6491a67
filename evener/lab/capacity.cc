#include "evener/lab/capacity.h"

#include <algorithm>

namespace evener::lab {

std::optional<double> CapacitySearch::next() const {
  if (tries_ == rules_.tries_max || crossed() || settled()) return std::nullopt;
  if (!met_ && !failed_) return rules_.start;
  if (met_ && failed_) return (*met_ + *failed_) / 2;
  const double further = met_ ? 2 * *met_ : *failed_ / 2;
  if (further > std::min(rules_.start * rules_.range, rules_.most) || further < std::max(rules_.start / rules_.range, rules_.least)) {
    return std::nullopt;
  }
  return further;
}

void CapacitySearch::told(double load, bool met) {
  ++tries_;
  std::optional<double>& end = met ? met_ : failed_;
  end = !end ? load : met ? std::max(*end, load) : std::min(*end, load);
}

}  // namespace evener::lab
