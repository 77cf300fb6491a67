#include "evener/load/answer_reader.h"

#include <doctest/doctest.h>

#include "tests/for_each_seed.h"

namespace evener::load {
namespace {

const std::string Chat =
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}],\"usage\":null}\n\n"
    ": ping\n\n"
    "data:{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\n"
    "data: {\"choices\":[{\"delta\":{\"content\":\" [DONE]\"}}]}\n\n"
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":7,\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\n"
    "data: [DONE]\n\n";

TEST_CASE("a chat stream has its content events counted, its usage read and its end seen, however its bytes are split") {
  for_each_seed(200, [](Rng& rng) {
    StreamReader reader;
    std::uint32_t content = 0;
    for (std::size_t at = 0; at < Chat.size();) {
      const std::size_t length = std::min<std::size_t>(Chat.size() - at, 1 + rng.below(30));
      REQUIRE((!reader.done() || at + 1 == Chat.size()));
      content += reader.feed(std::string_view(Chat).substr(at, length));
      at += length;
    }
    REQUIRE(content == 2);
    REQUIRE(reader.done());
    REQUIRE(reader.failure() == Failure::None);
    REQUIRE(reader.tokens().output_tokens == 7);
    REQUIRE(reader.tokens().cached_tokens == 4);
  });
}

TEST_CASE("completions and the Responses API are read, too") {
  StreamReader reader;
  CHECK(reader.feed("data: {\"choices\":[{\"text\":\"a\"}]}\n\ndata: {\"choices\":[{\"text\":\"\"}]}\n\n") == 1);
  reader.reset();
  CHECK(reader.feed("event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n") == 1);
  CHECK(!reader.done());
  CHECK(reader.feed("event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"output_tokens\":3}}}\n\n") == 0);
  CHECK(reader.done());
  CHECK(reader.tokens().output_tokens == 3);
}

TEST_CASE("an error event and an event that is not JSON are told apart, and end the reading") {
  StreamReader reader;
  reader.feed("data: {\"error\":{\"message\":\"x\"}}\n\ndata: [DONE]\n\n");
  CHECK(reader.failure() == Failure::StreamError);
  CHECK(!reader.done());
  reader.reset();
  reader.feed("data: hello\n\n");
  CHECK(reader.failure() == Failure::Malformed);
}

TEST_CASE("a line beyond the limit makes the answer malformed instead of growing") {
  StreamReader reader;
  const std::string piece(100'000, 'x');
  for (int i = 0; i < 20; ++i) reader.feed(piece);
  CHECK(reader.failure() == Failure::Malformed);
}

TEST_CASE("a whole answer gives its usage, but an error object or other text is no answer") {
  const auto tokens = read_whole_answer(R"({"choices":[],"usage":{"completion_tokens":5}})");
  REQUIRE(tokens);
  CHECK(tokens->output_tokens == 5);
  CHECK(read_whole_answer("{}"));
  CHECK(!read_whole_answer(R"({"error":{"message":"x"}})"));
  CHECK(!read_whole_answer("<html>"));
}

}  // namespace
}  // namespace evener::load
