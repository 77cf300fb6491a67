#include "evener/protocol/continuation.h"

#include <algorithm>
#include <vector>

#include "evener/protocol/json_cursor.h"
#include "evener/protocol/json_reader.h"

namespace evener::protocol {
namespace {

/// Fields that make the rest of an answer something else than what was missing.
constexpr std::array<std::string_view, 19> Forbidding = {"add_generation_prompt",
                                                         "audio",
                                                         "best_of",
                                                         "continue_final_message",
                                                         "ebnf",
                                                         "echo",
                                                         "grammar",
                                                         "guided_choice",
                                                         "guided_grammar",
                                                         "guided_json",
                                                         "guided_regex",
                                                         "json_schema",
                                                         "logprobs",
                                                         "prompt_logprobs",
                                                         "regex",
                                                         "return_token_ids",
                                                         "suffix",
                                                         "structured_outputs",
                                                         "top_logprobs"};

bool forbids(const JsonMember& member) {
  const JsonValue& value = member.value;
  if (value.kind == JsonKind::Null || value.kind == JsonKind::False || value.text == "\"\"") return false;
  if (member.key == "response_format") {
    const auto type = find_in(value, "type");
    return !type || type->text != "\"text\"";
  }
  return std::find(Forbidding.begin(), Forbidding.end(), member.key) != Forbidding.end();
}

struct Edit {
  std::size_t at, removed;
  std::string added;
};

}  // namespace

std::optional<Continuable> read_continuable(Operation operation, const OpenAiRequest& request, std::string_view body) {
  const bool chat = operation == Operation::ChatCompletions;
  if ((!chat && operation != Operation::Completions) || !request.stream || request.choices != 1) return std::nullopt;
  const ByteRange prompt = request[chat ? PromptField::Messages : PromptField::Prompt];
  if (prompt.length < 2 || body[prompt.offset] != (chat ? '[' : '"')) return std::nullopt;
  JsonReader& reader = thread_json_reader();
  if (reader.read(body, JsonCheck::Structure)) return std::nullopt;

  Continuable where{.operation = operation, .members_at = body.find('{') + 1};
  where.text_at = prompt.offset + prompt.length - 1;
  if (chat && !JsonCursor(body.substr(prompt.offset, prompt.length)).enter()) return std::nullopt;
  for (const JsonMember& member : reader.members()) {
    // A key with escapes could be any of these.
    if (member.key_escaped || forbids(member)) return std::nullopt;
    const bool is_minimum = member.key == "min_tokens";
    if (!is_minimum && member.key != "max_tokens" && member.key != "max_completion_tokens") continue;
    const auto tokens = to_unsigned(member.value);
    if (!tokens) continue;  // null, or -1: no bound
    const auto offset = static_cast<std::size_t>(member.value.text.data() - body.data());
    where.bounds[where.bounds_used++] = {
        .value = {.offset = offset, .length = member.value.text.size()}, .tokens = *tokens, .is_minimum = is_minimum};
  }
  return where;
}

bool tokens_left(const Continuable& where, std::uint64_t delivered) {
  return std::none_of(where.bounds.begin(), where.bounds.begin() + static_cast<std::ptrdiff_t>(where.bounds_used),
                      [&](const Continuable::Bound& bound) { return !bound.is_minimum && bound.tokens <= delivered; });
}

ContinuedBody continue_body(const Continuable& where, std::string_view body, ByteRange model_value, std::string_view text,
                            std::uint64_t tokens) {
  std::vector<Edit> edits;
  if (where.operation == Operation::ChatCompletions) {
    edits.push_back({where.members_at, 0, R"("continue_final_message":true,"add_generation_prompt":false,)"});
    edits.push_back({where.text_at, 0, R"(,{"role":"assistant","content":")" + std::string(text) + "\"}"});
  } else {
    edits.push_back({where.text_at, 0, std::string(text)});
  }
  for (std::size_t i = 0; i < where.bounds_used; ++i) {
    const Continuable::Bound& bound = where.bounds[i];
    edits.push_back({bound.value.offset, bound.value.length, std::to_string(bound.tokens - std::min(bound.tokens, tokens))});
  }
  std::sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.at < b.at; });

  ContinuedBody out{.bytes = {}, .model_value = model_value};
  std::size_t added = 0;
  for (const Edit& edit : edits) added += edit.added.size();
  out.bytes.reserve(body.size() + added + JsonPadding);
  std::size_t at = 0;
  for (const Edit& edit : edits) {
    out.bytes += body.substr(at, edit.at - at);
    out.bytes += edit.added;
    at = edit.at + edit.removed;
    if (edit.at <= model_value.offset) out.model_value.offset += edit.added.size() - edit.removed;
  }
  out.bytes += body.substr(at);
  return out;
}

}  // namespace evener::protocol
