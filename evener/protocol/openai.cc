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
    std::uint64_t hash = key.size();
    for (const char c : key.substr(0, 16)) hash = (hash ^ static_cast<unsigned char>(c)) * 0x9e3779b97f4a7c15U;
    const std::uint64_t bit = std::uint64_t{1} << (hash >> 58);
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

/// The fields of which several say the same; the first one present wins, whatever their order in the text.
struct Candidates {
  std::optional<std::uint32_t> max_completion_tokens, max_output_tokens, max_tokens;
  std::string prompt_cache_key, session_id, user, previous_response_id, conversation;
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

std::optional<Error> read_stream_options(const JsonReader& reader, const JsonValue& value, OpenAiRequest& out) {
  if (is_null(value)) return std::nullopt;
  std::vector<JsonMember> options;
  if (!reader.members_of(value, options)) return wrong_type("stream_options", "an object with at most 256 members");
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

/// session_id is no field of the API: a string or a number counts, and whatever else it is means something to the engine only.
void read_session(const JsonValue& value, std::string& out) {
  if (value.kind == JsonKind::Number) {
    out = value.text;
  } else if (!read_string(value, out)) {
    out.clear();
  }
}

std::optional<Error> read_conversation(const JsonReader& reader, const JsonValue& value, std::string& out) {
  if (value.kind == JsonKind::Object) {
    const auto id = reader.find_in(value, "id");
    if (!id || !read_string(*id, out)) return wrong_type("conversation", "an id, or an object with an id");
    return std::nullopt;
  }
  return is_null(value) || read_string(value, out) ? std::nullopt : wrong_type("conversation", "an id, or an object with an id");
}

std::optional<Error> read_field(const JsonReader& reader, std::string_view body, std::string_view key, const JsonValue& value,
                                OpenAiRequest& out, Candidates& found) {
  const auto count = [&](std::optional<std::uint32_t>& into) {
    return read_count(value, into) ? std::nullopt : wrong_type(key, "a whole number");
  };
  const auto text = [&](std::string& into) {
    return is_null(value) || read_string(value, into) ? std::nullopt : wrong_type(key, "a string");
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
      if (key == "user") return text(found.user);
      break;
    case 5:
      if (key == "model") return read_model(value, body, out);
      break;
    case 6:
      if (key == "stream" && !read_bool(value, out.stream)) return wrong_type(key, "true or false");
      break;
    case 10:
      if (key == "max_tokens") return count(found.max_tokens);
      if (key == "session_id") read_session(value, found.session_id);
      break;
    case 12:
      if (key == "service_tier") {
        if (!is_null(value) && !read_string(value, out.service_tier)) return wrong_type(key, "a string");
        if (out.service_tier.size() > ServiceTierBytesMax || has_control_character(out.service_tier))
          return wrong_type(key, "a word of at most 64 bytes");
      }
      if (key == "conversation") return read_conversation(reader, value, found.conversation);
      break;
    case 14:
      if (key == "stream_options") return read_stream_options(reader, value, out);
      break;
    case 16:
      if (key == "prompt_cache_key") return text(found.prompt_cache_key);
      break;
    case 17:
      if (key == "max_output_tokens") return count(found.max_output_tokens);
      break;
    case 20:
      if (key == "previous_response_id") return text(found.previous_response_id);
      break;
    case 21:
      if (key == "max_completion_tokens") return count(found.max_completion_tokens);
      break;
    default: break;
  }
  return std::nullopt;
}

Result<OpenAiRequest> read_request(JsonReader& reader, std::string_view body) {
  if (const auto error = reader.read(body, JsonCheck::Everything)) {
    std::string message = std::string("the body cannot be read: ") + error->what;
    if (error->offset > 0) message += " (byte " + std::to_string(error->offset) + ")";
    return refuse(std::move(message));
  }
  OpenAiRequest out;
  Candidates found;
  KeySet keys;
  std::list<std::string> unescaped;  // keys written with escapes; rare, and their addresses must not change
  bool has_model = false;
  for (const JsonMember& member : reader.members()) {
    std::string_view key = member.key;
    if (key.find('\\') != std::string_view::npos) {
      if (!unescape_json(key, unescaped.emplace_back())) return refuse("a key of the body has a bad escape");
      key = unescaped.back();
    }
    // Of two equal keys we would believe one and the engine perhaps the other: a way around routing, limits and prices.
    if (!keys.insert(key)) return refuse("the body has the key \"" + std::string(key.substr(0, 64)) + "\" twice");
    has_model |= key == "model";
    if (auto error = read_field(reader, body, key, member.value, out, found)) return tl::unexpected<Error>(*std::move(error));
  }
  if (!has_model) return refuse("model is missing; name the model to use");

  for (const auto& limit : {found.max_completion_tokens, found.max_output_tokens, found.max_tokens}) {
    if (!limit) continue;
    out.output_tokens_max = *limit;
    break;
  }
  for (std::string* key : {&found.prompt_cache_key, &found.session_id, &found.user, &found.previous_response_id, &found.conversation}) {
    if (key->empty()) continue;
    if (key->size() > AffinityBytesMax) key->resize(AffinityBytesMax);
    out.affinity = std::move(*key);
    break;
  }
  return out;
}

}  // namespace

Result<OpenAiRequest> read_openai_request(std::string_view body) {
  JsonReader& reader = thread_json_reader();
  auto result = read_request(reader, body);
  reader.trim();
  return result;
}

OperationMatch match_operation(std::string_view method, std::string_view path) {
  struct Entry {
    std::string_view path;
    Operation operation;
  };
  constexpr std::array<Entry, 13> Posted = {{
      {"/v1/chat/completions", Operation::ChatCompletions},
      {"/v1/completions", Operation::Completions},
      {"/v1/embeddings", Operation::Embeddings},
      {"/v1/responses", Operation::Responses},
      {"/v1/images/generations", Operation::PassJson},
      {"/v1/audio/speech", Operation::PassJson},
      {"/v1/moderations", Operation::PassJson},
      {"/v1/rerank", Operation::PassJson},
      {"/v2/rerank", Operation::PassJson},
      {"/v1/images/edits", Operation::PassMultipart},
      {"/v1/images/variations", Operation::PassMultipart},
      {"/v1/audio/transcriptions", Operation::PassMultipart},
      {"/v1/audio/translations", Operation::PassMultipart},
  }};
  for (const Entry& entry : Posted) {
    if (path == entry.path) return {.operation = entry.operation, .method_allowed = method == "POST", .model_id = {}};
  }
  constexpr std::string_view Models = "/v1/models";
  if (!path.starts_with(Models)) return {};
  const bool reads = method == "GET" || method == "HEAD";
  const std::string_view rest = path.substr(Models.size());
  if (rest.empty()) return {.operation = Operation::ModelList, .method_allowed = reads, .model_id = {}};
  if (rest.size() < 2 || rest.front() != '/') return {};
  return {.operation = Operation::ModelGet, .method_allowed = reads, .model_id = rest.substr(1)};
}

}  // namespace evener::protocol
