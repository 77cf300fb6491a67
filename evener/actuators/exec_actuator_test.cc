#include "evener/actuators/exec_actuator.h"

#include <doctest/doctest.h>

#include <ctime>

#include "evener/actuators/run_command.h"
#include "evener/actuators/testing/programs.h"

using namespace std::chrono_literals;

namespace evener::actuators {
namespace {

using namespace testing;

ExecSettings shell(const std::string& script) {
  return {.command = {"/bin/sh", "-c", script, "script", "{pool}", "{replicas}", "{reason}"}};
}
const Wish wish = {.pool = "chat", .replicas = 3, .reason = "1 -> 3: because", .stop_first = {"http://a", "http://b"}};

}  // namespace

TEST_CASE("a command gets the wish as words and in its environment") {
  ExecActuator actuator("chat", shell("[ \"$1 $2 $3\" = 'chat 3 1 -> 3: because' ] || exit 1; "
                                      "[ \"$EVENER_POOL $EVENER_REPLICAS $EVENER_REASON $EVENER_STOP_FIRST\" = 'chat 3 1 -> 3: because "
                                      "http://a http://b' ] || exit 2"));
  const auto there = actuator.set(wish);
  REQUIRE(there);
  CHECK(*there == Replicas{.desired = 3});
}

TEST_CASE("a command is told no more drained replicas than a program can be started with") {
  Wish many = wish;
  many.stop_first.assign(AddressesMax, "http://" + std::string(AddressBytesMax - 7, 'a'));
  CHECK(ExecActuator("chat", shell("[ ${#EVENER_STOP_FIRST} -gt 98000 ] && [ ${#EVENER_STOP_FIRST} -le 98304 ]")).set(many));
}

TEST_CASE("a command may say what is there") {
  ExecActuator actuator("chat", shell("echo replicas 2; echo http://10.0.0.1:8000; echo http://10.0.0.2:8000"));
  CHECK(actuator.set(wish)->endpoints.size() == 2);
  CHECK(actuator.set(wish)->desired == 2);
  CHECK(!actuator.observes());
  ExecSettings settings = shell("exit 0");
  settings.status = {"/bin/sh", "-c", "echo replicas 7; echo ready 5"};
  ExecActuator asked("chat", settings);
  CHECK(asked.observes());
  CHECK(*asked.observe() == Replicas{.desired = 7, .ready = 5});
}

TEST_CASE("before the first wish those that have an address are taken for what is there") {
  ExecSettings settings = shell("exit 0");
  settings.status = {"/bin/sh", "-c", "echo http://10.0.0.1:8000; echo http://10.0.0.2:8000"};
  ExecActuator actuator("chat", settings);
  CHECK(actuator.observe()->desired == 2);
  CHECK(actuator.set(wish)->desired == 3);
  CHECK(actuator.observe()->desired == 3);  // the third one is on its way
}

TEST_CASE("a command that fails is an error with its last words") {
  ExecActuator actuator("chat", shell("echo first >&2; echo no quota left >&2; exit 4"));
  const auto there = actuator.set(wish);
  REQUIRE(!there);
  CHECK(there.error().message == "/bin/sh ended with exit status 4: no quota left");
  CHECK(there.error().may_retry == MayRetry::Yes);
}

TEST_CASE("a command that takes too long is killed, with what it started") {
  ExecSettings settings = shell("sleep 1000 & sleep 1000");
  settings.timeout = 100ms;
  const Instant began = monotonic_now();
  const auto there = ExecActuator("chat", settings).set(wish);
  REQUIRE(!there);
  CHECK(there.error().message.find("was killed") != std::string::npos);
  CHECK(monotonic_now() - began < 10s);
}

TEST_CASE("no more of a command's output is kept than allowed, and it may write on") {
  const auto end = run_command({.words = {"/bin/sh", "-c", "head -c 3000000 /dev/zero; head -c 100000 /dev/zero >&2; echo end >&2"}}, 20s);
  REQUIRE(end);
  CHECK(end->succeeded);
  CHECK(end->output.size() == OutputBytesMax);
  CHECK(end->errors.size() <= 1024);
  CHECK(end->errors.ends_with("end\n"));
}

TEST_CASE("a command that closes its outputs is waited for without work") {
  const std::clock_t before = std::clock();
  const auto end = run_command({.words = {"/bin/sh", "-c", "exec >&- 2>&-; sleep 0.5"}}, 20s);
  REQUIRE(end);
  CHECK(end->succeeded);
  CHECK(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC < 0.25);  // of the CPU; looking again and again takes the half second
}

TEST_CASE("a command that prints without end is killed in time") {
  const Instant began = monotonic_now();
  const auto end = run_command({.words = {"/bin/sh", "-c", "yes & yes & yes"}}, 200ms);
  REQUIRE(!end);
  CHECK(end.error().message.find("was killed") != std::string::npos);
  CHECK(monotonic_now() - began < 10s);
}

TEST_CASE("a command's end counts, not that of what it leaves behind") {
  const Instant began = monotonic_now();
  const auto end = run_command({.words = {"/bin/sh", "-c", "sleep 1000 & echo done"}}, 20s);
  REQUIRE(end);
  CHECK(end->output == "done\n");
  CHECK(monotonic_now() - began < 10s);
}

}  // namespace evener::actuators
