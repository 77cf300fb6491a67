#include "evener/actuators/kubernetes_actuator.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "evener/actuators/testing/fake_api.h"

namespace evener::actuators {
namespace {

using namespace std::chrono_literals;
using testing::FakeApi;
using testing::header_of;

std::string scale(int replicas, const std::string& version = "1", const std::string& selector = "app=v") {
  return R"({"kind":"Scale","metadata":{"resourceVersion":")" + version + R"("},"spec":{"replicas":)" + std::to_string(replicas) +
         R"(},"status":{"replicas":2,"selector":")" + selector + R"("}})";
}

std::string pod(const std::string& name, const std::string& address, bool ready = true) {
  return R"({"metadata":{"name":")" + name + R"("},"status":{"podIP":")" + address + R"(","conditions":[{"type":"Ready","status":")" +
         (ready ? "True" : "False") + R"("}]}})";
}

std::string pods(const std::string& items, const std::string& next = "") {
  return R"({"kind":"PodList","metadata":{"continue":")" + next + R"("},"items":[)" + items + "]}";
}

/// Gives one piece per read.
class FakeStream final : public ByteStream {
 public:
  explicit FakeStream(std::vector<Result<std::string>> pieces) : pieces_(std::move(pieces)) {}
  Result<State> read(std::string& out) override {
    if (next_ == pieces_.size()) return State::Open;
    const auto& piece = pieces_[next_++];
    if (!piece) return tl::unexpected(piece.error());
    if (*piece == "end") return State::Ended;
    out += *piece;
    return State::Open;
  }

 private:
  std::vector<Result<std::string>> pieces_;
  std::size_t next_ = 0;
};

/// One cluster and what it is asked. The token file is made by the tests that want one.
struct Cluster {
  FakeApi api;
  std::vector<std::vector<Result<std::string>>> watches;  // what they tell; without one none is to be had
  std::vector<std::string> watched;
  int logins = 0;
  std::string token_file;

  KubernetesActuator actuator(KubernetesSettings settings = {}) {
    settings.name = "vllm";
    const auto load = [this]() -> Result<KubeAccess> {
      ++logins;
      KubeAccess access{.server = "https://k", .name_space = "llm"};
      access.token = Secret("token " + std::to_string(logins));
      access.token_file = token_file;
      return access;
    };
    const auto watch = [this](const HttpSettings&, const HttpCall& call) -> std::unique_ptr<ByteStream> {
      watched.push_back(call.url);
      std::vector<Result<std::string>> pieces = {fail("status 403")};
      if (watched.size() <= watches.size()) pieces = watches[watched.size() - 1];
      return std::make_unique<FakeStream>(pieces);
    };
    return {std::move(settings), load, [this](const HttpSettings&) { return api.send(); }, watch};
  }
};

TEST_CASE("what is there: the scale, and the ready pods behind its selector with their addresses") {
  Cluster cluster;
  cluster.api.then(200, scale(3));
  cluster.api.then(200, pods(pod("b", "10.0.0.2") + "," + pod("a", "10.0.0.1", false), "more&more"));
  cluster.api.then(200, pods(pod("c", "fd00::1")));
  auto actuator = cluster.actuator();
  const auto there = actuator.observe();
  REQUIRE(there.has_value());
  CHECK(there->desired == 3);
  CHECK(there->ready == 2);
  CHECK(there->endpoints == std::vector<std::string>{"http://10.0.0.1:8000", "http://10.0.0.2:8000", "http://[fd00::1]:8000"});
  REQUIRE(cluster.api.calls().size() == 3);
  CHECK(cluster.api.calls()[0].url == "https://k/apis/apps/v1/namespaces/llm/deployments/vllm/scale");
  CHECK(cluster.api.calls()[1].url == "https://k/api/v1/namespaces/llm/pods?labelSelector=app%3Dv&limit=500");
  CHECK(cluster.api.calls()[2].url.ends_with("&limit=500&continue=more%26more"));
  CHECK(header_of(cluster.api.calls()[0], "Authorization") == "Bearer token 1");
}

std::string event(const std::string& type, const std::string& name, const std::string& address, const std::string& version) {
  std::string object = pod(name, address);
  object.replace(object.find("\"}"), 2, R"(","resourceVersion":")" + version + "\"}");
  return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}

