// Usage of an answer, wherever the API puts it: at the top (chat, completions, embeddings, a complete Responses object) or below "response"
// (the last event of a Responses stream). Only those two places count: an answer may echo the client's tools, and there anything can be called usage.

#include "evener/protocol/json_reader.h"
#include "evener/protocol/openai.h"

namespace evener::protocol {

namespace {

std::optional<std::uint64_t> first_number(const JsonReader& reader, const JsonValue& object, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const auto value = reader.find_in(object, key);
    if (!value) continue;
    if (const auto number = to_unsigned(*value)) return number;
  }
  return std::nullopt;
}

std::optional<Usage> usage_of(const JsonReader& reader, const JsonValue& object) {
  if (object.kind != JsonKind::Object) return std::nullopt;
  const auto prompt = first_number(reader, object, {"prompt_tokens", "input_tokens"});
  const auto completion = first_number(reader, object, {"completion_tokens", "output_tokens"});
  if (!prompt && !completion) return std::nullopt;
  Usage usage{.prompt_tokens = prompt.value_or(0), .completion_tokens = completion.value_or(0), .cached_tokens = 0};
  for (const std::string_view details : {"prompt_tokens_details", "input_tokens_details"}) {
    const auto value = reader.find_in(object, details);
    if (!value) continue;
    if (const auto cached = first_number(reader, *value, {"cached_tokens"})) usage.cached_tokens = *cached;
  }
  return usage;
}

}  // namespace

std::optional<Usage> read_usage(std::string_view body) {
  JsonReader& reader = thread_json_reader();
  std::optional<Usage> usage;
  if (!reader.read(body, JsonCheck::Structure)) {
    if (const JsonMember* member = find_member(reader.members(), "usage")) usage = usage_of(reader, member->value);
    if (!usage) {
      if (const JsonMember* response = find_member(reader.members(), "response")) {
        if (const auto inner = reader.find_in(response->value, "usage")) usage = usage_of(reader, *inner);
      }
    }
  }
  reader.trim();
  return usage;
}

}  // namespace evener::protocol
