#include "evener/protocol/openai.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace {

using namespace evener;
using namespace evener::protocol;
using namespace std::string_view_literals;

OpenAiRequest accepted(std::string_view body) {
  auto request = read_openai_request(body);
  CAPTURE(body);
  REQUIRE(request);
  return *request;
}

std::string refusal(std::string_view body) {
  const auto request = read_openai_request(body);
  if (request) return "accepted";
  CHECK(request.error().fault == Fault::Client);
  CHECK(request.error().may_retry == MayRetry::No);
  return request.error().message;
}

bool refused(std::string_view body) { return refusal(body) != "accepted"; }

TEST_CASE("a chat request yields what a router needs") {
  const std::string_view body =
      R"({"messages":[{"role":"user","content":"say \"model\": {\"x\"}"}],"model" : "gpt-x", "stream":true,"stream_options":{"include_usage":true},)"
      R"("max_tokens":10,"max_completion_tokens":20,"n":3,"user":"u","prompt_cache_key":"k","service_tier":"flex","temperature":0.7})";
  const OpenAiRequest request = accepted(body);
  CHECK(request.model == "gpt-x");
  CHECK(body.substr(request.model_value.offset, request.model_value.length) == "\"gpt-x\"");
  CHECK(request.stream);
  CHECK(request.include_usage);
  CHECK(request.output_tokens_max == 20);
  CHECK(request.choices == 3);
  CHECK(request.affinity == "k");
  CHECK(request.service_tier == "flex");
}

TEST_CASE("what is not given has its default, and null is as good as not given") {
  for (
      const std::string_view body :
      {R"({"model":"m"})"sv,
       R"({"model":"m","stream":null,"stream_options":null,"max_tokens":null,"max_completion_tokens":null,"max_output_tokens":null,"n":null,)"
       R"("user":null,"prompt_cache_key":null,"session_id":null,"previous_response_id":null,"conversation":null,"service_tier":null})"sv}) {
    const OpenAiRequest request = accepted(body);
    CHECK_FALSE(request.stream);
    CHECK_FALSE(request.include_usage);
    CHECK(request.output_tokens_max == 0);
    CHECK(request.choices == 1);
    CHECK(request.affinity.empty());
    CHECK(request.service_tier.empty());
  }
}

TEST_CASE("where the fields of the prompt stand is noted, without looking into them") {
  const std::string_view body =
      R"({"input":"i","model":"m","messages": [1, 2] ,"prompt":null,"tools":[{"a":{}}],"instructions":"x","cache_salt":"s","reasoning_effort":"low"})";
  const OpenAiRequest request = accepted(body);
  const auto text = [&](PromptField field) { return body.substr(request[field].offset, request[field].length); };
  CHECK(text(PromptField::Input) == "\"i\"");
  CHECK(text(PromptField::Messages) == "[1, 2]");
  CHECK(text(PromptField::Tools) == R"([{"a":{}}])");
  CHECK(text(PromptField::Instructions) == "\"x\"");
  CHECK(text(PromptField::CacheSalt) == "\"s\"");
  CHECK(text(PromptField::ReasoningEffort) == "\"low\"");
  CHECK(request[PromptField::Prompt].length == 0);
  CHECK(request[PromptField::Documents].length == 0);
}

TEST_CASE("an engine's priority is a whole number, and anything else is the engine's business") {
  CHECK(accepted(R"({"model":"m","priority":-3})").engine_priority == -3);
  CHECK(accepted(R"({"model":"m","priority":9})").engine_priority == 9);
  for (const std::string_view body : {R"({"model":"m"})"sv, R"({"model":"m","priority":1.5})"sv, R"({"model":"m","priority":"high"})"sv,
                                      R"({"model":"m","priority":99999999999999999999})"sv})
    CHECK_FALSE(accepted(body).engine_priority);
  CHECK(refused(R"({"model":"m","messages":[],"messages":[]})"));
}

