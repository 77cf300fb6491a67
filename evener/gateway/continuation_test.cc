#include "evener/gateway/continuation.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "tests/for_each_seed.h"

namespace evener::gateway {
namespace {

using protocol::ByteRange;

constexpr std::string_view Body = R"({"model":"m","messages":[{"role":"user","content":"Count"}],"stream":true,"max_tokens":9})";

Continuation continuation_of(std::string_view body = Body) {
  const auto request = protocol::read_openai_request(body);
  REQUIRE(request);
  const auto where = protocol::read_continuable(protocol::Operation::ChatCompletions, *request, body);
  REQUIRE(where);
  return {*where, request->include_usage};
}

std::string word(int i) {
  return "data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" " + std::to_string(i) + "\"}}]}\n\n";
}

std::string taken(Continuation& continuation, std::string_view data) {
  std::string out;
  continuation.take(data, out);
  return out;
}

}  // namespace

TEST_CASE("wherever engines break off, the client gets each word once and in order") {
  for_each_seed(300, [](Rng& rng) {
    Continuation continuation = continuation_of();
    constexpr int Words = 9;
    std::string client;
    while (true) {
      // An engine gives exactly what is missing, in pieces of any size, and breaks off at any byte.
      std::string stream = "data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
      for (int i = static_cast<int>(continuation.tokens()); i < Words; ++i) stream += word(i);
      stream.resize(1 + rng.below(stream.size()));
      for (std::size_t at = 0; at < stream.size();) {
        const std::string piece = stream.substr(at, 1 + rng.below(100));
        client += taken(continuation, piece);
        at += piece.size();
      }
      if (continuation.tokens() == Words) break;
      const auto request = continuation.request(Body, {});
      REQUIRE(request);
      std::string delivered;
      for (int i = 0; i < static_cast<int>(continuation.tokens()); ++i) delivered += " " + std::to_string(i);
      CHECK(request->bytes.find("\"content\":\"" + delivered + "\"}]") != std::string::npos);
      CHECK(request->bytes.find("\"max_tokens\":" + std::to_string(Words - continuation.tokens())) != std::string::npos);
      continuation.resume("gpu-1");
    }
    std::string words;
    for (int i = 0; i < Words; ++i) words += word(i);
    CHECK(client.ends_with(words));
    CHECK_FALSE(continuation.request(Body, {}));
    CHECK(continuation.ending()->find("\"finish_reason\":\"length\"") != std::string::npos);
  });
}

TEST_CASE("an answer that ends without its last blank line is passed on whole") {
  Continuation continuation = continuation_of();
  std::string out = taken(continuation, word(1) + "data: [DONE]\n");
  CHECK(out == word(1));
  continuation.finish(out);
  CHECK(out == word(1) + "data: [DONE]\n");
}

TEST_CASE("behind an event that is too large bytes pass as they come, and nothing is continued") {
  Continuation continuation = continuation_of();
  const std::string half(protocol::SseCutter::EventBytesMax / 2 + 1, 'x');
  std::string all = taken(continuation, word(1)) + taken(continuation, half);
  CHECK(continuation.request(Body, {}));
  all += taken(continuation, half) + taken(continuation, "yz");
  CHECK(all == word(1) + half + half + "yz");
  CHECK_FALSE(continuation.request(Body, {}));
  CHECK_FALSE(continuation.ending());
}

}  // namespace evener::gateway
