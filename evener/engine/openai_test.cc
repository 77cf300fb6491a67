#include <doctest/doctest.h>
#include <simdjson.h>

#include <string>

#include "evener/engine/openai_answer.h"
#include "evener/engine/openai_request.h"

namespace evener::engine {
namespace {

std::string refusal(ApiKind kind, std::string_view body) {
  const auto request = read_api_request(kind, body);
  return request ? "accepted" : request.error().message;
}

bool is_json(const std::string& text) {
  simdjson::dom::parser parser;
  return parser.parse(text).error() == simdjson::SUCCESS;
}

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST_CASE("a chat request gives model, stream, limits and a prompt of four bytes per token from all its messages") {
  const auto request = read_api_request(ApiKind::Chat,
                                        R"({"model":"m","stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":7,
      "messages":[{"role":"system","content":"12345678"},{"role":"user","content":[{"type":"text","text":"abcd"},
      {"type":"image_url","image_url":{"url":"data:xyz"}}]},{"role":"assistant","content":null}],"unknown":{"x":[]}})");
  REQUIRE(request);
  CHECK(request->model == "m");
  CHECK(request->stream);
  CHECK(request->include_usage);
  CHECK(request->output_tokens_max == 7);
  CHECK(request->prompt_bytes == 20);
  CHECK(request->prompt_tokens() == 5);
}

TEST_CASE("completions take a string, one string in a list, or token ids") {
  CHECK(read_api_request(ApiKind::Completion, R"({"model":"m","prompt":"12345"})")->prompt_tokens() == 2);
  CHECK(read_api_request(ApiKind::Completion, R"({"model":"m","prompt":["12345"]})")->prompt_tokens() == 2);
  CHECK(read_api_request(ApiKind::Completion, R"({"model":"m","prompt":[1,2,3]})")->prompt_tokens() == 3);
  CHECK(read_api_request(ApiKind::Completion, R"({"model":"m","prompt":[[1,2,3]]})")->prompt_tokens() == 3);
}

TEST_CASE("embeddings count the tokens of each input, and the Responses API takes text or messages") {
  const auto embedding =
      read_api_request(ApiKind::Embedding, R"({"model":"m","input":["12345678","x"],"encoding_format":"base64","dimensions":8})");
  REQUIRE(embedding);
  CHECK(embedding->input_tokens == std::vector<std::uint32_t>{2, 1});
  CHECK(embedding->base64);
  CHECK(embedding->dimensions == 8);
  CHECK(read_api_request(ApiKind::Response, R"({"model":"m","instructions":"abcd","input":"efgh"})")->prompt_tokens() == 2);
  CHECK(read_api_request(ApiKind::Response, R"({"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"efgh"}]}]})")
            ->prompt_tokens() == 1);
}

TEST_CASE("what is not of the API's shape, or not emulated, is refused with a reason") {
  CHECK(refusal(ApiKind::Chat, "{").starts_with("the body is not valid JSON"));
  CHECK(refusal(ApiKind::Chat, "[]") == "the body must be a JSON object");
  CHECK(refusal(ApiKind::Chat, R"({"messages":[]})") == "model must be a string");
  CHECK(refusal(ApiKind::Chat, R"({"model":"m","messages":[]})") == "messages must be a list with at least one message");
  CHECK(refusal(ApiKind::Chat, R"({"model":"m","messages":[{"role":"user","content":5}]})") ==
        "content must be a string or a list of parts");
  CHECK(refusal(ApiKind::Chat, R"({"model":"m","messages":[{"role":"user"}],"max_tokens":0})") ==
        "max_tokens must be a whole number of at least 1");
  CHECK(refusal(ApiKind::Chat, R"({"model":"m","messages":[{"role":"user"}],"n":2})") == "n is 2; only one choice is emulated");
  CHECK(refusal(ApiKind::Completion, R"({"model":"m","prompt":["a","b"]})").starts_with("prompt must hold exactly one prompt"));
  CHECK(refusal(ApiKind::Embedding, R"({"model":"m"})") == "input is missing");
}

