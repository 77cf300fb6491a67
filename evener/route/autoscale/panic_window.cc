#include "evener/route/autoscale/panic_window.h"

#include <algorithm>
#include <cmath>

namespace evener::route::autoscale {

std::optional<Proposal> PanicWindow::propose(const Reading& reading) {
  const double load = measured(settings_.target.measure, reading);
  const double stable = stable_.add(reading.now, load), latest = panic_.add(reading.now, load);
  const double ready = std::max<double>(reading.ready, 1);
  const auto most = static_cast<std::uint32_t>(std::min(std::ceil(settings_.up_max * ready), static_cast<double>(ReplicasMax)));
  const auto least = static_cast<std::uint32_t>(std::floor(reading.ready / settings_.down_max));

  const std::uint32_t wanted = std::clamp(replicas_for(stable, settings_.target.per_replica), least, std::max(least, most));
  const std::uint32_t urgent = std::clamp(replicas_for(latest, settings_.target.per_replica), least, std::max(least, most));
  const bool over = replicas_for(latest, settings_.target.per_replica) / ready >= settings_.panic_threshold;
  if (over && !panicking()) {
    panicked_ = reading.now;
    peak_ = std::max({urgent, reading.ready, std::uint32_t{1}});
  } else if (over) {
    panicked_ = reading.now;
  } else if (panicking() && reading.now - panicked_ >= settings_.stable) {
    peak_ = 0;
  }
  if (!panicking()) return Proposal{.replicas = wanted, .load = stable, .per_replica = settings_.target.per_replica};
  peak_ = std::max(peak_, urgent);
  return Proposal{.replicas = peak_, .load = latest, .per_replica = settings_.target.per_replica};
}

}  // namespace evener::route::autoscale