TEST_CASE("the model's bytes can be replaced by another name wherever it stands") {
  for (const std::string_view body :
       {R"({"model":"a"})"sv, R"({"x":[{"model":"no"}],"model":  "a"  ,"y":"model"})"sv, "{\n\t\"model\"\n:\n\"a\"\n}"sv}) {
    const OpenAiRequest request = accepted(body);
    std::string renamed(body.substr(0, request.model_value.offset));
    append_json_string(renamed, "other \"name\"");
    renamed += body.substr(request.model_value.offset + request.model_value.length);
    CHECK(accepted(renamed).model == "other \"name\"");
  }
}

TEST_CASE("a model name is unescaped, and its range covers the escaped form") {
  const std::string_view body = R"({"model":"meta\/llama\u002d3 \u00fc"})";
  const OpenAiRequest request = accepted(body);
  CHECK(request.model == "meta/llama-3 \xc3\xbc");
  CHECK(body.substr(request.model_value.offset, request.model_value.length) == R"("meta\/llama\u002d3 \u00fc")");
}

TEST_CASE("a top-level key that comes twice is refused, however it is spelled") {
  CHECK(refusal(R"({"model":"a","model":"b"})") == "the body has the key \"model\" twice");
  CHECK(refused(R"({"model":"a","mod\u0065l":"b"})"));
  CHECK(refused(R"({"\u006dodel":"a","mod\u0065l":"b"})"));
  CHECK(refused(R"({"model":"a","model":"a"})"));
  CHECK(refused(R"({"model":"a","stream":true,"x":1,"stre\u0061m":false})"));
  CHECK(refused(R"({"model":"a","unknown":1,"unknown":2})"));
  CHECK(refused(R"({"model":"a","a\/b":1,"a/b":2})"));
  CHECK(refused(R"({"model":"a","":1,"":2})"));
  CHECK_FALSE(refused(R"({"model":"a","Model":"b","model ":"c","model\u0000":"d"})"));
  CHECK(accepted(R"({"mod\u0065l":"a"})").model == "a");
  CHECK(refused(R"({"model":"a","\ud800":1})"));
  CHECK(refused(R"({"model":"a","\q":1})"));
  std::string many = R"({"model":"m")";
  for (int i = 0; i < 200; ++i) many += ",\"key" + std::to_string(i) + "\":0";
  CHECK_FALSE(refused(many + "}"));
  CHECK(refusal(many + ",\"key7\":1}") == "the body has the key \"key7\" twice");
}

TEST_CASE("keys of nested objects are the engine's business, but for the option that is read here") {
  CHECK_FALSE(refused(R"({"model":"a","metadata":{"x":1,"x":2}})"));
  CHECK(refused(R"({"model":"a","stream_options":{"include_usage":true,"include_usage":false}})"));
  CHECK(refused(R"({"model":"a","stream_options":{"include_usage":true,"include_us\u0061ge":false}})"));
  CHECK(accepted(R"({"model":"a","stream_options":{"x":{"include_usage":false},"include_usage":true,"y":null}})").include_usage);
  CHECK_FALSE(accepted(R"({"model":"a","stream_options":{"x":{"include_usage":true}}})").include_usage);
}

TEST_CASE("a model that is missing or no usable name is refused with what to do") {
  CHECK(refusal(R"({})") == "model is missing; name the model to use");
  CHECK(refusal(R"({"messages":[{"model":"a"}]})") == "model is missing; name the model to use");
  CHECK(refusal(R"({"model":""})") == "model is empty; name the model to use");
  for (const std::string_view value : {"null", "1", "true", "[\"a\"]", "{\"a\":1}"}) {
    CHECK(refusal("{\"model\":" + std::string(value) + "}") == "model has the wrong type or value; it must be a string");
  }
  CHECK(refused(R"({"model":"a\u0000b"})"));
  CHECK(refused(R"({"model":"a\nb"})"));
  CHECK(refused(R"({"model":"\u007f"})"));
  CHECK(refused(R"({"model":"\ud800"})"));
  CHECK(accepted("{\"model\":\"" + std::string(ModelBytesMax, 'm') + "\"}").model.size() == ModelBytesMax);
  CHECK(refused("{\"model\":\"" + std::string(ModelBytesMax + 1, 'm') + "\"}"));
}

