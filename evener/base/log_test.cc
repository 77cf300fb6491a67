#include "evener/base/log.h"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

#include <string>

namespace evener::log {
namespace {

constexpr std::int64_t Noon = 1'772'366'400'250'000'000;  // 2026-03-01T12:00:00.250Z

std::string line(Format format, Level level, std::string_view event, Fields fields = {}) {
  std::string out;
  append_line(out, format, Noon, level, event, fields);
  return out;
}

TEST_CASE("an event is one JSON object with time, level, event and its fields by kind") {
  const std::string name = "gpu-1";
  CHECK(line(Format::Json, Level::Info, "endpoint ejected",
             {{"pool", "chat"}, {"endpoint", name}, {"for_s", 10.5}, {"count", 3U}, {"delta", -2}, {"panic", true}}) ==
        R"({"time":"2026-03-01T12:00:00.250Z","level":"info","event":"endpoint ejected","pool":"chat","endpoint":"gpu-1","for_s":10.5,"count":3,"delta":-2,"panic":true})"
        "\n");
}

TEST_CASE("for people an event is one line of text with its fields behind it") {
  CHECK(line(Format::Text, Level::Warn, "name not resolved", {{"endpoint", "gpu-1"}, {"error", "no such host"}, {"empty", ""}, {"n", 2}}) ==
        "2026-03-01T12:00:00.250Z warn  name not resolved                endpoint=gpu-1 error=\"no such host\" empty=\"\" n=2\n");
  CHECK(line(Format::Text, Level::Error, "stopped") == "2026-03-01T12:00:00.250Z error stopped\n");
  CHECK(line(Format::ColouredText, Level::Error, "stopped") == "2026-03-01T12:00:00.250Z \x1b[31merror\x1b[0m stopped\n");
}

TEST_CASE("what comes from outside cannot begin a new line nor steer the terminal") {
  CHECK(line(Format::Text, Level::Info, "e\n\x1b", {{"v", "a\nb\x1b[2J"}}).find("e??") != std::string::npos);
  CHECK(line(Format::Text, Level::Info, "e", {{"v", "a\nb\x1b[2J"}}).find("v=\"a\\nb\\u001b[2J\"\n") != std::string::npos);
  CHECK(line(Format::Json, Level::Info, "e", {{"v", "a\n\xFF"}}).find("\"v\":\"a\\n\xEF\xBF\xBD\"") != std::string::npos);
}

TEST_CASE("long texts are cut") {
  const std::string out = line(Format::Json, Level::Info, "e", {{"v", std::string(TextBytesMax - 1, 'x') + "\xC3\xA9tail"}});
  CHECK(out.find("tail") == std::string::npos);
  CHECK(out.find(std::string(TextBytesMax - 1, 'x') + "\"") != std::string::npos);
}

TEST_CASE("events below the level are not written") {
  CHECK(enabled(Level::Info));
  CHECK(!enabled(Level::Debug));
  set_level(Level::Error);
  CHECK(!enabled(Level::Warn));
  set_level(Level::Info);
}

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() {
    REQUIRE(::pipe(ends) == 0);
    REQUIRE(::fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
  }
  ~Pipe() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  [[nodiscard]] std::string take_all() const {
    std::string out;
    char block[4096];
    for (ssize_t n = 0; (n = ::read(ends[0], block, sizeof block)) > 0;) out.append(block, static_cast<std::size_t>(n));
    return out;
  }
};

TEST_CASE("a reader that stopped reading costs lines, not time, and lines are whole again when it is back") {
  Pipe pipe;
  LineSink sink(pipe.ends[1]);
  const std::string short_line(999, 'a');
  int written = 0;
  while (sink.put(short_line + "\n") == LineSink::Outcome::Written) ++written;
  CHECK(written > 0);
  CHECK(sink.put("lost\n") == LineSink::Outcome::Dropped);
  const std::string before = pipe.take_all();
  CHECK(before.size() == static_cast<std::size_t>(written) * 1000);
  CHECK(sink.put("back\n") == LineSink::Outcome::Written);
  CHECK(pipe.take_all() == "back\n");
}

TEST_CASE("a line that was cut off is ended before the next begins") {
  Pipe pipe;
  LineSink sink(pipe.ends[1]);
  const std::string huge(1U << 20, 'b');  // more than a pipe holds
  CHECK(sink.put(huge + "\n") == LineSink::Outcome::Dropped);
  CHECK(sink.put("still stuck\n") == LineSink::Outcome::Dropped);
  const std::string part = pipe.take_all();
  CHECK(part.find('\n') == std::string::npos);
  CHECK(sink.put("next\n") == LineSink::Outcome::Written);
  CHECK(pipe.take_all() == "\nnext\n");
}

}  // namespace
}  // namespace evener::log
