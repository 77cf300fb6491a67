#include "evener/protocol/openai.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <list>

#include "evener/protocol/json_reader.h"

namespace evener::protocol {

namespace {

tl::unexpected<Error> refuse(std::string message) { return fail(std::move(message), Fault::Client); }

/// Finds equal keys among the members of one object: a 64-bit filter first, so that the usual ten different keys cost ten table look-ups.
class KeySet {
 public:
  KeySet() : keys_(thread_keys()) {}

  /// False if the key was there before. Keys must stay where they are.
  bool insert(std::string_view key) {
    const auto byte = [&](std::size_t at) { return std::size_t{static_cast<unsigned char>(key[at])}; };
    const std::size_t ends = key.empty() ? 0 : byte(0) * 5 + byte(key.size() - 1);
    const std::uint64_t bit = std::uint64_t{1} << ((key.size() * 11 + ends) % 64);
    if ((seen_ & bit) != 0) {
      for (std::size_t i = 0; i < count_; ++i) {
        if (keys_[i] == key) return false;
      }
    }
    seen_ |= bit;
    keys_[count_++] = key;
    return true;
  }

 private:
  std::uint64_t seen_ = 0;
  std::size_t count_ = 0;
  // One per thread and not cleared: clearing four KiB for ten keys would cost more than all else here.
  using Keys = std::array<std::string_view, JsonMembersMax>;
  static Keys& thread_keys() {
    thread_local Keys keys;
    return keys;
  }
  Keys& keys_;
};

bool is_null(const JsonValue& value) { return value.kind == JsonKind::Null; }

bool read_string(const JsonValue& value, std::string& out) {
  out.clear();
  return value.kind == JsonKind::String && unescape_json(value.text.substr(1, value.text.size() - 2), out);
}

bool read_bool(const JsonValue& value, bool& out) {
  if (value.kind != JsonKind::True && value.kind != JsonKind::False) return is_null(value);
  out = value.kind == JsonKind::True;
  return true;
}

/// Whole numbers, also written as 1.0 or 1e3; saturates at 32 bits. Negative ones give nothing.
bool read_count(const JsonValue& value, std::optional<std::uint32_t>& out) {
  constexpr std::uint32_t Most = std::numeric_limits<std::uint32_t>::max();
  if (is_null(value)) return true;
  if (value.kind != JsonKind::Number) return false;
  if (const auto whole = to_unsigned(value)) {
    out = *whole < Most ? static_cast<std::uint32_t>(*whole) : Most;
    return true;
  }
  double number = 0;
  const auto result = std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
  if (result.ec != std::errc() || number != std::floor(number)) return false;
  if (number >= 0) out = number < static_cast<double>(Most) ? static_cast<std::uint32_t>(number) : Most;
  return true;
}

bool has_control_character(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

/// Of fields that say the same the one that ranks first here counts, whatever their order in the text.
enum class Affinity : std::uint8_t { PromptCacheKey, SessionId, User, PreviousResponseId, Conversation, None };
enum class OutputMax : std::uint8_t { MaxCompletionTokens, MaxOutputTokens, MaxTokens, None };
struct Candidates {
  Affinity affinity = Affinity::None;  // whose value the request has now
  OutputMax output_max = OutputMax::None;
  std::string text;  // scratch

  void offer(Affinity rank, OpenAiRequest& out) {
    if (text.empty() || rank >= affinity) return;
    affinity = rank;
    out.affinity.swap(text);
  }
};

std::optional<Error> wrong_type(std::string_view key, std::string_view expected) {
  return Error{.message = std::string(key) + " has the wrong type or value; it must be " + std::string(expected), .fault = Fault::Client};
}

std::optional<Error> read_model(const JsonValue& value, std::string_view body, OpenAiRequest& out) {
  if (!read_string(value, out.model)) return wrong_type("model", "a string");
  if (out.model.empty()) return Error{.message = "model is empty; name the model to use", .fault = Fault::Client};
  if (out.model.size() > ModelBytesMax) return Error{.message = "model is longer than 256 bytes", .fault = Fault::Client};
  if (has_control_character(out.model)) return Error{.message = "model holds a control character", .fault = Fault::Client};
  out.model_value = {.offset = static_cast<std::size_t>(value.text.data() - body.data()), .length = value.text.size()};
  return std::nullopt;
}

std::optional<Error> read_stream_options(const JsonValue& value, OpenAiRequest& out) {
  if (is_null(value)) return std::nullopt;
  std::vector<JsonMember> options;
  if (!members_of(value, options)) return wrong_type("stream_options", "an object with at most 256 members");
  bool seen = false;
  std::string unescaped;
  for (const JsonMember& option : options) {
    unescaped.clear();
    if (!unescape_json(option.key, unescaped)) return wrong_type("a key of stream_options", "a string with valid escapes");
    if (unescaped != "include_usage") continue;
    if (seen) return Error{.message = "include_usage is given twice in stream_options", .fault = Fault::Client};
    seen = true;
    if (!read_bool(option.value, out.include_usage)) return wrong_type("stream_options.include_usage", "true or false");
  }
  return std::nullopt;
}

/// What is not a whole number means something to the engine only.
void read_engine_priority(const JsonValue& value, std::optional<std::int64_t>& out) {
  std::int64_t number = 0;
  const char* const end = value.text.data() + value.text.size();
  const auto result = std::from_chars(value.text.data(), end, number);
  if (result.ec == std::errc() && result.ptr == end) out = number;
}

/// session_id is no field of the API: a string or a number counts, and whatever else it is means something to the engine only.
void read_session(const JsonValue& value, std::string& out) {
  if (value.kind == JsonKind::Number) {
    out = value.text;
  } else if (!read_string(value, out)) {
    out.clear();
  }
}

std::optional<Error> read_conversation(const JsonValue& value, std::string& out) {
  out.clear();
  if (value.kind == JsonKind::Object) {
    const auto id = find_in(value, "id");
    if (!id || !read_string(*id, out)) return wrong_type("conversation", "an id, or an object with an id");
    return std::nullopt;
  }
  return is_null(value) || read_string(value, out) ? std::nullopt : wrong_type("conversation", "an id, or an object with an id");
}

std::optional<Error> read_field(std::string_view body, std::string_view key, const JsonValue& value, OpenAiRequest& out,
                                Candidates& found) {
  const auto output_max = [&](OutputMax rank) -> std::optional<Error> {
    std::optional<std::uint32_t> count;
    if (!read_count(value, count)) return wrong_type(key, "a whole number");
    if (count && rank < found.output_max) {
      found.output_max = rank;
      out.output_tokens_max = *count;
    }
    return std::nullopt;
  };
  const auto affinity = [&](Affinity rank) -> std::optional<Error> {
    if (is_null(value)) return std::nullopt;
    if (!read_string(value, found.text)) return wrong_type(key, "a string");
    found.offer(rank, out);
    return std::nullopt;
  };
  const auto prompt = [&](PromptField field) {
    if (is_null(value)) return;
    out[field] = {.offset = static_cast<std::size_t>(value.text.data() - body.data()), .length = value.text.size()};
  };
  switch (key.size()) {
    case 1:
      if (key == "n") {
        std::optional<std::uint32_t> choices;
        if (!read_count(value, choices) || (!choices && !is_null(value)) || choices == 0U)
          return wrong_type(key, "a whole number of at least 1");
        out.choices = choices.value_or(1);
      }
      break;
    case 4:
      if (key == "user") return affinity(Affinity::User);
      break;
    case 5:
      if (key == "model") return read_model(value, body, out);
      if (key == "tools") prompt(PromptField::Tools);
      if (key == "input") prompt(PromptField::Input);
      break;
    case 6:
      if (key == "stream" && !read_bool(value, out.stream)) return wrong_type(key, "true or false");
      if (key == "prompt") prompt(PromptField::Prompt);
      if (key == "system") prompt(PromptField::System);
      break;
    case 8:
      if (key == "messages") prompt(PromptField::Messages);
      if (key == "priority") read_engine_priority(value, out.engine_priority);
      break;
    case 9:
      if (key == "functions") prompt(PromptField::Functions);
      if (key == "documents") prompt(PromptField::Documents);
      break;
    case 10:
      if (key == "max_tokens") return output_max(OutputMax::MaxTokens);
      if (key == "session_id") {
        read_session(value, found.text);
        found.offer(Affinity::SessionId, out);
      }
      if (key == "cache_salt") prompt(PromptField::CacheSalt);
      break;
    case 12:
      if (key == "service_tier") {
        if (!is_null(value) && !read_string(value, out.service_tier)) return wrong_type(key, "a string");
        if (out.service_tier.size() > ServiceTierBytesMax || has_control_character(out.service_tier))
          return wrong_type(key, "a word of at most 64 bytes");
      }
      if (key == "conversation") {
        if (auto error = read_conversation(value, found.text)) return error;
        found.offer(Affinity::Conversation, out);
        prompt(PromptField::Conversation);
      }
      if (key == "instructions") prompt(PromptField::Instructions);
      break;
    case 14:
      if (key == "stream_options") return read_stream_options(value, out);
      break;
    case 16:
      if (key == "prompt_cache_key") return affinity(Affinity::PromptCacheKey);
      if (key == "reasoning_effort") prompt(PromptField::ReasoningEffort);
      break;
    case 17:
      if (key == "max_output_tokens") return output_max(OutputMax::MaxOutputTokens);
      break;
    case 20:
      if (key == "previous_response_id") {
        prompt(PromptField::PreviousResponse);
        return affinity(Affinity::PreviousResponseId);
      }
      break;
    case 21:
      if (key == "max_completion_tokens") return output_max(OutputMax::MaxCompletionTokens);
      break;
    default: break;
  }
  return std::nullopt;
}

}  // namespace

Result<OpenAiRequest> read_openai_request(std::string_view body, ModelField model) {
  JsonReader& reader = thread_json_reader();
  if (const auto error = reader.read(body, JsonCheck::Everything)) {
    std::string message = std::string("the body cannot be read: ") + error->what;
    if (error->offset > 0) message += " (byte " + std::to_string(error->offset) + ")";
    return refuse(std::move(message));
  }
  Result<OpenAiRequest> result{tl::in_place};
  OpenAiRequest& out = *result;
  Candidates found;
  KeySet keys;
  std::list<std::string> unescaped;  // keys written with escapes; rare, and their addresses must not change
  for (const JsonMember& member : reader.members()) {
    std::string_view key = member.key;
    if (member.key_escaped) {
      if (!unescape_json(key, unescaped.emplace_back())) return refuse("a key of the body has a bad escape");
      key = unescaped.back();
    }
    // Of two equal keys we would believe one and the engine perhaps the other: a way around routing, limits and prices.
    if (!keys.insert(key)) return refuse("the body has the key \"" + std::string(key.substr(0, 64)) + "\" twice");
    if (auto error = read_field(body, key, member.value, out, found)) return tl::unexpected<Error>(*std::move(error));
  }
  if (out.model.empty() && model == ModelField::Required)
    return refuse("model is missing; name the model to use");  // one that is given is not empty
  if (out.affinity.size() > AffinityBytesMax) out.affinity.resize(AffinityBytesMax);
  return result;
}

OperationMatch match_operation(std::string_view method, std::string_view path) {
  using enum Operation;
  const auto posted = [&](Operation operation, ModelField model = ModelField::Required) -> OperationMatch {
    return {.operation = operation, .method_allowed = method == "POST", .model_optional = model == ModelField::Optional, .model_id = {}};
  };
  switch (path.size()) {
    case 10:
      if (path == "/v1/rerank") return posted(PassJson);
      if (path == "/v2/rerank") return posted(PassJson);
      break;
    case 13:
      if (path == "/v1/responses") return posted(Responses);
      break;
    case 14:
      if (path == "/v1/embeddings") return posted(Embeddings);
      break;
    case 15:
      if (path == "/v1/completions") return posted(Completions);
      if (path == "/v1/moderations") return posted(PassJson, ModelField::Optional);
      break;
    case 16:
      if (path == "/v1/audio/speech") return posted(PassJson);
      if (path == "/v1/images/edits") return posted(PassMultipart, ModelField::Optional);
      break;
    case 20:
      if (path == "/v1/chat/completions") return posted(ChatCompletions);
      break;
    case 21:
      if (path == "/v1/images/variations") return posted(PassMultipart, ModelField::Optional);
      break;
    case 22:
      if (path == "/v1/images/generations") return posted(PassJson, ModelField::Optional);
      if (path == "/v1/audio/translations") return posted(PassMultipart);
      break;
    case 24:
      if (path == "/v1/audio/transcriptions") return posted(PassMultipart);
      break;
    default: break;
  }
  constexpr std::string_view Models = "/v1/models";
  if (!path.starts_with(Models)) return {};
  const bool reads = method == "GET" || method == "HEAD";
  const std::string_view rest = path.substr(Models.size());
  if (rest.empty()) return {.operation = ModelList, .method_allowed = reads};
  if (rest.size() < 2 || rest.front() != '/') return {};
  return {.operation = ModelGet, .method_allowed = reads, .model_id = rest.substr(1)};
}

}  // namespace evener::protocol