TEST_CASE("fields of the wrong type are refused by name") {
  const auto with = [](std::string_view field) { return "{\"model\":\"m\"," + std::string(field) + "}"; };
  CHECK(refusal(with(R"("stream":"true")")) == "stream has the wrong type or value; it must be true or false");
  CHECK(refused(with(R"("stream":1)")));
  CHECK(refused(with(R"("stream_options":true)")));
  CHECK(refused(with(R"("stream_options":{"include_usage":1})")));
  CHECK(refused(with(R"("max_tokens":"10")")));
  CHECK(refused(with(R"("max_tokens":1.5)")));
  CHECK(refused(with(R"("max_tokens":1e999)")));
  CHECK(refused(with(R"("max_completion_tokens":[])")));
  CHECK(refused(with(R"("max_output_tokens":true)")));
  CHECK(refused(with(R"("n":"1")")));
  CHECK(refused(with(R"("n":0)")));
  CHECK(refused(with(R"("n":-1)")));
  CHECK(refused(with(R"("n":1.5)")));
  CHECK(refused(with(R"("user":1)")));
  CHECK(refused(with(R"("prompt_cache_key":{})")));
  CHECK(refused(with(R"("previous_response_id":[])")));
  CHECK(refused(with(R"("conversation":5)")));
  CHECK(refused(with(R"("conversation":{})")));
  CHECK(refused(with(R"("conversation":{"id":1})")));
  CHECK(refused(with(R"("service_tier":1)")));
  CHECK(refused(with(R"("service_tier":"a\nb")")));
  CHECK(refused(with("\"service_tier\":\"" + std::string(ServiceTierBytesMax + 1, 'x') + "\"")));
  CHECK_FALSE(refused(with("\"service_tier\":\"" + std::string(ServiceTierBytesMax, 'x') + "\"")));
}

TEST_CASE("the bound on output tokens comes from the newest of its three names, and a negative one is none") {
  const auto bound = [](std::string_view fields) { return accepted("{\"model\":\"m\"," + std::string(fields) + "}").output_tokens_max; };
  CHECK(bound(R"("max_tokens":1)") == 1);
  CHECK(bound(R"("max_tokens":1,"max_output_tokens":2)") == 2);
  CHECK(bound(R"("max_completion_tokens":3,"max_tokens":1,"max_output_tokens":2)") == 3);
  CHECK(bound(R"("max_tokens":100.0)") == 100);
  CHECK(bound(R"("max_tokens":1e2)") == 100);
  CHECK(bound(R"("max_tokens":99999999999)") == 4294967295U);
  CHECK(bound(R"("max_tokens":99999999999999999999999)") == 4294967295U);
  CHECK(bound(R"("max_tokens":-1)") == 0);
  CHECK(bound(R"("max_completion_tokens":null,"max_tokens":5)") == 5);
}

TEST_CASE("the affinity key is the first of those that say what belongs together") {
  const auto key = [](std::string_view fields) { return accepted("{\"model\":\"m\"," + std::string(fields) + "}").affinity; };
  CHECK(key(R"("conversation":"c")") == "c");
  CHECK(key(R"("conversation":{"x":1,"id":"c"})") == "c");
  CHECK(key(R"("conversation":"c","previous_response_id":"p")") == "p");
  CHECK(key(R"("previous_response_id":"p","user":"u")") == "u");
  CHECK(key(R"("user":"u","session_id":"s")") == "s");
  CHECK(key(R"("session_id":"s","prompt_cache_key":"k")") == "k");
  CHECK(key(R"("prompt_cache_key":"","user":"u")") == "u");
  CHECK(key(R"("session_id":42)") == "42");
  CHECK(key(R"("session_id":{"a":1},"user":"u")") == "u");
  CHECK(key(R"("user":"\u00fc")") == "\xc3\xbc");
  CHECK(key("\"user\":\"" + std::string(1000, 'x') + "\"").size() == AffinityBytesMax);
}

