#include "evener/protocol/prompt.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

using namespace evener;
using namespace evener::protocol;

struct Read {
  PromptFacts facts;
  std::vector<std::uint64_t> blocks;
};

Read read(std::string_view body, Operation operation = Operation::ChatCompletions, std::uint64_t salt = 7, std::size_t block_bytes = 64) {
  const auto request = read_openai_request(body);
  CAPTURE(body);
  REQUIRE(request);
  Read out;
  PromptBlocks blocks(salt, block_bytes, out.blocks);
  out.facts = read_prompt(operation, *request, body, blocks);
  const PromptFacts alone = read_prompt(operation, *request, body);
  CHECK(alone.inputs == out.facts.inputs);
  CHECK(alone.counts.chars == out.facts.counts.chars);
  CHECK(alone.counts.messages == out.facts.counts.messages);
  return out;
}

std::size_t shared(const Read& a, const Read& b) {
  const auto [end, other] = std::mismatch(a.blocks.begin(), a.blocks.end(), b.blocks.begin(), b.blocks.end());
  return static_cast<std::size_t>(end - a.blocks.begin());
}

std::string message(std::string_view role, std::string_view content) {
  return R"({"role":")" + std::string(role) + R"(","content":")" + std::string(content) + R"("})";
}
std::string chat(std::string_view messages, std::string_view more = {}) {
  return R"({"model":"m","messages":[)" + std::string(messages) + "]" + std::string(more) + "}";
}

const std::string System = message("system", std::string(300, 's'));
const std::string First = message("user", std::string(300, 'a'));
const std::string Answer = message("assistant", std::string(300, 'b'));

TEST_CASE("a conversation that goes on keeps the blocks of what was said before") {
  const Read before = read(chat(System + "," + First));
  const Read after = read(chat(System + "," + First + "," + Answer + "," + message("user", "go on")));
  CHECK(before.blocks.size() == before.facts.bytes / 64);
  CHECK(shared(before, after) == before.blocks.size());
  CHECK(after.blocks.size() > before.blocks.size());
}

TEST_CASE("blocks are shared up to the first difference and never after it") {
  const Read one = read(chat(System + "," + First));
  const Read other = read(chat(System + "," + message("user", "A" + std::string(299, 'a'))));
  CHECK(shared(one, other) == (1 + 6 + 1 + 300) / 64);  // mark, role, mark, content
  CHECK(one.blocks.back() != other.blocks.back());
}

TEST_CASE("fields that do not reach the prompt change nothing") {
  const Read plain = read(chat(System + "," + First));
  const Read other =
      read(chat(System + "," + First,
                R"(,"temperature":0.3,"stream":true,"user":"u","max_tokens":5,"n":2,"service_tier":"flex","metadata":{"a":"b"})"));
  CHECK(plain.blocks == other.blocks);
}

TEST_CASE("blanks between tokens, nulls, the place of the role and the form of the content change nothing") {
  const Read plain = read(chat(System + "," + First));
  const std::string text = std::string(300, 'a');
  for (const std::string& same :
       {"{ \"role\" :\t\"user\" ,\n \"content\":\r\n\"" + text + "\" }", "{\"content\":\"" + text + "\",\"role\":\"user\"}",
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"" + text + "\"}]}",
        "{\"role\":\"user\",\"content\":[{\"text\":\"" + text + "\",\"type\":\"text\",\"cache_control\":{\"type\":\"ephemeral\"}}]}",
        "{\"role\":\"user\",\"tool_calls\":null,\"refusal\":null,\"content\":\"" + text + "\"}"}) {
    CHECK(read(chat(" " + System + " , " + same + "\n")).blocks == plain.blocks);
  }
}

TEST_CASE("who says it, where a message ends and in how many parts it comes are part of the prompt") {
  const std::string text(150, 'a');
  const Read user = read(chat(message("user", text + text)));
  CHECK(shared(user, read(chat(message("assistant", text + text)))) == 0);
  const Read split = read(chat(message("user", text) + "," + message("user", text)));
  CHECK(shared(user, split) == (1 + 4 + 1 + 150) / 64);
  const Read parts =
      read(chat(R"({"role":"user","content":[{"type":"text","text":")" + text + R"("},{"type":"text","text":")" + text + R"("}]})"));
  CHECK(shared(user, parts) == (1 + 4 + 1 + 150) / 64);
  CHECK(shared(split, parts) == (1 + 4 + 1 + 150) / 64);
}

