#include "evener/actuators/kube_pod_table.h"

#include <doctest/doctest.h>

namespace evener::actuators {
namespace {

using Fed = KubePodTable::Fed;

std::string event(const std::string& type, const std::string& name, const std::string& version, const std::string& address = "10.0.0.1") {
  return R"({"type":")" + type + R"(","object":{"kind":"Pod","metadata":{"name":")" + name + R"(","resourceVersion":")" + version +
         R"("},"status":{"podIP":")" + address + R"(","conditions":[{"type":"Ready","status":"True"}]}}})" + "\n";
}

std::string names(const KubePodTable& table) {
  std::string all;
  for (const KubePod& pod : table.pods()) all += pod.name + "@" + pod.address + " ";
  return all;
}

KubePodTable two_pods() {
  KubePodTable table;
  table.replace({{.name = "b", .address = "10.0.0.2"}, {.name = "a", .address = "10.0.0.1"}}, "5");
  return table;
}

TEST_CASE("events change what the list began with, in whatever pieces they come") {
  const std::string all = event("ADDED", "c", "6", "10.0.0.3") + event("MODIFIED", "a", "7", "10.0.9.9") + event("DELETED", "b", "8") +
                          "\n" + R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"20"}}})" + "\n";
  for (std::size_t piece = 1; piece <= all.size(); piece += 7) {
    KubePodTable table = two_pods();
    for (std::size_t at = 0; at < all.size(); at += piece) CHECK(table.feed(std::string_view(all).substr(at, piece)) == Fed::Ok);
    CHECK(names(table) == "a@10.0.9.9 c@10.0.0.3 ");
    CHECK(table.resource_version() == "20");
  }
}

TEST_CASE("where the server forgot what came since, or talks nonsense, the pods have to be listed anew") {
  for (const std::string& text :
       {std::string(R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version"}})"),
        std::string("{}"), std::string("<html>"), std::string(R"({"type":"ADDED","object":{"metadata":{"resourceVersion":"9"}}})"),
        std::string(R"({"type":"ADDED","object":{"metadata":{"name":"x"}}})"),
        std::string(R"({"type":"OTHER","object":{"metadata":{"name":"x","resourceVersion":"9"}}})")}) {
    CAPTURE(text);
    KubePodTable table = two_pods();
    CHECK(table.feed(text + "\n") == Fed::ListAnew);
  }
}

TEST_CASE("an event that was cut off is forgotten when its connection is") {
  KubePodTable table = two_pods();
  CHECK(table.feed(R"({"type":"DEL)") == Fed::Ok);
  table.forget_rest();
  CHECK(table.feed(event("DELETED", "a", "6")) == Fed::Ok);
  CHECK(names(table) == "b@10.0.0.2 ");
}

TEST_CASE("an event beyond the limit makes it list anew, and pods beyond the limit are left out") {
  KubePodTable table = two_pods();
  CHECK(table.feed(std::string(KubePodTable::LineBytesMax, ' ')) == Fed::Ok);
  CHECK(table.feed(" ") == Fed::ListAnew);
  std::vector<KubePod> many;
  for (std::size_t i = 0; i < KubePodTable::PodsMax + 5; ++i) many.push_back({.name = "p" + std::to_string(i)});
  table.replace(many, "1");
  CHECK(table.pods().size() == KubePodTable::PodsMax);
  CHECK(table.feed(event("ADDED", "one-more", "2")) == Fed::Ok);
  CHECK(table.pods().size() == KubePodTable::PodsMax);
  CHECK(table.feed(event("MODIFIED", "p1", "3", "10.0.7.7")) == Fed::Ok);
  CHECK(names(table).find("p1@10.0.7.7") != std::string::npos);
}

}  // namespace
}  // namespace evener::actuators
