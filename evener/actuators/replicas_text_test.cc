#include "evener/actuators/replicas_text.h"

#include <doctest/doctest.h>

namespace evener::actuators {

TEST_CASE("a command says numbers and addresses, and talks besides") {
  const ReplicasSaid said = read_replicas_text(
      "scaling...\r\nreplicas 3\n  ready 2 \nhttp://10.0.0.1:8000\n http://10.0.0.2:8000\r\nsee http://example.org\nready "
      "many\nhttp://10.0.0.1:8000\n");  // docker says a port once for each family of addresses
  CHECK(said.replicas == 3);
  CHECK(said.ready == 2);
  CHECK(said.endpoints == std::vector<std::string>{"http://10.0.0.1:8000", "http://10.0.0.2:8000"});
}

TEST_CASE("a command that says nothing says nothing") {
  for (const char* text : {"", "\n", "replicas", "replicas -1", "replicas 99999999999", "replicas 4000000000", "http:// x"}) {
    const ReplicasSaid said = read_replicas_text(text);
    CHECK(!said.replicas);
    CHECK(said.endpoints.empty());
  }
}

}  // namespace evener::actuators
