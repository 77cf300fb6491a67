#include "evener/protocol/continuation.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace evener::protocol {
namespace {

constexpr auto Chat = Operation::ChatCompletions;
constexpr auto Text = Operation::Completions;

std::optional<ContinuedBody> continued(Operation operation, const std::string& body, std::string_view text, std::uint64_t tokens) {
  const auto request = read_openai_request(body);
  REQUIRE(request);
  const auto where = read_continuable(operation, *request, body);
  if (!where || !tokens_left(*where, tokens)) return std::nullopt;
  return continue_body(*where, body, request->model_value, text, tokens);
}

bool continuable(Operation operation, const std::string& body) { return continued(operation, body, "x", 1).has_value(); }

std::string chat_with(std::string_view members) {
  return R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}])" + std::string(members) + "}";
}

TEST_CASE("a chat is continued from a last message of the assistant, and nothing else changes but its bounds") {
  const auto body = continued(
      Chat,
      R"({ "max_tokens":100, "messages": [ {"role":"user","content":"]}"} ] ,"x":[1, 2],"model":"m","stream":true,"max_completion_tokens" : 90})",
      R"(a\n\u00e9)", 7);
  REQUIRE(body);
  CHECK(
      body->bytes ==
      R"({"continue_final_message":true,"add_generation_prompt":false, "max_tokens":93, "messages": [ {"role":"user","content":"]}"} ,{"role":"assistant","content":"a\n\u00e9"}] ,"x":[1, 2],"model":"m","stream":true,"max_completion_tokens" : 83})");
  CHECK(body->bytes.substr(body->model_value.offset, body->model_value.length) == "\"m\"");
  const auto read = read_openai_request(body->bytes);
  REQUIRE(read);
  CHECK(read->output_tokens_max == 83);
}

TEST_CASE("a completion is continued from its prompt with the text behind it") {
  const auto body =
      continued(Text, R"({"model":"m","prompt":"Once\" upon","stream":true,"max_tokens":10,"min_tokens":4,"seed":1})", " a time", 6);
  REQUIRE(body);
  CHECK(body->bytes == R"({"model":"m","prompt":"Once\" upon a time","stream":true,"max_tokens":4,"min_tokens":0,"seed":1})");
}

TEST_CASE("the model's place is right whatever is before and behind it") {
  for (const std::string body : {R"({"model":"long name","max_tokens":1000,"stream":true,"messages":[{}]})",
                                 R"({"max_tokens":1000,"stream":true,"model":"long name","messages":[{}]})",
                                 R"({"messages":[{}],"stream":true,"max_tokens":1000,"model":"long name"})"}) {
    const auto continuation = continued(Chat, body, "text", 999);
    REQUIRE(continuation);
    CHECK(continuation->bytes.substr(continuation->model_value.offset, continuation->model_value.length) == "\"long name\"");
  }
}

TEST_CASE("when no token may follow there is nothing to ask for") {
  CHECK_FALSE(continued(Chat, chat_with(R"(,"max_tokens":5)"), "x", 5));
  CHECK_FALSE(continued(Chat, chat_with(R"(,"max_tokens":50,"max_completion_tokens":5)"), "x", 9));
  CHECK(continued(Chat, chat_with(R"(,"max_tokens":5)"), "x", 4));
  CHECK(continued(Chat, chat_with(R"(,"max_tokens":null)"), "x", 4));
  CHECK(continued(Chat, chat_with(R"(,"max_tokens":-1)"), "x", 4));
}

TEST_CASE("only streams of one choice of plain text are continued") {
  CHECK(continuable(Chat, chat_with("")));
  CHECK(continuable(Chat, chat_with(R"(,"n":1,"logprobs":false,"response_format":{"type":"text"},"suffix":null,"tools":[{}])")));
  CHECK_FALSE(continuable(Operation::Responses, chat_with("")));
  CHECK_FALSE(continuable(Operation::Embeddings, chat_with("")));
  CHECK_FALSE(continuable(Chat, R"({"model":"m","messages":[{"role":"user"}]})"));
  CHECK_FALSE(continuable(Chat, R"({"model":"m","stream":true,"messages":[]})"));
  CHECK_FALSE(continuable(Chat, R"({"model":"m","stream":true,"prompt":"x"})"));
  for (const std::string_view members :
       {R"(,"n":2)", R"(,"logprobs":true)", R"(,"top_logprobs":3)", R"(,"response_format":{"type":"json_object"})",
        R"(,"response_format":{})", R"(,"structured_outputs":{"json":{}})", R"(,"guided_json":{})", R"(,"grammar":"root ::= x")",
        R"(,"continue_final_message":true)", R"(,"add_generation_prompt":true)", R"(,"audio":{})", R"(,"ech\u006f":true)"}) {
    CAPTURE(members);
    CHECK_FALSE(continuable(Chat, chat_with(members)));
  }
  CHECK_FALSE(continuable(Text, R"({"model":"m","stream":true,"prompt":[1,2,3]})"));
  CHECK_FALSE(continuable(Text, R"({"model":"m","stream":true,"prompt":["a"]})"));
  CHECK_FALSE(continuable(Text, R"({"model":"m","stream":true,"prompt":"a","echo":true})"));
  CHECK_FALSE(continuable(Text, R"({"model":"m","stream":true,"prompt":"a","suffix":"z"})"));
  CHECK_FALSE(continuable(Text, R"({"model":"m","stream":true,"prompt":"a","logprobs":1})"));
}

}  // namespace
}  // namespace evener::protocol
