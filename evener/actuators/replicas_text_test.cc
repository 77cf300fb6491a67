#include "evener/actuators/replicas_text.h"

#include <doctest/doctest.h>

#include "evener/actuators/run_command.h"

namespace evener::actuators {

TEST_CASE("a command says numbers and addresses, and talks besides") {
  const ReplicasSaid said = read_replicas_text(
      "scaling...\r\nreplicas 3\n  ready 2 \nhttp://10.0.0.1:8000\n http://10.0.0.2:8000\r\nsee http://example.org\nready "
      "many\nhttp://10.0.0.1:8000\n");  // docker says a port once for each family of addresses
  CHECK(said.replicas == 3);
  CHECK(said.ready == 2);
  CHECK(said.endpoints == std::vector<std::string>{"http://10.0.0.1:8000", "http://10.0.0.2:8000"});
}

TEST_CASE("as many addresses as count fit in a command's output, and those beyond are missed aloud") {
  const std::string tail(AddressBytesMax - 17, 'a');
  std::string text;
  for (std::size_t i = 0; i < AddressesMax; ++i) text += "http://" + std::to_string(1'000'000'000 + i) + tail + "\n";
  CHECK(text.size() == OutputBytesMax);
  CHECK(read_replicas_text(text).endpoints.size() == AddressesMax);
  CHECK(read_replicas_text(text).with(0).trouble.empty());
  CHECK(read_replicas_text(text + text).with(0).trouble.empty());  // each is said twice
  const ReplicasSaid more = read_replicas_text(text + "http://one-more\n");
  CHECK(more.endpoints.size() == AddressesMax);
  CHECK(more.with(0).trouble == "addresses beyond the first 10000 are left out");
  const ReplicasSaid longer = read_replicas_text("http://a\nhttp://" + std::string(250, 'a') + "\n");
  CHECK(longer.with(0).endpoints == std::vector<std::string>{"http://a"});
  CHECK(longer.with(0).trouble == "an address of 257 bytes is left out; 256 are allowed");
}

TEST_CASE("a command that says nothing says nothing") {
  for (const char* text : {"", "\n", "replicas", "replicas -1", "replicas 99999999999", "replicas 4000000000", "http:// x", "http://a\rb"}) {
    const ReplicasSaid said = read_replicas_text(text);
    CHECK(!said.replicas);
    CHECK(said.endpoints.empty());
  }
}

}  // namespace evener::actuators
