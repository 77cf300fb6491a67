#include "evener/protocol/continued_stream.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace evener::protocol {
namespace {

constexpr auto Chat = Operation::ChatCompletions;
using Missing = ContinuedStream::Missing;

std::string pass(ContinuedStream& stream, std::string_view bytes) {
  SseCutter cutter;
  cutter.feed(bytes);
  std::string out;
  while (const auto event = cutter.next()) out += stream.pass(*event);
  return out;
}

std::string chunk(std::string_view id, std::string_view choice, std::string_view more = "") {
  return "data: {\"id\":\"" + std::string(id) + R"(","created":)" + (id == "a" ? "1" : "2") + R"(,"model":"of )" + std::string(id) +
         R"(","choices":[{"index":0,)" + std::string(choice) + "}]" + std::string(more) + "}\n\n";
}
std::string text(std::string_view id, std::string_view content) {
  return chunk(id, "\"delta\":{\"content\":\"" + std::string(content) + "\"}");
}
std::string role(std::string_view id) { return chunk(id, R"("delta":{"role":"assistant","content":""})"); }
std::string end(std::string_view id) { return chunk(id, R"("delta":{},"finish_reason":"stop")"); }

TEST_CASE("events of the first engine pass as they are, and their text is collected as written") {
  ContinuedStream stream(Chat);
  const std::string bytes = role("a") + text("a", R"(Hello\n)") + ": ping\n\n" + text("a", R"(\u00e9 w)");
  CHECK(pass(stream, bytes) == bytes);
  CHECK(stream.text() == R"(Hello\n\u00e9 w)");
  CHECK(stream.tokens() == 2);
  CHECK(stream.continuable());
}

TEST_CASE("events of the next engine carry the names of the first, and its role is left out") {
  ContinuedStream stream(Chat);
  (void)pass(stream, role("a") + text("a", "one"));
  stream.resume();
  CHECK(pass(stream, role("b") + ": ping\n\n" + text("b", " two") + end("b") + "data: [DONE]\n\n") ==
        ": ping\n\n" + text("a", " two") + end("a") + "data: [DONE]\n\n");
  CHECK(stream.text() == "one two");
  CHECK(stream.tokens() == 2);
  CHECK(stream.tokens_before() == 1);
}

TEST_CASE("usage adds up to that of one request, over several engines") {
  const auto usage = [](std::string_view id, int prompt, int completion, int cached) {
    return "data: {\"id\":\"" + std::string(id) + R"(","choices":[],"usage":{"prompt_tokens":)" + std::to_string(prompt) +
           R"(,"total_tokens":)" + std::to_string(prompt + completion) + R"(,"completion_tokens":)" + std::to_string(completion) +
           R"(,"prompt_tokens_details":{"cached_tokens":)" + std::to_string(cached) + "}}}\n\n";
  };
  ContinuedStream stream(Chat);
  (void)pass(stream, text("a", "1") + text("a", "2") + text("a", "3"));
  stream.resume();
  (void)pass(stream, text("b", "4"));
  stream.resume();
  CHECK(stream.tokens_before() == 4);
  CHECK(pass(stream, text("c", "5") + usage("c", 24, 1, 16)) == text("a", "5") + usage("a", 20, 5, 16));
  CHECK(pass(stream, usage("c", 24, 1, 23)) == usage("a", 20, 5, 20));
}

TEST_CASE("an engine that counts in each event is believed, and its counts go on where those of the first ended") {
  const auto counted = [](std::string_view id, std::string_view content, int prompt, int completion) {
    return chunk(id, "\"delta\":{\"content\":\"" + std::string(content) + "\"}",
                 R"(,"usage":{"prompt_tokens":)" + std::to_string(prompt) + R"(,"completion_tokens":)" + std::to_string(completion) + "}");
  };
  ContinuedStream stream(Chat);
  (void)pass(stream, counted("a", "one two", 10, 3));
  CHECK(stream.tokens() == 3);
  stream.resume();
  CHECK(pass(stream, counted("b", " three", 13, 1)) == counted("a", " three", 10, 4));
  CHECK(stream.tokens() == 4);
}

TEST_CASE("an answer with more than text is passed on and not continued") {
  for (const std::string_view choice : {R"("delta":{"reasoning_content":"hm"})", R"("delta":{"tool_calls":[{"index":0}]})",
                                        R"("delta":{"content":"a"},"logprobs":{"content":[]})", R"("delta":{},"finish_reason":"stop")"}) {
    CAPTURE(choice);
    ContinuedStream stream(Chat);
    CHECK(pass(stream, text("a", "one") + chunk("a", choice)) == text("a", "one") + chunk("a", choice));
    CHECK_FALSE(stream.continuable());
  }
  for (const std::string_view event : {"data: {\"error\":{}}\n\n", "data: hello\n\n", "data: a\ndata: b\n\n"}) {
    ContinuedStream stream(Chat);
    CHECK(pass(stream, event) == event);
    CHECK_FALSE(stream.continuable());
  }
}

TEST_CASE("of a text that has become too long nothing is kept") {
  ContinuedStream stream(Chat);
  const std::string piece(ContinuedStream::TextBytesMax / 4, 'x');
  for (int i = 0; i < 4; ++i) (void)pass(stream, text("a", piece));
  CHECK(stream.continuable());
  (void)pass(stream, text("a", "x"));
  CHECK_FALSE(stream.continuable());
  CHECK(stream.text().empty());
}

TEST_CASE("names that are too long are not carried over") {
  ContinuedStream stream(Chat);
  (void)pass(stream, text(std::string(ContinuedStream::NameBytesMax, 'x'), "one"));
  stream.resume();
  CHECK(pass(stream, text("b", " two")).find("\"id\":\"b\"") != std::string::npos);
}

TEST_CASE("a stream that lacks only its end is ended here, unless usage is missing that only the engine knows") {
  ContinuedStream stream(Chat);
  (void)pass(stream, text("a", "one"));
  CHECK_FALSE(stream.ending(Missing::Tokens, false));
  CHECK_FALSE(stream.ending(Missing::OnlyTheEnd, true));
  CHECK(
      stream.ending(Missing::OnlyTheEnd, false) ==
      R"(data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"of a","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}]})"
      "\n\ndata: [DONE]\n\n");
  (void)pass(stream, end("a"));
  CHECK(stream.ending(Missing::Tokens, false) == "data: [DONE]\n\n");
  CHECK_FALSE(stream.ending(Missing::Tokens, true));
  (void)pass(stream, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n");
  CHECK(stream.ending(Missing::Tokens, true) == "data: [DONE]\n\n");
  (void)pass(stream, "data: [DONE]\n\n");
  CHECK(stream.ending(Missing::Tokens, true) == "");
}

TEST_CASE("completions are followed by their text") {
  ContinuedStream stream(Operation::Completions);
  (void)pass(stream, chunk("a", R"("text":"one")"));
  CHECK(stream.text() == "one");
  CHECK(stream.ending(Missing::OnlyTheEnd, false)->find(R"("object":"text_completion")") != std::string::npos);
  stream.resume();
  CHECK(pass(stream, chunk("b", R"("text":" two","finish_reason":"length")")) == chunk("a", R"("text":" two","finish_reason":"length")"));
}

}  // namespace
}  // namespace evener::protocol