TEST_CASE("a watch keeps the pods up without a list, and goes on from where it was when the server ends it") {
  Cluster cluster;
  const std::string added = event("ADDED", "b", "10.0.0.2", "12");
  cluster.watches = {{added.substr(0, 20), added.substr(20), "end"}, {event("DELETED", "a", "10.0.0.1", "15")}};
  auto actuator = cluster.actuator();
  cluster.api.then(200, scale(2));
  std::string list = pods(pod("a", "10.0.0.1"));
  cluster.api.then(200, list.replace(list.find(R"("continue":"")"), 13, R"("resourceVersion":"10")"));
  const std::vector<std::vector<std::string>> seen = {{"http://10.0.0.1:8000"},
                                                      {"http://10.0.0.1:8000"},
                                                      {"http://10.0.0.1:8000", "http://10.0.0.2:8000"},
                                                      {"http://10.0.0.1:8000", "http://10.0.0.2:8000"},
                                                      {"http://10.0.0.2:8000"}};
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (i > 0) cluster.api.then(200, scale(2));
    const auto there = actuator.observe();
    REQUIRE(there.has_value());
    CHECK(there->endpoints == seen[i]);
  }
  CHECK(cluster.api.all_answers_taken());
  REQUIRE(cluster.watched.size() == 2);
  CHECK(cluster.watched[0] ==
        "https://k/api/v1/namespaces/llm/"
        "pods?labelSelector=app%3Dv&watch=true&allowWatchBookmarks=true&resourceVersion=10&timeoutSeconds=300");
  CHECK(cluster.watched[1].find("resourceVersion=12") != std::string::npos);
}

TEST_CASE("a watch that breaks off, or forgot too much, is replaced by a list and another watch") {
  for (const Result<std::string>& trouble : {Result<std::string>(fail("connection lost")), Result<std::string>("{\"type\":\"ERROR\"}\n")}) {
    Cluster cluster;
    cluster.watches = {{trouble}, {}};
    auto actuator = cluster.actuator();
    for (const char* address : {"10.0.0.1", "10.0.0.7"}) {
      cluster.api.then(200, scale(1));
      cluster.api.then(200, pods(pod("a", address)));
      CHECK(actuator.observe()->endpoints == std::vector<std::string>{"http://" + std::string(address) + ":8000"});
    }
    CHECK(cluster.watched.size() == 2);
    cluster.api.then(200, scale(1, "1", "app=other"));
    cluster.api.then(200, pods(""));
    CHECK(actuator.observe()->endpoints.empty());
    CHECK(cluster.watched.size() == 3);
  }
}

TEST_CASE("any resource that has a scale is found at its group, version and plural") {
  for (const auto& [resource, path] : {std::pair("apps/v1/statefulsets", "/apis/apps/v1/namespaces/other/statefulsets/vllm/scale"),
                                       std::pair("v1/replicationcontrollers", "/api/v1/namespaces/other/replicationcontrollers/vllm/scale"),
                                       std::pair("leaderworkerset.x-k8s.io/v1/leaderworkersets",
                                                 "/apis/leaderworkerset.x-k8s.io/v1/namespaces/other/leaderworkersets/vllm/scale")}) {
    Cluster cluster;
    cluster.api.then(200, scale(1, "1", ""));
    const auto there = cluster.actuator({.resource = resource, .name_space = "other"}).observe();
    REQUIRE(there.has_value());
    CHECK(cluster.api.calls()[0].url == "https://k" + std::string(path));
    CHECK(there->ready == 2);  // without a selector what the scale says is all there is
    CHECK(check_kube_resource(resource).empty());
  }
  for (const char* wrong :
       {"", "deployments", "apps/v1/deployments/x", "/v1/deployments", "apps//deployments", "apps/v1/", "Apps/v1/deployments", "a/../b"}) {
    CAPTURE(wrong);
    CHECK((std::string_view(wrong) == "a/../b" || !check_kube_resource(wrong).empty()));
  }
}