TEST_CASE("prompts that begin alike have equal block hashes exactly that far, and another salt shares none") {
  const std::string shared(200, 'a');
  const auto first = prompt_block_hashes(shared + std::string(100, 'b'), "", 16);
  const auto second = prompt_block_hashes(shared + std::string(100, 'c'), "", 16);
  CHECK(first.size() == 4);
  CHECK(first[2] == second[2]);
  CHECK(first[3] != second[3]);
  CHECK(prompt_block_hashes(shared, "s", 16)[0] != first[0]);
}

TEST_CASE("a streamed answer carries the same text as the whole one, and each event is JSON") {
  for (const ApiKind kind : {ApiKind::Chat, ApiKind::Completion, ApiKind::Response}) {
    const AnswerHead head{
        .kind = kind, .id = "1", .model = "m\"x", .created_s = 5, .before = "Hello", .tokens = 12, .include_usage = true, .cut = false};
    AnswerStream stream(head);
    std::string events;
    stream.open(events);
    for (int i = 0; i < 12; ++i) stream.token(events);
    stream.close(events, {.prompt_tokens = 30, .output_tokens = 12, .cached_tokens = 16});

    std::string text;
    std::uint64_t prompt_tokens = 0, cached_tokens = 0;
    simdjson::dom::parser parser;
    for (std::size_t at = events.find("data: "); at != std::string::npos; at = events.find("data: ", at + 1)) {
      const std::string data = events.substr(at + 6, events.find('\n', at) - at - 6);
      if (data == "[DONE]") continue;
      simdjson::dom::element event;
      CAPTURE(data);
      REQUIRE(parser.parse(data).get(event) == simdjson::SUCCESS);
      std::string_view piece, type;
      if (event.at_pointer("/choices/0/delta/content").get(piece) == simdjson::SUCCESS ||
          event.at_pointer("/choices/0/text").get(piece) == simdjson::SUCCESS ||
          (event["type"].get(type) == simdjson::SUCCESS && type == "response.output_text.delta" &&
           event["delta"].get(piece) == simdjson::SUCCESS)) {
        text += piece;
      }
      simdjson::dom::element usage;
      if ((event["usage"].get(usage) == simdjson::SUCCESS && usage.is_object()) ||
          (event.at_pointer("/response/usage").get(usage) == simdjson::SUCCESS && usage.is_object())) {
        const bool responses = kind == ApiKind::Response;
        REQUIRE(usage[responses ? "input_tokens" : "prompt_tokens"].get(prompt_tokens) == simdjson::SUCCESS);
        REQUIRE(usage[responses ? "input_tokens_details" : "prompt_tokens_details"]["cached_tokens"].get(cached_tokens) ==
                simdjson::SUCCESS);
      }
    }
    CHECK(prompt_tokens == 30);
    CHECK(cached_tokens == 16);
    const std::string whole = whole_answer(head, {.prompt_tokens = 30, .output_tokens = 12, .cached_tokens = 16});
    CHECK(is_json(whole));
    CHECK(!text.empty());
    CHECK(whole.find("\"" + text + "\"") != std::string::npos);
    CHECK(events.ends_with("data: [DONE]\n\n") == (kind != ApiKind::Response));
    CHECK(count(events, "\"sequence_number\":") == (kind == ApiKind::Response ? 4 + 12 + 4 : 0));
  }
}