TEST_CASE("tools come behind the system text and before the rest, wherever the body has them") {
  const std::string tools = R"(,"tools":[{"type":"function","function":{"name":"f","description":")" + std::string(300, 'd') + R"("}}])";
  const Read behind = read(chat(System + "," + First, tools));
  const Read before = read(R"({"model":"m")" + tools + R"(,"messages":[)" + System + "," + First + "]}");
  CHECK(behind.blocks == before.blocks);
  const Read without = read(chat(System + "," + First));
  CHECK(shared(behind, without) == (1 + 6 + 1 + 300) / 64);
  const Read other_user = read(chat(System + "," + message("user", std::string(300, 'z')), tools));
  CHECK(shared(behind, other_user) > (1 + 6 + 1 + 300 + 300) / 64);
  const Read spaced = read(chat(System + "," + First, R"(,"tools" : [ { "type" : "function" ,"function":{"name":"f","description":")" +
                                                          std::string(300, 'd') + "\"}\n}\t] "));
  CHECK(spaced.blocks == behind.blocks);
}

TEST_CASE("tenants, models, adapters and secrets have no hash in common") {
  const std::string body = chat(System + "," + First);
  const std::vector<std::uint64_t> salts = {prompt_salt("a", "m", "", 1),  prompt_salt("b", "m", "", 1), prompt_salt("a", "n", "", 1),
                                            prompt_salt("a", "m", "x", 1), prompt_salt("a", "m", "", 2), prompt_salt("am", "", "", 1)};
  std::vector<std::uint64_t> all;
  for (const std::uint64_t salt : salts) {
    const Read one = read(body, Operation::ChatCompletions, salt);
    REQUIRE_FALSE(one.blocks.empty());
    all.insert(all.end(), one.blocks.begin(), one.blocks.end());
  }
  std::sort(all.begin(), all.end());
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

TEST_CASE("what separates an engine's caches separates ours") {
  const std::string messages = System + "," + First;
  const Read plain = read(chat(messages));
  for (const char* field : {R"(,"cache_salt":"x")", R"(,"reasoning_effort":"high")"})
    CHECK(shared(plain, read(chat(messages, field))) == 0);
  const std::string input = R"({"model":"m","input":")" + std::string(300, 'a') + "\"";
  const Read fresh = read(input + "}", Operation::Responses);
  CHECK(shared(fresh, read(input + R"(,"previous_response_id":"r1"})", Operation::Responses)) == 0);
  CHECK(shared(fresh, read(input + R"(,"conversation":{"id":"c"}})", Operation::Responses)) == 0);
}

TEST_CASE("a response's instructions and input are a system message and what follows") {
  const std::string text(300, 'a');
  const Read string = read(R"({"model":"m","input":")" + text + R"(","instructions":")" + text + "\"}", Operation::Responses);
  const Read items = read(R"({"model":"m","instructions":")" + text +
                              R"(","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":")" + text + R"("}]}]})",
                          Operation::Responses);
  CHECK(string.blocks.size() == 9);
  CHECK(string.blocks == items.blocks);
  CHECK(string.facts.counts.messages == 2);
  const Read call =
      read(R"({"model":"m","input":[{"type":"function_call","id":"1","call_id":"c","name":"f","arguments":")" + text + R"("}]})",
           Operation::Responses);
  CHECK(call.facts.counts[TextClass::Letter] == 302);  // with "c" and "f"; the type and the id are not shown
}

TEST_CASE("the same token ids are the same blocks, 256 of them for one of 1,024 bytes") {
  const auto body = [](std::size_t count, std::string_view between) {
    std::string out = R"({"model":"m","prompt":[)";
    for (std::size_t i = 0; i < count; ++i) out += (i == 0 ? "" : std::string(between)) + std::to_string(i * 7919 % 128000);
    return out + "]}";
  };
  const Read some = read(body(600, ","), Operation::Completions, 7, 1024);
  const Read more = read(body(1000, " ,\n"), Operation::Completions, 7, 1024);
  CHECK(some.blocks.size() == 2);
  CHECK(more.blocks.size() == 3);
  CHECK(shared(some, more) == 2);
  CHECK(some.facts.counts.token_ids == 600);
  CHECK(some.facts.counts[TextClass::Digit] == 0);
}