TEST_CASE("text behind the object, bad JSON and bad UTF-8 are refused") {
  CHECK(refused(""));
  CHECK(refused("[]"));
  CHECK(refused(R"([{"model":"m"}])"));
  CHECK(refused(R"({"model":"m"} {"model":"n"})"));
  CHECK(refused(R"({"model":"m"}})"));
  CHECK(refused("{\"model\":\"m\"}\0"sv));
  CHECK(refused(R"({"model":"m","x":NaN})"));
  CHECK(refused(R"({"model":"m","x":[1,{"y":-Infinity}]})"));
  CHECK(refused(R"({"model":"m","x":[}],"stream":true})"));
  CHECK(refused("{\"model\":\"m\",\"x\":\"\xff\"}"));
  CHECK(refused("\xff\xfe{\0}\0"sv));
  CHECK(refusal(R"({"model":"m","x":NaN})") == "the body cannot be read: a value that is no number, string, true, false or null (byte 17)");
  CHECK_FALSE(refused("{\"model\":\"m\"}\r\n\t "));
}

TEST_CASE("escapes in strings that are not read are the engine's business") {
  CHECK_FALSE(refused(R"({"model":"m","messages":[{"content":"\q \ud800"}]})"));
}

TEST_CASE("nesting beyond 1024 levels is refused") {
  const auto nested = [](std::size_t levels) { return R"({"model":"m","x":)" + std::string(levels, '[') + std::string(levels, ']') + "}"; };
  CHECK_FALSE(refused(nested(1023)));
  CHECK(refused(nested(1024)));
}

TEST_CASE("a body beyond the memory that is kept can be read, and a small one after it") {
  const std::string body = R"({"messages":[{"content":")" + std::string(2000000, 'x') + R"("}],"model":"m"})";
  CHECK(accepted(body).model == "m");
  CHECK(accepted(R"({"model":"n"})").model == "n");
}

TEST_CASE("paths say what a request is, and which method they want") {
  struct Row {
    std::string_view method, path;
    Operation operation;
    bool allowed;
    std::string_view id;
  };
  constexpr Row Rows[] = {
      {"POST", "/v1/chat/completions", Operation::ChatCompletions, true, ""},
      {"GET", "/v1/chat/completions", Operation::ChatCompletions, false, ""},
      {"POST", "/v1/completions", Operation::Completions, true, ""},
      {"POST", "/v1/embeddings", Operation::Embeddings, true, ""},
      {"POST", "/v1/responses", Operation::Responses, true, ""},
      {"POST", "/v1/images/generations", Operation::PassJson, true, ""},
      {"POST", "/v1/audio/speech", Operation::PassJson, true, ""},
      {"POST", "/v1/moderations", Operation::PassJson, true, ""},
      {"POST", "/v1/rerank", Operation::PassJson, true, ""},
      {"POST", "/v2/rerank", Operation::PassJson, true, ""},
      {"POST", "/v1/images/edits", Operation::PassMultipart, true, ""},
      {"POST", "/v1/images/variations", Operation::PassMultipart, true, ""},
      {"POST", "/v1/audio/transcriptions", Operation::PassMultipart, true, ""},
      {"PUT", "/v1/audio/translations", Operation::PassMultipart, false, ""},
      {"GET", "/v1/models", Operation::ModelList, true, ""},
      {"HEAD", "/v1/models", Operation::ModelList, true, ""},
      {"POST", "/v1/models", Operation::ModelList, false, ""},
      {"GET", "/v1/models/m", Operation::ModelGet, true, "m"},
      {"GET", "/v1/models/meta-llama/Llama%2D3", Operation::ModelGet, true, "meta-llama/Llama%2D3"},
      {"DELETE", "/v1/models/m", Operation::ModelGet, false, "m"},
      {"GET", "/v1/models/", Operation::Unknown, true, ""},
      {"GET", "/v1/modelsx", Operation::Unknown, true, ""},
      {"POST", "/v1/responses/abc", Operation::Unknown, true, ""},
      {"POST", "/v1/chat/completions/", Operation::Unknown, true, ""},
      {"POST", "/V1/chat/completions", Operation::Unknown, true, ""},
      {"POST", "//v1/chat/completions", Operation::Unknown, true, ""},
      {"GET", "/", Operation::Unknown, true, ""},
      {"GET", "", Operation::Unknown, true, ""},
  };
  for (const Row& row : Rows) {
    CAPTURE(row.path);
    const OperationMatch match = match_operation(row.method, row.path);
    CHECK(match.operation == row.operation);
    CHECK(match.method_allowed == row.allowed);
    CHECK(match.model_id == row.id);
  }
}

