#include "evener/gateway/config_actuator.h"

#include <doctest/doctest.h>

namespace evener::gateway {
namespace {

ActuatorConfig process(std::uint16_t first_port) {
  ActuatorConfig config{.kind = ActuatorKind::Process};
  config.process.command = {"engine", "--port", "{port}"};
  config.process.first_port = first_port;
  return config;
}

}  // namespace

TEST_CASE("processes that would have no port left are refused before the first one starts") {
  CHECK(gap_of(process(65'528), 8).what.empty());
  CHECK(gap_of(process(65'529), 8).what == "with most: 8 the last engine would get port 65536; begin at 65528 or below");
  CHECK(gap_of(process(65'529), 8).where == std::vector<std::string>{"process", "first_port"});
  CHECK(gap_of(process(65'535), 0).what.empty());  // of a kind that is not used for now
}

TEST_CASE("more processes than one pool may have are refused, not left out") {
  CHECK(gap_of(process(0), actuators::PlacesMax).what.empty());
  const ActuatorGap gap = gap_of(process(0), actuators::PlacesMax + 1);
  CHECK(gap.where == std::vector<std::string>{"kind"});
  CHECK(gap.what == "process runs at most 256 engines, and most is 257; make it smaller, or let exec run them on several hosts");
}

}  // namespace evener::gateway
