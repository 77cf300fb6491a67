#include "evener/actuators/child.h"

#include <csignal>
#include <thread>

#include <doctest/doctest.h>

#include "evener/actuators/testing/programs.h"
#include "evener/base/files.h"

namespace evener::actuators {
namespace {

using namespace testing;

ChildCommand shell(const std::string& script) { return {.words = {"/bin/sh", "-c", script}}; }

bool alive(pid_t pid) { return ::kill(pid, 0) == 0; }

std::string text_of(const std::string& file) { return read_file(file, 1000).value_or(""); }

}  // namespace

TEST_CASE("a child that ends says how") {
  for (const auto& [script, how, good] : {std::tuple("exit 0", "exit status 0", true), std::tuple("exit 3", "exit status 3", false),
                                          std::tuple("kill -9 $$", "signal 9", false)}) {
    auto child = Child::start(shell(script));
    REQUIRE(child);
    std::optional<std::string> ended;
    CHECK(comes_true([&] { return (ended = child->ended()).has_value(); }));
    CHECK(ended == how);
    CHECK(child->succeeded() == good);
  }
}

TEST_CASE("a program that cannot be started is an error with the system's reason") {
  const auto missing = Child::start({.words = {"/no/such/program"}});
  REQUIRE(!missing);
  CHECK(missing.error().message == "/no/such/program: No such file or directory");
  const auto nowhere = Child::start({.words = {"/bin/true"}, .directory = "/no/such/folder"});
  CHECK(!nowhere);
  CHECK(!Child::start({}));
}

TEST_CASE("a child has the environment and the folder that it was given, and no descriptor of ours") {
  const TemporaryFolder folder;
  ::setenv("EVENER_TEST_KEPT", "kept", 1);
  ChildCommand command = shell("echo $EVENER_TEST_KEPT $EVENER_TEST_SET $PWD > " + folder.file("seen") + "; ls /proc/self/fd | wc -l >> " +
                               folder.file("seen"));
  command.environment = {{"EVENER_TEST_SET", "set"}};
  command.directory = "/";
  auto child = Child::start(command);
  REQUIRE(child);
  CHECK(comes_true([&] { return child->ended().has_value(); }));
  CHECK(text_of(folder.file("seen")) == "kept set /\n4\n");  // three, and the one of ls
}

TEST_CASE("what a child started ends with it") {
  const TemporaryFolder folder;
  auto child = Child::start(shell("sleep 1000 & echo $! > " + folder.file("pid") + "; sleep 0.05"));
  REQUIRE(child);
  CHECK(comes_true([&] { return child->ended().has_value(); }));
  const pid_t left = std::stoi(text_of(folder.file("pid")));
  CHECK(comes_true([&] { return !alive(left) || text_of("/proc/" + std::to_string(left) + "/stat").find(") Z") != std::string::npos; }));
}

TEST_CASE("a child is told to end when the thread that started it does") {
  const TemporaryFolder folder;
  std::thread([&] {
    auto child = Child::start(shell("trap 'echo told > " + folder.file("end") + "; exit' TERM; echo up > " + folder.file("up") +
                                    "; while :; do sleep 0.01; done"));
    REQUIRE(child);
    CHECK(comes_true([&] { return text_of(folder.file("up")) == "up\n"; }));
    new Child(std::move(*child));  // as with a process that is killed, nobody ends it
  }).join();
  CHECK(comes_true([&] { return text_of(folder.file("end")) == "told\n"; }));
}

}  // namespace evener::actuators
