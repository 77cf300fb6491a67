// Any bytes as a request body, held against simdjson's complete parser: what we accept it accepts too (but for what we leave to the engine), what
// we call no JSON it refuses too (but for our limits), and both see the same top level. The model can be replaced, and nothing else changes by it.

#include <simdjson.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "evener/protocol/openai.h"
#include "evener/protocol/testing.h"

using namespace evener::protocol;
using testing::require;

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
  return 0;
}
