#include <doctest/doctest.h>

#include <string_view>

#include "evener/protocol/openai.h"

namespace {

using namespace evener::protocol;

TEST_CASE("usage is read in the words of chat and of Responses") {
  const auto chat = read_usage(
      R"({"id":"x","choices":[{"message":{"content":"\"usage\":{\"prompt_tokens\":9}"}}],"usage":{"prompt_tokens":12,"total_tokens":15,)"
      R"("completion_tokens":3,"prompt_tokens_details":{"audio_tokens":0,"cached_tokens":8}}})");
  REQUIRE(chat);
  CHECK(chat->prompt_tokens == 12);
  CHECK(chat->completion_tokens == 3);
  CHECK(chat->cached_tokens == 8);
  const auto responses =
      read_usage(R"({"usage":{"input_tokens":7,"input_tokens_details":{"cached_tokens":1},"output_tokens":2},"output":[]})");
  REQUIRE(responses);
  CHECK(responses->prompt_tokens == 7);
  CHECK(responses->completion_tokens == 2);
  CHECK(responses->cached_tokens == 1);
  const auto embedding = read_usage(R"({"data":[{"embedding":[0.1,-2e-3,3]}],"usage":{"prompt_tokens":5,"total_tokens":5}})");
  REQUIRE(embedding);
  CHECK(embedding->prompt_tokens == 5);
  CHECK(embedding->completion_tokens == 0);
}

TEST_CASE("the usage of a stream's last Responses event is found inside of its response") {
  const auto usage = read_usage(
      R"({"type":"response.completed","sequence_number":9,"response":{"id":"r","output":[],"usage":{"input_tokens":4,"output_tokens":6}}})");
  REQUIRE(usage);
  CHECK(usage->prompt_tokens == 4);
  CHECK(usage->completion_tokens == 6);
}

TEST_CASE("a usage that the client smuggled into the echo of its own request does not count") {
  CHECK_FALSE(read_usage(R"({"tools":[{"usage":{"input_tokens":0,"output_tokens":0}}],"metadata":{"usage":{"prompt_tokens":1}}})"));
  const auto usage = read_usage(
      R"({"tools":[{"usage":{"input_tokens":0}}],"response":{"tools":[{"usage":{"input_tokens":1}}],"usage":{"input_tokens":2}}})");
  REQUIRE(usage);
  CHECK(usage->prompt_tokens == 2);
}

TEST_CASE("an answer without usage, or with one that says nothing, has none") {
  for (const std::string_view body :
       {"", "x", "[]", "{}", R"({"usage":null})", R"({"usage":[]})", R"({"usage":{}})", R"({"usage":{"prompt_tokens":null}})",
        R"({"usage":{"prompt_tokens":"5"}})", R"({"usage":{"prompt_tokens":-5}})", R"({"usage":{"prompt_tokens":1.5}})",
        R"({"usage":{"prompt_tokens":5})", R"({"response":"usage"})", R"({"response":{"usage":null}})"}) {
    CAPTURE(body);
    CHECK_FALSE(read_usage(body));
  }
}

}  // namespace
