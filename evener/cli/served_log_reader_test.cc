#include "evener/cli/served_log_reader.h"

#include <doctest/doctest.h>

#include <string>

namespace evener::cli {
namespace {

using namespace std::chrono_literals;

std::string access_line(std::string_view time, std::string_view rest) {
  return R"({"time":")" + std::string(time) +
         R"(","status":200,"ended":"done","endpoint":"gpu-1","attempts":1,"hedged":null,"preempted":false,"stream":true,)" +
         std::string(rest) + "}\n";
}

TEST_CASE("an access log gives the times that the engine took, without the gateway's queue and connecting") {
  const auto log = read_served_log(
      access_line(
          "2026-11-20T17:54:31.000Z",
          R"("queue_ms":100,"connect_ms":10,"first_token_ms":300,"total_ms":1000,"prompt_tokens":40,"completion_tokens":8,"cached_tokens":16)") +
          access_line(
              "2026-11-20T17:54:30.500Z",
              R"("queue_ms":0,"connect_ms":null,"first_token_ms":200,"total_ms":1000,"prompt_tokens":30,"completion_tokens":9,"cached_tokens":null)"),
      "access.log");
  REQUIRE(log);
  REQUIRE(log->requests.size() == 2);
  CHECK(log->requests[0].arrival == 0ns);  // the second line: it came earlier and ended earlier
  CHECK(log->requests[0].input_tokens == 30);
  CHECK(log->requests[1].arrival == 610ms);
  CHECK(log->requests[1].first_token == 190ms);
  CHECK(log->requests[1].total == 890ms);
  CHECK(log->requests[1].cached_tokens == 16);
}

TEST_CASE("requests that say nothing of the engine's times are passed over and counted") {
  const std::string good = R"("queue_ms":0,"connect_ms":0,"first_token_ms":1,"total_ms":2,"prompt_tokens":4,"completion_tokens":2)";
  const auto log =
      read_served_log(access_line("2026-11-20T17:54:31.000Z", good) + R"({"time":"2026-11-20T17:54:31.000Z","ended":"client_gone"})" +
                          "\n" + access_line("2026-11-20T17:54:31.000Z", R"("queue_ms":0,"first_token_ms":1,"total_ms":2)"),
                      "access.log");
  REQUIRE(log);
  CHECK(log->requests.size() == 1);
  CHECK(log->passed_over == 2);
  CHECK(log->malformed == 0);
}

TEST_CASE("an access log of several endpoints wants one of them named") {
  const std::string rest = R"("queue_ms":0,"first_token_ms":1,"total_ms":2,"prompt_tokens":4,"completion_tokens":2)";
  std::string other = access_line("2026-11-20T17:54:31.000Z", rest);
  other.replace(other.find("gpu-1"), 5, "gpu-2");
  const std::string text = access_line("2026-11-20T17:54:31.000Z", rest) + other;
  CHECK(read_served_log(text, "a.log").error().message ==
        "a.log holds several endpoints, and each is another engine: choose one of gpu-1, gpu-2");
  CHECK(read_served_log(text, "a.log", "gpu-2")->requests.size() == 1);
}

TEST_CASE("CSV is read by the names of its columns, and bad lines are named") {
  const auto log = read_served_log(
      "e2e_s,arrival_s,model,input_tokens,output_tokens,ttft_s\n"
      "2,1.5,m,10,4,0.5\n"
      "2,1,m,10,0,0.5\n"
      "1,1,m,10,4,1.5\n"
      "1,x,m,10,4,0.5\n"
      "1,1\n",
      "run.csv");
  REQUIRE(log);
  REQUIRE(log->requests.size() == 1);
  CHECK(log->requests.front().first_token == 500ms);
  CHECK(log->malformed == 4);
  CHECK(log->problems == std::vector<std::string>{"run.csv:3: a token count is not a whole number above 0",
                                                  "run.csv:4: ttft_s is above e2e_s", "run.csv:5: a time is not a number of seconds",
                                                  "run.csv:6: 2 fields under a header of 6"});
}

TEST_CASE("what is neither is refused with the column that is missing") {
  CHECK(read_served_log("a,b\n1,2\n", "x").error().message == "x is no access log, and its first line names no column arrival_s");
  CHECK(!read_served_log("", "x"));
  const auto json = read_served_log("{\"timestamp\":1}\n", "x");
  REQUIRE(json);
  CHECK(json->problems == std::vector<std::string>{"x:1: has no member ended: this is no access log"});
}

}  // namespace
}  // namespace evener::cli