TEST_CASE("another number is written with the version that was read") {
  Cluster cluster;
  cluster.api.then(200, scale(2, "7"));
  cluster.api.then(200, pods(pod("a", "10.0.0.1")));
  cluster.api.then(200, scale(2, "8"));
  cluster.api.then(200, scale(5, "9"));
  const auto set = cluster.actuator().set({.pool = "p", .replicas = 5});
  REQUIRE(set.has_value());
  CHECK(set->desired == 5);
  CHECK(set->ready == 1);
  const HttpCall& put = cluster.api.calls().back();
  CHECK(put.method == "PUT");
  CHECK(put.url.ends_with("/deployments/vllm/scale"));
  CHECK(put.body == kube_scale_text("llm", "vllm", "8", 5));
  CHECK(header_of(put, "Content-Type") == "application/json");
}

TEST_CASE("a wish that is fulfilled writes nothing") {
  Cluster cluster;
  cluster.api.then(200, scale(5));
  cluster.api.then(200, pods(""));
  CHECK(cluster.actuator().set({.pool = "p", .replicas = 5})->desired == 5);
  CHECK(cluster.api.calls().size() == 2);
}

TEST_CASE("a scale that somebody else changed meanwhile is read and written again, a bounded number of times") {
  Cluster cluster;
  cluster.api.then(200, scale(2));
  cluster.api.then(200, pods(""));
  cluster.api.then(200, scale(2, "3"));
  cluster.api.then(409, R"({"kind":"Status","message":"the object has been modified"})");
  cluster.api.then(200, scale(3, "4"));
  cluster.api.then(200, scale(5, "5"));
  auto actuator = cluster.actuator();
  CHECK(actuator.set({.pool = "p", .replicas = 5}).has_value());
  CHECK(cluster.api.calls().back().body == kube_scale_text("llm", "vllm", "4", 5));

  cluster.api.then(200, scale(2));
  cluster.api.then(200, pods(""));
  for (int i = 0; i < KubernetesActuator::ConflictsMax; ++i) {
    cluster.api.then(200, scale(2));
    cluster.api.then(409, R"({"kind":"Status","message":"the object has been modified"})");
  }
  const auto refused = actuator.set({.pool = "p", .replicas = 5});
  REQUIRE(!refused.has_value());
  CHECK(refused.error().may_retry == MayRetry::Yes);
  CHECK(cluster.api.all_answers_taken());
}

TEST_CASE("when it shrinks, pods that were drained are marked to go first") {
  Cluster cluster;
  cluster.api.then(200, scale(3));
  cluster.api.then(200, pods(pod("a", "10.0.0.1") + "," + pod("b", "10.0.0.2")));
  cluster.api.then(200, "{}");
  cluster.api.then(200, scale(3));
  cluster.api.then(200, scale(2));
  auto actuator = cluster.actuator();
  const auto set = actuator.set({.pool = "p", .replicas = 2, .stop_first = {"http://10.0.0.2:8000", "http://10.9.9.9:8000"}});
  REQUIRE(set.has_value());
  CHECK(set->trouble.empty());
  const HttpCall& mark = cluster.api.calls()[2];
  CHECK(mark.method == "PATCH");
  CHECK(mark.url == "https://k/api/v1/namespaces/llm/pods/b");
  CHECK(header_of(mark, "Content-Type") == "application/merge-patch+json");
  CHECK(mark.body.find("pod-deletion-cost") != std::string::npos);
  CHECK(cluster.api.all_answers_taken());
}

TEST_CASE("a pod that was marked and then kept loses its mark when others are to go") {
  Cluster cluster;
  const auto marked = [](std::string pod) {
    return pod.replace(pod.find("\"},"), 2, R"(","annotations":{"controller.kubernetes.io/pod-deletion-cost":"-1000"}})");
  };
  cluster.api.then(200, scale(3));
  cluster.api.then(200, pods(marked(pod("a", "10.0.0.1")) + "," + marked(pod("b", "10.0.0.2")) + "," + pod("c", "10.0.0.3")));
  cluster.api.then(200, "{}");
  cluster.api.then(200, scale(3));
  cluster.api.then(200, scale(2));
  REQUIRE(cluster.actuator().set({.pool = "p", .replicas = 2, .stop_first = {"http://10.0.0.2:8000"}}).has_value());
  const HttpCall& unmark = cluster.api.calls()[2];
  CHECK(unmark.method == "PATCH");
  CHECK(unmark.url == "https://k/api/v1/namespaces/llm/pods/a");
  CHECK(unmark.body == R"({"metadata":{"annotations":{"controller.kubernetes.io/pod-deletion-cost":null}}})");
  CHECK(cluster.api.all_answers_taken());
}