TEST_CASE("a completion's prompt may be a string, several strings or several lists of ids") {
  const std::string text(200, 'p');
  const Read one = read(R"({"model":"m","prompt":")" + text + "\"}", Operation::Completions);
  const Read two = read(R"({"model":"m","prompt":[")" + text + R"(","x"]})", Operation::Completions);
  CHECK(one.blocks.size() == 3);
  CHECK(shared(one, two) == 3);
  const Read lists = read(R"({"model":"m","prompt":[[1,2,3],[4]]})", Operation::Completions);
  CHECK(lists.facts.counts.token_ids == 4);
  const Read odd = read(R"({"model":"m","prompt":[1,2.5,-3,12345678901]})", Operation::Completions);
  CHECK(odd.facts.counts.token_ids == 0);
}

TEST_CASE("images, sounds and films are known by kind and content, and take a fixed number of bytes") {
  const auto body = [](std::string_view part) {
    return chat(R"({"role":"user","content":[{"type":"text","text":"look"},)" + std::string(part) + "]}");
  };
  const std::string data(5000, 'Q');
  const Read image = read(body(R"({"type":"image_url","image_url":{"url":"data:image/png;base64,)" + data + "\"}}"));
  CHECK(image.facts.inputs == (InputText | InputImage));
  CHECK(image.facts.counts.media == 1);
  CHECK(image.blocks.size() == (1 + 4 + 1 + 4 + 1 + MediaBytes) / 64);
  CHECK(image.facts.counts[TextClass::Letter] == 4);
  const Read spaced = read(body(R"({"type":"image_url","image_url": { "url" :"data:image/png;base64,)" + data + "\" }}"));
  CHECK(spaced.blocks == image.blocks);
  const Read other = read(body(R"({"type":"image_url","image_url":{"url":"data:image/png;base64,)" + data + "R\"}}"));
  CHECK(shared(image, other) == 0);
  CHECK(read(body(R"({"type":"input_audio","input_audio":{"data":"x","format":"wav"}})")).facts.inputs == (InputText | InputAudio));
  CHECK(read(body(R"({"type":"video_url","video_url":{"url":"x"}})")).facts.inputs == (InputText | InputVideo));
  CHECK(read(body(R"({"type":"input_image","image_url":"x"})")).facts.inputs == (InputText | InputImage));
  CHECK(read(body(R"({"type":"text","text":"an image_url"})")).facts.inputs == InputText);
}

TEST_CASE("a prompt shorter than a block has no hashes, and one beyond BlocksMax is known by its beginning") {
  CHECK(read(chat(message("user", "hi")), Operation::ChatCompletions, 7, 1024).blocks.empty());
  const std::string longest(64 * BlocksMax + 1000, 'x');
  const Read full = read(chat(message("user", longest)));
  CHECK(full.blocks.size() == BlocksMax);
  CHECK(full.blocks == read(chat(message("user", longest + "y"))).blocks);
  CHECK(full.facts.bytes > 64 * BlocksMax);
}

TEST_CASE("embeddings and other operations have no blocks") {
  const std::string text(300, 'e');
  const Read embedding = read(R"({"model":"m","input":[")" + text + R"(","b"]})", Operation::Embeddings);
  CHECK(embedding.blocks.empty());
  CHECK(embedding.facts.counts[TextClass::Letter] == doctest::Approx(301));
  CHECK(read(chat(First), Operation::PassJson).facts.bytes == 0);
}

TEST_CASE("messages of any form are read without harm") {
  for (const std::string_view messages :
       {R"([])", R"([[]])", R"([{}])", R"(["text"])", R"([1,null,true])", R"({})", R"("text")", R"(3)",
        R"([{"role":5,"content":{"a":[1,{}]}}])", R"([{"content":[[],{},"s",4,{"text":7},{"text":null,"image_url":null}]}])",
        R"([{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"role":"user"}])"}) {
    const std::string body = R"({"model":"m","messages":)" + std::string(messages) + "}";
    CHECK(read(body).facts.inputs == InputText);
    CHECK(read(body, Operation::ChatCompletions, 7, 64).blocks.size() <= 2);
  }
}

TEST_CASE("how bytes are handed over does not matter, where texts begin and end does") {
  std::vector<std::uint64_t> one, other;
  const std::string text(1000, 'q');
  PromptBlocks whole(1, 128, one);
  whole.bytes(text);
  PromptBlocks split(1, 128, other);
  for (std::size_t at = 0; at < text.size(); at += 7) split.bytes(std::string_view(text).substr(at, 7));
  CHECK(one == other);
  CHECK(one.size() == 7);
}

TEST_CASE("block sizes are held within their bounds") {
  std::vector<std::uint64_t> out;
  CHECK(PromptBlocks(1, 0, out).block_bytes() == BlockBytesMin);
  CHECK(PromptBlocks(1, 1 << 30, out).block_bytes() == BlockBytesMax);
}

}  // namespace
