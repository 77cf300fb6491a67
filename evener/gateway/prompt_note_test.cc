#include "evener/gateway/prompt_note.h"

#include <doctest/doctest.h>

#include <string>

using namespace evener;
using namespace evener::gateway;

namespace {

std::string chat(const std::string& text, const std::string& more = {}) {
  return R"({"model":"m","messages":[{"role":"user","content":")" + text + R"("}])" + more + "}" + std::string(protocol::JsonPadding, ' ');
}

struct Read {
  PromptNote note;
  route::RequestView view;
};
Read read(const std::string& body, const RequestRules& rules, ModelEstimates& estimates, std::uint64_t salt = 1,
          protocol::Operation operation = protocol::Operation::ChatCompletions) {
  Read out;
  const auto request = protocol::read_openai_request(body);
  REQUIRE(request);
  out.view.model = 5;
  note_prompt(out.note, out.view, rules, salt, estimates, operation, *request, body);
  return out;
}

const RequestRules Blocks{.tokens = true, .blocks = true, .block_bytes = 256};
const RequestRules TokensOnly{.tokens = true, .blocks = false, .block_bytes = 256};

}  // namespace

TEST_CASE("a prompt is counted in tokens, and its blocks hold about their share of them") {
  ModelEstimates estimates;
  const Read one = read(chat(std::string(4096, 'x')), Blocks, estimates);
  CHECK(one.view.prompt_tokens > 300);
  REQUIRE(one.view.blocks.size() >= 15);
  CHECK(one.view.blocks.size() <= 17);
  const double covered = static_cast<double>(one.view.block_tokens) * static_cast<double>(one.view.blocks.size());
  CHECK(covered > 0.85 * one.view.prompt_tokens);
  CHECK(covered < 1.05 * one.view.prompt_tokens);
  CHECK(one.view.output_tokens > 0);
}

TEST_CASE("other salts give other blocks, and without blocks only tokens are counted") {
  ModelEstimates estimates;
  const std::string body = chat(std::string(1000, 'x'));
  const Read one = read(body, Blocks, estimates, 1), same = read(body, Blocks, estimates, 1), other = read(body, Blocks, estimates, 2);
  CHECK(one.note.blocks == same.note.blocks);
  CHECK(one.note.blocks != other.note.blocks);
  CHECK(read(body, TokensOnly, estimates).view.blocks.empty());
  CHECK(read(body, TokensOnly, estimates).view.prompt_tokens > 0);
}

TEST_CASE("the bound of the answer counts for what is expected, and an embedding has no answer") {
  ModelEstimates estimates;
  CHECK(read(chat("hi", R"(,"max_tokens":3)"), TokensOnly, estimates).view.output_tokens <= 3);
  const std::string embedding = R"({"model":"m","input":"hello"})" + std::string(protocol::JsonPadding, ' ');
  CHECK(read(embedding, TokensOnly, estimates, 1, protocol::Operation::Embeddings).view.output_tokens == 1);
}

TEST_CASE("pictures are seen") {
  ModelEstimates estimates;
  const std::string body =
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://h/i.png"}}]}]})" +
      std::string(protocol::JsonPadding, ' ');
  CHECK((read(body, TokensOnly, estimates).view.modalities & route::Image) != 0);
  CHECK(read(chat("hi"), TokensOnly, estimates).view.modalities == route::Text);
}

TEST_CASE("the engine's word goes before what was seen, and cached tokens that it does not report stay unknown") {
  route::RequestView view;
  view.prompt_tokens = 100;
  const AnswerTokens said{.usage = protocol::Usage{.prompt_tokens = 90, .completion_tokens = 7}, .events = 30};
  CHECK(token_usage(view, said)->prompt_tokens == 90);
  CHECK(token_usage(view, said)->output_tokens == 7);
  CHECK(!token_usage(view, said)->cached_tokens);
  const AnswerTokens with_cache{
      .usage = protocol::Usage{.prompt_tokens = 90, .completion_tokens = 7, .cached_tokens = 0, .cached_reported = true}};
  CHECK(token_usage(view, with_cache)->cached_tokens == 0U);
  CHECK(token_usage(view, {.usage = {}, .events = 30})->output_tokens == 30);
  CHECK(token_usage(view, {.usage = {}, .events = 30})->prompt_tokens == 100);
  CHECK(!token_usage(view, {}));
}

TEST_CASE("an answer's usage makes the next estimates better") {
  ModelEstimates estimates;
  const std::string body = chat(std::string(2000, 'x'));
  const std::uint32_t before = read(body, TokensOnly, estimates).view.prompt_tokens;
  for (int i = 0; i < 30; ++i) {
    const Read one = read(body, TokensOnly, estimates);
    learn_from(one.note, one.view.model, {.usage = protocol::Usage{.prompt_tokens = before * 2, .completion_tokens = 5}}, estimates);
  }
  const Read after = read(body, TokensOnly, estimates);
  CHECK(after.view.prompt_tokens > before * 17 / 10);
  CHECK(after.view.output_tokens < 100);
}

TEST_CASE("a stream without usage teaches the length of answers by its events, and nothing of prompts") {
  ModelEstimates estimates;
  const std::string body = chat("hello", R"(,"stream":true)");
  const std::uint32_t before = read(body, TokensOnly, estimates).view.prompt_tokens;
  for (int i = 0; i < 50; ++i) {
    const Read one = read(body, TokensOnly, estimates);
    learn_from(one.note, one.view.model, {.usage = {}, .events = 2000}, estimates);
  }
  CHECK(read(body, TokensOnly, estimates).view.prompt_tokens == before);
  CHECK(read(body, TokensOnly, estimates).view.output_tokens > 1000);
}