TEST_CASE("that pods may not be marked is said, and it shrinks all the same") {
  Cluster cluster;
  cluster.api.then(200, scale(3));
  cluster.api.then(200, pods(pod("a", "10.0.0.1")));
  cluster.api.then(403, R"({"kind":"Status","message":"pods \"a\" is forbidden"})");
  cluster.api.then(200, scale(3));
  cluster.api.then(200, scale(2));
  const auto set = cluster.actuator().set({.pool = "p", .replicas = 2, .stop_first = {"http://10.0.0.1:8000"}});
  REQUIRE(set.has_value());
  CHECK(set->desired == 2);
  CHECK(set->trouble.find("pods \"a\" is forbidden") != std::string::npos);
}

TEST_CASE("what is refused says what was asked and why, and whether trying again may help") {
  const auto error_of = [](int status, const std::string& body, std::vector<std::pair<std::string, std::string>> headers = {}) {
    Cluster cluster;
    cluster.api.then(status, body, std::move(headers));
    const auto there = cluster.actuator().observe();
    REQUIRE(!there.has_value());
    return there.error();
  };
  const ActuatorError forbidden = error_of(403, R"({"kind":"Status","message":"cannot get resource \"deployments/scale\""})");
  CHECK(forbidden.message == R"(Kubernetes: GET scale of deployments/vllm in llm: status 403: cannot get resource "deployments/scale")");
  CHECK(forbidden.may_retry == MayRetry::No);
  CHECK(error_of(404, "").may_retry == MayRetry::No);
  CHECK(error_of(500, "").may_retry == MayRetry::Yes);
  const ActuatorError busy = error_of(429, "", {{"retry-after", "3"}});
  CHECK(busy.may_retry == MayRetry::Yes);
  CHECK(busy.retry_after == 3s);
  CHECK(error_of(200, "<html>").may_retry == MayRetry::Yes);
}

TEST_CASE("after a refusal for who we are the credentials are loaded anew, once") {
  Cluster cluster;
  cluster.api.then(401, "");
  cluster.api.then(200, scale(1, "1", ""));
  auto actuator = cluster.actuator();
  CHECK(actuator.observe().has_value());
  CHECK(cluster.logins == 2);
  CHECK(header_of(cluster.api.calls()[1], "Authorization") == "Bearer token 2");
  cluster.api.then(401, "");
  cluster.api.then(401, "");
  const auto refused = actuator.observe();
  REQUIRE(!refused.has_value());
  CHECK(refused.error().may_retry == MayRetry::No);
  CHECK(cluster.api.all_answers_taken());
}

TEST_CASE("a token file is read for each call, because it is replaced while we run") {
  std::string name = (std::filesystem::temp_directory_path() / "evener-token-XXXXXX").string();
  REQUIRE(::mkstemp(name.data()) >= 0);
  Cluster cluster;
  cluster.token_file = name;
  auto actuator = cluster.actuator();
  for (const char* token : {"first", "second"}) {
    std::ofstream(name) << token << "\n";
    cluster.api.forget_calls();
    cluster.api.then(200, scale(1, "1", ""));
    CHECK(actuator.observe().has_value());
    CHECK(header_of(cluster.api.calls()[0], "Authorization") == "Bearer " + std::string(token));
  }
  std::filesystem::remove(name);
  const auto there = actuator.observe();
  REQUIRE(!there.has_value());
  CHECK(there.error().message.find(name) != std::string::npos);
}

TEST_CASE("a server that does not answer may do so later, and is looked up anew") {
  Cluster cluster;
  cluster.api.then_nothing();
  auto actuator = cluster.actuator();
  const auto there = actuator.observe();
  REQUIRE(!there.has_value());
  CHECK(there.error().may_retry == MayRetry::Yes);
  cluster.api.then(200, scale(1, "1", ""));
  CHECK(actuator.observe().has_value());
  CHECK(cluster.logins == 2);
}

}  // namespace
}  // namespace evener::actuators
