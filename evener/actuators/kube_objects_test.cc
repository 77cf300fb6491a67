#include "evener/actuators/kube_objects.h"

#include <doctest/doctest.h>

namespace evener::actuators {
namespace {

TEST_CASE("a Scale says how many are wanted and there, and by which labels its pods are found") {
  const auto scale = read_kube_scale(R"({"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"vllm","namespace":"llm",
    "resourceVersion":"4711"},"spec":{"replicas":3},"status":{"replicas":2,"selector":"app=vllm,tier=gpu"}
})");
  REQUIRE(scale.has_value());
  CHECK(scale->resource_version == "4711");
  CHECK(scale->replicas == 3);
  CHECK(scale->current_replicas == 2);
  CHECK(scale->selector == "app=vllm,tier=gpu");
}

TEST_CASE("a number that a Scale leaves out is 0, and one that is none makes it useless") {
  const auto empty = read_kube_scale(R"({"kind":"Scale","metadata":{},"spec":{},"status":{}})");
  REQUIRE(empty.has_value());
  CHECK(empty->replicas == 0);
  for (const char* text :
       {"", "[]", "{}", "nonsense", R"({"kind":"Status","spec":{}})", R"({"kind":"Scale"})", R"({"kind":"Scale","spec":1})",
        R"({"kind":"Scale","spec":{"replicas":"3"}})", R"({"kind":"Scale","spec":{"replicas":-1}})",
        R"({"kind":"Scale","spec":{"replicas":1.5}})", R"({"kind":"Scale","spec":{"replicas":4294967296}})"}) {
    CAPTURE(text);
    CHECK(!read_kube_scale(text));
  }
}

TEST_CASE("what is sent holds the version that was read, so that a change in between is noticed") {
  CHECK(
      kube_scale_text("llm", "vllm", "4711", 5) ==
      R"({"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"vllm","namespace":"llm","resourceVersion":"4711"},"spec":{"replicas":5}})");
}

TEST_CASE("of pods it is known which are ready, which are about to end, and what keeps the others") {
  const auto list = read_kube_pods(R"({"kind":"PodList","metadata":{"resourceVersion":"9","continue":"more"},"items":[
    {"metadata":{"name":"serves"},"status":{"phase":"Running","podIP":"10.1.0.1","conditions":[{"type":"PodScheduled","status":"True"},{"type":"Ready","status":"True"}]}},
    {"metadata":{"name":"loads","annotations":{"controller.kubernetes.io/pod-deletion-cost":"-1000"}},"status":{"phase":"Running","podIP":"10.1.0.2","conditions":[{"type":"Ready","status":"False"}]}},
    {"metadata":{"name":"leaves","deletionTimestamp":"2026-01-01T00:00:00Z"},"status":{"phase":"Running","podIP":"10.1.0.3","conditions":[{"type":"Ready","status":"True"}]}},
    {"metadata":{"name":"done"},"status":{"phase":"Failed"}},
    {"metadata":{"name":"waits"},"status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/3 nodes"}]}},
    {"metadata":{"name":"pulls"},"status":{"phase":"Pending","containerStatuses":[{"state":{"waiting":{"reason":"ContainerCreating"}}},
       {"state":{"waiting":{"reason":"ImagePullBackOff","message":"no such image"}}}]}},
    7]})");
  REQUIRE(list.has_value());
  CHECK(list->next == "more");
  CHECK(list->resource_version == "9");
  REQUIRE(list->pods.size() == 7);
  CHECK(list->pods[0].ready);
  CHECK(list->pods[0].address == "10.1.0.1");
  CHECK(list->pods[0].trouble.empty());
  CHECK(!list->pods[0].marked);
  CHECK(!list->pods[1].ready);
  CHECK(list->pods[1].marked);
  CHECK(list->pods[2].ending);
  CHECK(!list->pods[2].ready);
  CHECK(list->pods[3].ending);
  CHECK(list->pods[4].trouble == "Unschedulable: 0/3 nodes");
  CHECK(list->pods[5].trouble == "ImagePullBackOff: no such image");
  CHECK(list->pods[6].name.empty());
  CHECK(!read_kube_pods(R"({"kind":"Status"})"));
}

TEST_CASE("a Status says in words why something was refused") {
  CHECK(kube_status_message(R"({"kind":"Status","status":"Failure","message":"deployments.apps \"x\" not found","code":404})") ==
        "deployments.apps \"x\" not found");
  CHECK(kube_status_message("<html>").empty());
}

}  // namespace
}  // namespace evener::actuators
