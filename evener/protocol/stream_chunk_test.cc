#include "evener/protocol/stream_chunk.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace evener::protocol {
namespace {

std::string chunk_of(std::string_view choices) {
  return R"({"id":"c1","object":"chat.completion.chunk","created":5,"model":"m","choices":)" + std::string(choices) + "}";
}
bool brings_content(std::string_view choices) { return read_stream_chunk(chunk_of(choices)).content; }

TEST_CASE("a role, empty strings and nulls are no content") {
  for (const std::string_view choices :
       {R"([{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}])",
        R"([{"delta":{"role":"assistant"}}])",
        R"([{"delta":{"role":"assistant","content":null,"tool_calls":[],"refusal":null,"function_call":{ }}}])", R"([ { "delta" : { } } ])",
        R"([{"index":0,"text":"","finish_reason":null}])", R"([])"}) {
    CAPTURE(choices);
    CHECK_FALSE(brings_content(choices));
  }
  CHECK_FALSE(read_stream_chunk(R"({"choices":[],"usage":null,"prompt_filter_results":[{"x":1}]})").content);
  // vLLM's continuous_usage_stats counts in each chunk, also in that of the role.
  CHECK_FALSE(
      read_stream_chunk(R"({"choices":[{"delta":{"role":"assistant","content":""}}],"usage":{"prompt_tokens":9,"completion_tokens":0}})")
          .content);
}

TEST_CASE("text, reasoning, tool calls, refusals, ends and usage at the end are content") {
  for (const std::string_view choices :
       {R"([{"delta":{"content":"a"}}])", R"([{"delta":{"content":" "}}])", R"([{"delta":{"reasoning_content":"hm"}}])",
        R"([{"delta":{"reasoning":"hm"}}])", R"([{"delta":{"tool_calls":[{"index":0}]}}])", R"([{"delta":{"function_call":{"name":"f"}}}])",
        R"([{"delta":{"refusal":"no"}}])", R"([{"delta":{},"finish_reason":"stop"}])", R"([{"text":"a"}])",
        R"([{"delta":{"content":""}},{"index":1,"delta":{"content":"b"}}])"}) {
    CAPTURE(choices);
    CHECK(brings_content(choices));
  }
  CHECK(read_stream_chunk(R"({"choices":[],"usage":{"prompt_tokens":1}})").content);
}

TEST_CASE("what is not understood is content, so that nothing is held back for not being known") {
  for (const std::string_view data :
       {"", "hello", "{", "[]", "{}", R"({"choices":null})", R"({"choices":7})", R"({"choices":[7]})", R"({"choices":[{}]})",
        R"({"choices":[{"delta":"x"}]})", R"({"error":{"message":"no"}})", R"({"choices":[],"error":"no"})",
        R"({"type":"response.output_text.delta","delta":"a"})", R"({"object":"error","message":"no"})"}) {
    CAPTURE(data);
    CHECK(read_stream_chunk(data).content);
    CHECK_FALSE(read_stream_chunk(data).text_only);
  }
}

TEST_CASE("text and what names the answer are found as they are written") {
  const std::string data =
      R"({"id":"c\"1","created": 5 ,"model":"m","choices":[{"index":0,"delta":{"content":"a\n\u00e9"},"finish_reason":"length"}],"usage":{"a":1}})";
  const StreamChunk chunk = read_stream_chunk(data);
  CHECK(chunk.text_only);
  CHECK(chunk.finished);
  CHECK(chunk.text == R"(a\n\u00e9)");
  CHECK(chunk.id == R"("c\"1")");
  CHECK(chunk.created == "5");
  CHECK(chunk.model == R"("m")");
  CHECK(chunk.usage == R"({"a":1})");
}

TEST_CASE("an answer with more than the text of one choice is not told by its text") {
  for (const std::string_view choices :
       {R"([{"index":1,"delta":{"content":"a"}}])", R"([{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{}}])",
        R"([{"index":0,"delta":{"content":"a"},"logprobs":{"content":[]}}])", R"([{"index":0,"delta":{"tool_calls":[{}]}}])",
        R"([{"index":0,"delta":{"content":[{"type":"text"}]}}])", R"([{"index":0,"delta":{"reasoning_content":"hm"}}])"}) {
    CAPTURE(choices);
    CHECK_FALSE(read_stream_chunk(chunk_of(choices)).text_only);
  }
}

}  // namespace
}  // namespace evener::protocol
