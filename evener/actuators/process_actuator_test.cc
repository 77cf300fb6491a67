#include "evener/actuators/process_actuator.h"

#include <algorithm>
#include <csignal>

#include <doctest/doctest.h>

#include "evener/actuators/testing/programs.h"
#include "evener/base/files.h"

using namespace std::chrono_literals;

namespace evener::actuators {
namespace {

using namespace testing;

/// Processes that write "started NUMBER PORT" into a file and sleep, and a clock that is set by hand.
class Host {
 public:
  explicit Host(ProcessSettings settings = {})
      : actuator_(std::in_place, "chat", with_command(std::move(settings)), [this] { return now; }) {}

  Replicas set(std::uint32_t replicas, std::vector<std::string> stop_first = {}) {
    const auto there = actuator_->set({.pool = "chat", .replicas = replicas, .reason = "", .stop_first = std::move(stop_first)});
    REQUIRE(there);
    return *there;
  }
  Replicas observe() {
    const auto there = actuator_->observe();
    REQUIRE(there);
    return *there;
  }
  void configure(ProcessSettings settings) { actuator_->configure(with_command(std::move(settings))); }
  void close() { actuator_.reset(); }
  [[nodiscard]] std::string starts() const { return read_file(folder_.file("starts"), 10'000).value_or(""); }
  [[nodiscard]] std::ptrdiff_t started() const {
    const std::string text = starts();
    return std::count(text.begin(), text.end(), '\n');
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }

  Instant now = Instant{} + 1000s;

 private:
  ProcessSettings with_command(ProcessSettings settings) {
    settings.environment["FOLDER"] = folder_.file("");
    if (settings.command.empty()) {
      settings.command = {"/bin/sh", "-c", "echo {pool} {number} {port} $GPU $$ >> " + folder_.file("starts") + "; exec sleep 1000"};
    }
    return settings;
  }

  TemporaryFolder folder_;
  std::optional<ProcessActuator> actuator_;
};

}  // namespace

TEST_CASE("each process has its number and its port") {
  Host host({.environment = {{"GPU", "gpu{number}"}}, .first_port = 20'100, .most = 3});
  const Replicas there = host.set(2);
  CHECK(there.desired == 2);
  CHECK(there.endpoints == std::vector<std::string>{"http://127.0.0.1:20100", "http://127.0.0.1:20101"});
  CHECK(comes_true([&] { return host.started() == 2; }));
  const std::string starts = host.starts();
  CHECK(starts.find("chat 0 20100 gpu0 ") != std::string::npos);
  CHECK(starts.find("chat 1 20101 gpu1 ") != std::string::npos);
}

TEST_CASE("ports are free ones where none is given") {
  Host host;
  const Replicas there = host.set(3);
  REQUIRE(there.endpoints.size() == 3);
  CHECK(there.endpoints[0] != there.endpoints[1]);
  CHECK(host.set(3).endpoints == there.endpoints);  // the same wish again changes nothing
}

TEST_CASE("those that were drained are stopped, and the others stay") {
  Host host({.first_port = 20'200, .most = 3});
  host.set(3);
  CHECK(host.set(2, {"http://127.0.0.1:20200"}).endpoints == std::vector<std::string>{"http://127.0.0.1:20201", "http://127.0.0.1:20202"});
  CHECK(host.set(1).endpoints.size() == 1);
  // A place is free again when its process has ended, not before: its port and its GPU are in use.
  CHECK(comes_true([&] { return host.set(3).endpoints.size() == 3; }));
}

TEST_CASE("a process that ends unasked is started again, later each time") {
  Host host({.command = {"/bin/sh", "-c", "exit 7 # {port}"}, .most = 1});
  host.set(1);
  std::string trouble;
  CHECK(comes_true([&] { return !(trouble = host.observe().trouble).empty(); }));
  CHECK(trouble.find("ended with exit status 7") != std::string::npos);
  CHECK(host.observe().endpoints.empty());
  for (const Duration pause : {1s, 2s, 4s}) {
    host.now += pause - 1ms;
    CHECK(host.observe().endpoints.empty());
    host.now += 1ms;
    CHECK(host.observe().endpoints.size() == 1);
    CHECK(comes_true([&] { return host.observe().endpoints.empty(); }));
  }
}

TEST_CASE("a program that does not exist is trouble, not an end") {
  Host host({.command = {"/no/such/engine", "{port}"}});
  const Replicas there = host.set(1);
  CHECK(there.endpoints.empty());
  CHECK(there.trouble == "/no/such/engine: No such file or directory");
}

TEST_CASE("a process that does not end when asked is killed after the grace") {
  Host host({.command = {"/bin/sh", "-c", "trap '' TERM; echo {port} > $FOLDER/up; while :; do sleep 0.01; done"},
             .first_port = 20'300,
             .most = 1,
             .grace = 100ms});
  host.set(1);
  CHECK(comes_true([&] { return !read_file(host.file("up"), 100).value_or("").empty(); }));
  host.set(0);
  host.now += 99ms;
  CHECK(host.set(1).endpoints.empty());  // it is still there, in the only place
  host.now += 1ms;
  CHECK(comes_true([&] { return host.observe().endpoints.size() == 1; }));
}

TEST_CASE("output goes to a file per process") {
  const TemporaryFolder folder;
  Host host({.command = {"/bin/sh", "-c", "echo hello from {port}; exec sleep 1000"},
             .output = folder.file("out-{number}"),
             .first_port = 20'400,
             .most = 1});
  host.set(1);
  CHECK(comes_true([&] { return read_file(folder.file("out-0"), 1000).value_or("") == "hello from 20400\n"; }));
}

TEST_CASE("no process outlives its actuator") {
  Host host({.most = 2});
  host.set(2);
  CHECK(comes_true([&] { return host.started() == 2; }));
  const std::string starts = host.starts();
  const pid_t pid = std::stoi(starts.substr(starts.rfind(' ')));
  CHECK(::kill(pid, 0) == 0);
  host.close();
  CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("more places than before may be used at once") {
  Host host({.most = 1});
  CHECK(host.set(2).endpoints.size() == 1);
  host.configure({.most = 2});
  CHECK(host.set(2).endpoints.size() == 2);
}

}  // namespace evener::actuators
