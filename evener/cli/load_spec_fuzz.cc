#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "evener/cli/load_spec.h"

using namespace evener;

// Whatever the text: a load whose numbers can be worked with, or an error that says something.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto load = cli::read_load_spec({reinterpret_cast<const char*>(data), size});
  if (!load) {
    if (load.error().message.empty()) std::abort();
    return 0;
  }
  const lab::ArrivalLaw& law = lab::arrivals_of(*load);
  if (law.stages.empty() || law.cv < 0 || law.bursts.mean_s <= 0 || law.daily.day_s < 1) std::abort();
  for (const lab::Stage& stage : law.stages) {
    if (!(stage.rate_per_s > 0) || !(stage.duration_s > 0)) std::abort();
  }
  return 0;
}
