// Usage of an answer, wherever the API puts it: at the top (chat, completions, embeddings, a complete Responses object) or below "response"
// (the last event of a Responses stream). Only those two places count: an answer may echo the client's tools, and there anything can be called usage.

#include <span>
#include <vector>

#include "evener/protocol/json_reader.h"
#include "evener/protocol/openai.h"

namespace evener::protocol {

namespace {

// A whole answer ends with its usage and a few small members, so the end is looked at first.
constexpr std::size_t TailBytes = 4096;

struct Counts {
  std::optional<std::uint64_t> prompt, completion, cached;
};

/// Reads the members of a usage object; the old and the new names may be mixed, the first of a pair wins.
void read_counts(const JsonReader& reader, std::span<const JsonMember> members, Counts& counts) {
  const auto set = [](std::optional<std::uint64_t>& count, const JsonValue& value) {
    if (!count) count = to_unsigned(value);
  };
  for (const JsonMember& member : members) {
    if (member.key == "prompt_tokens" || member.key == "input_tokens") set(counts.prompt, member.value);
    if (member.key == "completion_tokens" || member.key == "output_tokens") set(counts.completion, member.value);
    if (member.key == "prompt_tokens_details" || member.key == "input_tokens_details") {
      if (const auto cached = reader.find_in(member.value, "cached_tokens")) set(counts.cached, *cached);
    }
  }
}

std::optional<Usage> to_usage(const Counts& counts) {
  if (!counts.prompt && !counts.completion) return std::nullopt;
  return Usage{.prompt_tokens = counts.prompt.value_or(0),
               .completion_tokens = counts.completion.value_or(0),
               .cached_tokens = counts.cached.value_or(0)};
}

std::optional<Usage> usage_of(const JsonReader& reader, const JsonValue& object) {
  std::vector<JsonMember> members;
  if (!reader.members_of(object, members)) return std::nullopt;
  Counts counts;
  read_counts(reader, members, counts);
  return to_usage(counts);
}

/// The value of the top-level member "usage", found from the end; empty when that is not certain. A key is certain by its unescaped quotes and
/// its colon: inside of a string the quotes would be escaped. Top-level is certain when only the last bracket of the text closes what it is in.
std::string_view usage_at_end(std::string_view body) {
  constexpr std::string_view key = "\"usage\"";
  const std::size_t stop = body.size() > TailBytes ? body.size() - TailBytes : 0;
  if (body.size() < key.size() + 2) return {};
  for (std::size_t at = body.size() - key.size(); at-- > stop;) {
    if (body[at] != '"' || body[at + 1] != 'u' || body.substr(at, key.size()) != key || at == 0 || body[at - 1] == '\\') continue;
    std::size_t i = at + key.size();
    const auto skip_blanks = [&] {
      while (i < body.size() && (body[i] == ' ' || body[i] == '\n' || body[i] == '\r' || body[i] == '\t')) ++i;
    };
    skip_blanks();
    if (i == body.size() || body[i] != ':') continue;  // a string that happens to be this word
    ++i;
    skip_blanks();
    if (i == body.size() || body[i] != '{') return {};
    const std::size_t begin = i;
    std::size_t end = 0;
    int depth = 0;
    for (; i < body.size(); ++i) {
      const char c = body[i];
      if (c == '"') {
        for (++i; i < body.size() && body[i] != '"'; ++i) {
          if (body[i] == '\\') ++i;
        }
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']') {
        if (--depth == 0 && end == 0) end = i + 1;
        if (depth < 0) break;
      }
    }
    if (depth != -1 || end == 0) return {};
    ++i;
    skip_blanks();
    return i == body.size() ? body.substr(begin, end - begin) : std::string_view();
  }
  return {};
}

}  // namespace

std::optional<Usage> read_usage(std::string_view body) {
  JsonReader& reader = thread_json_reader();
  std::optional<Usage> usage;
  if (const std::string_view object = usage_at_end(body); !object.empty()) {
    if (!reader.read(object, JsonCheck::Structure)) {
      Counts counts;
      read_counts(reader, reader.members(), counts);
      usage = to_usage(counts);
    }
  } else if (!reader.read(body, JsonCheck::Structure)) {
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