TEST_CASE("a model may be missing where OpenAI's API takes requests without one, and nowhere else") {
  CHECK(match_operation("POST", "/v1/moderations").model_optional);
  CHECK(match_operation("POST", "/v1/images/generations").model_optional);
  CHECK(match_operation("POST", "/v1/images/edits").model_optional);
  CHECK(match_operation("POST", "/v1/images/variations").model_optional);
  CHECK_FALSE(match_operation("POST", "/v1/audio/transcriptions").model_optional);
  CHECK_FALSE(match_operation("POST", "/v1/chat/completions").model_optional);
  CHECK_FALSE(read_openai_request(R"({"input":"x"})"));
  const auto without = read_openai_request(R"({"input":"x"})", ModelField::Optional);
  REQUIRE(without);
  CHECK(without->model.empty());
  CHECK(read_openai_request(R"({"model":"m","input":"x"})", ModelField::Optional)->model == "m");
  CHECK_FALSE(read_openai_request(R"({"model":"","input":"x"})", ModelField::Optional));
}

TEST_CASE("an error has its four members, null where nothing is known") {
  CHECK(openai_error("no \"x\"", "invalid_request_error", "model_not_found", "model") ==
        R"({"error":{"message":"no \"x\"","type":"invalid_request_error","param":"model","code":"model_not_found"}})");
  CHECK(openai_error("m", "server_error", "") == R"({"error":{"message":"m","type":"server_error","param":null,"code":null}})");
}

TEST_CASE("any bytes become a valid JSON string") {
  const auto written = [](std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
  };
  CHECK(written("") == "\"\"");
  CHECK(written("a\"b\\c\n\r\t\x01\x1f\x7f") == R"("a\"b\\c\n\r\t\u0001\u001f\u007f")");
  CHECK(written("\0"sv) == R"("\u0000")");
  CHECK(written("\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80") == "\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\"");
  constexpr std::string_view Replacement = "\xef\xbf\xbd";
  for (const std::string_view bad : {"\x80"sv, "\xff"sv, "\xc0\xaf"sv, "\xc3"sv, "\xe2\x82"sv, "\xed\xa0\x80"sv, "\xf0\x80\x80\x80"sv,
                                     "\xf4\x90\x80\x80"sv, "\xf8\x88\x80\x80\x80"sv}) {
    const std::string out = written("a" + std::string(bad) + "b");
    CHECK(out.find(Replacement) != std::string::npos);
    CHECK(out.front() == '"');
    CHECK(out.substr(out.size() - 2) == "b\"");
    const auto request = read_openai_request("{\"model\":" + out + "}");
    REQUIRE(request);
    CHECK(request->model.find(Replacement) != std::string::npos);
  }
}

}  // namespace
