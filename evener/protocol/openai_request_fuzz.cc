// Any bytes as a request body, held against simdjson's complete parser: what we accept it accepts too (but for what we leave to the engine), what
// we call no JSON it refuses too (but for our limits), and both see the same top level. The model can be replaced, and nothing else changes by it.
// Nor do the prompt's blocks change by that, by blanks between tokens, or by a field that no engine knows.

#include <simdjson.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "evener/protocol/openai.h"
#include "evener/protocol/prompt.h"
#include "evener/protocol/testing.h"

using namespace evener::protocol;
using testing::require;

namespace {

constexpr Operation Prompted[] = {Operation::ChatCompletions, Operation::Completions, Operation::Responses, Operation::Embeddings};

struct Prompts {
  std::vector<std::uint64_t> blocks[std::size(Prompted)];
  std::uint8_t inputs[std::size(Prompted)] = {};
  bool operator==(const Prompts&) const = default;
};

Prompts prompts_of(const OpenAiRequest& request, std::string_view body) {
  Prompts out;
  for (std::size_t i = 0; i < std::size(Prompted); ++i) {
    PromptBlocks blocks(1, BlockBytesMin, out.blocks[i]);
    const PromptFacts facts = read_prompt(Prompted[i], request, body, blocks);
    out.inputs[i] = facts.inputs;
    require(out.blocks[i].size() <= BlocksMax && out.blocks[i].size() <= facts.bytes / BlockBytesMin);
    require(facts.bytes <= body.size() * 4 + facts.counts.media * MediaBytes);
    for (const float chars : facts.counts.chars) require(chars >= 0 && chars <= static_cast<float>(body.size()) * 2 + 16);
    const PromptFacts alone = read_prompt(Prompted[i], request, body);
    require(alone.inputs == facts.inputs && alone.counts.chars == facts.counts.chars && alone.counts.token_ids == facts.counts.token_ids);
  }
  return out;
}

/// The same text with blanks on both sides of all that is structure.
std::string spaced(std::string_view body) {
  std::string out;
  bool in_string = false;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (in_string) {
      out += c;
      if (c == '\\' && i + 1 < body.size()) out += body[++i];
      if (c == '"') in_string = false;
      continue;
    }
    in_string = c == '"';
    const bool structure = std::string_view("{}[],:").find(c) != std::string_view::npos;
    if (structure) out += "\n ";
    out += c;
    if (structure) out += "\t\r";
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // On the heap and without padding, so that AddressSanitizer sees a read behind it.
  const auto exact = std::make_unique<char[]>(size);
  if (size != 0) std::memcpy(exact.get(), data, size);
  const std::string_view body(exact.get(), size);
  const auto request = read_openai_request(body);

  static simdjson::dom::parser parser;
  simdjson::dom::element document;
  const auto error = parser.parse(reinterpret_cast<const char*>(data), size).get(document);
  if (!request) {
    const std::string_view message = request.error().message;
    require(request.error().fault == evener::Fault::Client && !message.empty());
    simdjson::dom::object object;
    const bool is_object = error == simdjson::SUCCESS && document.get(object) == simdjson::SUCCESS && !body.starts_with("\xef\xbb\xbf");
    require(!is_object || !message.starts_with("the body cannot be read") || object.size() > 256 ||
            message.find("nesting") != std::string_view::npos);
    return 0;
  }
  // Escapes of strings that are not read, and the magnitude of numbers, are the engine's to judge.
  require(error == simdjson::SUCCESS || error == simdjson::STRING_ERROR || error == simdjson::NUMBER_ERROR);
  if (error == simdjson::SUCCESS) {
    simdjson::dom::object object;
    require(document.get(object) == simdjson::SUCCESS);
    int models = 0;
    for (const auto field : object) {
      if (field.key != "model") continue;
      ++models;
      std::string_view model;
      require(field.value.get(model) == simdjson::SUCCESS && model == request->model);
    }
    require(models == 1);
  }

  std::string renamed(body.substr(0, request->model_value.offset));
  append_json_string(renamed, "another \xc3\xbc model");
  renamed += body.substr(request->model_value.offset + request->model_value.length);
  const auto again = read_openai_request(renamed);
  require(again.has_value() && again->model == "another \xc3\xbc model");
  require(again->stream == request->stream && again->include_usage == request->include_usage && again->choices == request->choices);
  require(again->output_tokens_max == request->output_tokens_max && again->affinity == request->affinity &&
          again->service_tier == request->service_tier);

  const Prompts prompts = prompts_of(*request, body);
  require(prompts_of(*again, renamed) == prompts);
  const std::string with_blanks = spaced(body);
  const auto the_same = read_openai_request(with_blanks);
  require(the_same.has_value());
  // A prompt whose fields are shorter than a block has none, and blanks make them longer; both must be beyond that to be compared.
  Prompts found = prompts_of(*the_same, with_blanks);
  std::size_t bytes = 0;
  for (const ByteRange& field : request->prompt) bytes += field.length;
  if (bytes < BlockBytesMin) {
    for (auto& blocks : found.blocks) blocks.clear();
  }
  require(found == prompts);
  return 0;
}