TEST_CASE("an answer goes on from its own beginning as if it had not been interrupted, in chats and completions") {
  const auto words = [](const std::string& before, int count) {
    AnswerText text(before);
    std::string out;
    for (int i = 0; i < count; ++i) out += text.next();
    return out;
  };
  const auto before = [](ApiKind kind, const std::string& body) {
    const auto request = read_api_request(kind, body);
    REQUIRE(request);
    return request->before_answer(kind);
  };
  const std::string chat = before(ApiKind::Chat, R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})");
  const std::string completion = before(ApiKind::Completion, R"({"model":"m","prompt":"Hi"})");
  CHECK(words(chat, 50) != words(completion, 50));
  for (const int delivered : {1, 7, 40}) {
    const std::string begin = words(chat, delivered);
    const std::string continued =
        before(ApiKind::Chat,
               R"({"model":"m","continue_final_message":true,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":")" +
                   begin + "\"}]}");
    CHECK(begin + words(continued, 50 - delivered) == words(chat, 50));
    const std::string text = words(completion, delivered);
    CHECK(text + words(before(ApiKind::Completion, R"({"model":"m","prompt":"Hi)" + text + "\"}"), 50 - delivered) ==
          words(completion, 50));
  }
}

TEST_CASE("a chat that goes on from its last message knows how long that is, and refuses what vLLM refuses") {
  const auto request = read_api_request(
      ApiKind::Chat,
      R"({"model":"m","continue_final_message":true,"add_generation_prompt":false,"messages":[{"role":"assistant","content":" one two"}]})");
  REQUIRE(request);
  CHECK(request->continued_tokens == 2);
  CHECK(
      refusal(
          ApiKind::Chat,
          R"({"model":"m","continue_final_message":true,"add_generation_prompt":true,"messages":[{"role":"assistant","content":"x"}]})") ==
      "continue_final_message and add_generation_prompt cannot both be true");
  CHECK(refusal(ApiKind::Chat, R"({"model":"m","continue_final_message":true,"messages":[{"role":"user","content":"x"}]})")
            .starts_with("continue_final_message needs a last message of the assistant"));
}

TEST_CASE("without include_usage a stream has no usage at all, and a cut answer says length") {
  const AnswerHead head{
      .kind = ApiKind::Chat, .id = "1", .model = "m", .created_s = 5, .before = "Hi", .tokens = 1, .include_usage = false, .cut = true};
  AnswerStream stream(head);
  std::string events;
  stream.open(events);
  stream.token(events);
  stream.close(events, {});
  CHECK(events.find("usage") == std::string::npos);
  CHECK(events.find("\"finish_reason\":\"length\"") != std::string::npos);
}

TEST_CASE("embeddings are unit vectors, as numbers or as base64 of the same floats") {
  ApiRequest request;
  request.model = "m";
  request.input_tokens = {3, 4};
  const std::string numbers = embedding_answer(request, 7, 5);
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  REQUIRE(parser.parse(numbers).get(root) == simdjson::SUCCESS);
  double squares = 0;
  for (const double component : simdjson::dom::array(root.at_pointer("/data/1/embedding"))) squares += component * component;
  CHECK(squares == doctest::Approx(1).epsilon(1e-5));
  std::uint64_t total = 0;
  REQUIRE(root.at_pointer("/usage/total_tokens").get(total) == simdjson::SUCCESS);
  CHECK(total == 7);

  request.base64 = true;
  const std::string encoded = embedding_answer(request, 7, 5);
  std::string_view text;
  REQUIRE(parser.parse(encoded).get(root) == simdjson::SUCCESS);
  REQUIRE(root.at_pointer("/data/0/embedding").get(text) == simdjson::SUCCESS);
  CHECK(text.size() == 28);  // 20 bytes
  CHECK(text.ends_with("="));
  CHECK(!text.ends_with("=="));
}

TEST_CASE("an error has all four members") {
  CHECK(engine_error(404, "NotFoundError", "no \"x\"", "model") ==
        R"({"error":{"message":"no \"x\"","type":"NotFoundError","param":"model","code":404}})");
  CHECK(engine_error(500, "T", "m").find("\"param\":null") != std::string::npos);
}

}  // namespace
}  // namespace evener::engine
