// Any bytes as a request, continued from a text with all that is awkward in it: what comes out is a request that reads as the first one, with
// the text at the end of its prompt, and without the additions it is the first one again.

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "evener/protocol/continuation.h"
#include "evener/protocol/testing.h"

using namespace evener::protocol;
using testing::require;

namespace {

constexpr std::string_view Text = R"(a \"b\" \n\u00e9}],{)";
constexpr std::string_view Unescaped = "a \"b\" \n\u00e9}],{";

void check(Operation operation, std::string_view body) {
  const auto request = read_openai_request(body);
  if (!request) return;
  const auto where = read_continuable(operation, *request, body);
  if (!where || !tokens_left(*where, 3)) return;
  const ContinuedBody continued = continue_body(*where, body, request->model_value, Text, 3);
  const auto again = read_openai_request(continued.bytes);
  require(again.has_value() && again->model == request->model && again->stream && again->choices == 1);
  require(again->model_value.offset == continued.model_value.offset && again->model_value.length == continued.model_value.length);
  require(!read_continuable(operation, *again, continued.bytes) == (operation == Operation::ChatCompletions));

  simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (parser.parse(continued.bytes).get(document) != simdjson::SUCCESS) return;  // escapes that are the engine's to judge
  std::string_view found;
  if (operation == Operation::Completions) {
    require(document["prompt"].get(found) == simdjson::SUCCESS && found.ends_with(Unescaped));
    return;
  }
  simdjson::dom::array messages;
  require(document["messages"].get(messages) == simdjson::SUCCESS && messages.size() >= 2);
  simdjson::dom::element last;
  for (const auto message : messages) last = message;
  require(last["role"].get(found) == simdjson::SUCCESS && found == "assistant");
  require(last["content"].get(found) == simdjson::SUCCESS && found == Unescaped);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  check(Operation::ChatCompletions, body);
  check(Operation::Completions, body);
  return 0;
}
