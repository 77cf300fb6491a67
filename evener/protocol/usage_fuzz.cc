// Any bytes as an answer or as TensorFlow Serving's model status. What is found is in them, and in one of the two places where it counts: held
// against simdjson's own parser, no usage may come from anywhere else, for an answer echoes what the client wrote.

#include <simdjson.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "evener/protocol/engine_health.h"
#include "evener/protocol/openai.h"
#include "evener/protocol/testing.h"

using namespace evener::protocol;
using testing::require;

namespace {

/// All members of this name that are objects; duplicates included.
std::vector<simdjson::dom::object> objects_named(simdjson::dom::object in, std::string_view name) {
  std::vector<simdjson::dom::object> out;
  for (const auto field : in) {
    simdjson::dom::object object;
    if (field.key == name && field.value.get(object) == simdjson::SUCCESS) out.push_back(object);
  }
  return out;
}

bool has_count(const std::vector<simdjson::dom::object>& usages, std::string_view first, std::string_view second, std::uint64_t count) {
  bool named = false;
  for (const simdjson::dom::object& usage : usages) {
    for (const auto field : usage) {
      if (field.key != first && field.key != second) continue;
      named = true;
      std::uint64_t value = 0;
      if (field.value.get(value) == simdjson::SUCCESS && value == count) return true;
    }
  }
  return count == 0 && !named;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto exact = std::make_unique<char[]>(size);
  if (size != 0) std::memcpy(exact.get(), data, size);
  const std::string_view body(exact.get(), size);
  const auto usage = read_usage(body);

  static simdjson::dom::parser parser;
  simdjson::dom::object document;
  if (parser.parse(reinterpret_cast<const char*>(data), size).get(document) == simdjson::SUCCESS) {
    auto usages = objects_named(document, "usage");
    const bool at_top = !usages.empty();
    for (const auto response : objects_named(document, "response")) {
      for (const auto inner : objects_named(response, "usage")) usages.push_back(inner);
    }
    if (usage) {
      require(!usages.empty());
      require(has_count(usages, "prompt_tokens", "input_tokens", usage->prompt_tokens) || usage->prompt_tokens == 0);
      require(has_count(usages, "completion_tokens", "output_tokens", usage->completion_tokens) || usage->completion_tokens == 0);
    } else if (at_top && usages.size() == 1 && usages[0].size() == 1) {
      // One usage with one count in it must not be overlooked.
      std::uint64_t count = 0;
      require(usages[0]["prompt_tokens"].get(count) != simdjson::SUCCESS);
    }
  }

  const HealthAnswer health = read_health(HealthRule::ModelAvailable, 200, body);
  require(health != HealthAnswer::Healthy || body.find("\"AVAILABLE\"") != std::string_view::npos);
  return 0;
}
