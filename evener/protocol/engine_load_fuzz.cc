// Any bytes as an engine's load report and as an ORCA header: what comes out makes sense for its figure.

#include <cstdint>
#include <string_view>
#include <vector>

#include "evener/protocol/engine_load.h"
#include "evener/protocol/orca.h"
#include "evener/protocol/testing.h"

using namespace evener::protocol;
using testing::require;

namespace {

void sensible(const LoadFigures& figures) {
  for (std::size_t i = 0; i < Figures; ++i) {
    const auto& value = figures[static_cast<Figure>(i)];
    require(!value || (*value >= 0 && *value < 1e300 * 1e300));
  }
  for (const Figure share : {Figure::KvUsed, Figure::Utilization, Figure::PrefixHitShare}) require(!figures[share] || *figures[share] <= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> bytes(data, data + size);
  const std::string_view body(bytes.data(), bytes.size());
  static const std::vector<FigureSource> mapping = {{.figure = Figure::Running, .metric = "a", .labels = {{"b", "c"}}},
                                                    {.figure = Figure::KvUsed, .metric = "a", .labels = {}, .combine = Combine::Max}};
  for (const bool mapped : {false, true}) {
    const LoadReading reading = read_load(body, mapped ? std::span<const FigureSource>(mapping) : std::span<const FigureSource>());
    sensible(reading.figures);
    require(reading.adapters.size() <= AdaptersMax);
    require(reading.samples > 0 || reading.figures == LoadFigures());
    require(!describe_load(reading.engine, "/", reading.figures.present()).empty());
  }
  for (const OrcaForm form : {OrcaForm::Tagged, OrcaForm::Json, OrcaForm::Binary}) {
    if (const auto figures = read_orca(body, form)) {
      sensible(*figures);
      require(!figures->present().empty());
    }
  }
  return 0;
}
