#include "evener/engine/openai_request.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "evener/core/hashing.h"

namespace evener::engine {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::uint64_t TokensMax = 1U << 30;

tl::unexpected<Error> refuse(std::string message) { return fail(std::move(message), Fault::Client); }

void add_text(ApiRequest& request, std::string_view text) {
  request.prompt += text;
  request.prompt_bytes += text.size();
}

/// A string, or a list of parts; a part that is not text (an image, a file) counts with the bytes of its URL or data.
Result<void> add_content(ApiRequest& request, element content, std::string_view where) {
  std::string_view text;
  if (content.is_null()) return {};
  if (content.get(text) == simdjson::SUCCESS) {
    add_text(request, text);
    return {};
  }
  array parts;
  if (content.get(parts) != simdjson::SUCCESS) return refuse(fmt::format("{} must be a string or a list of parts", where));
  for (const element part : parts) {
    if (part["text"].get(text) == simdjson::SUCCESS || part["image_url"]["url"].get(text) == simdjson::SUCCESS ||
        part["image_url"].get(text) == simdjson::SUCCESS) {
      add_text(request, text);
    } else if (!part.is_object()) {
      return refuse(fmt::format("{} has a part that is not an object", where));
    }
  }
  return {};
}

Result<void> add_messages(ApiRequest& request, array messages, std::string_view where) {
  for (const element message : messages) {
    std::string_view role;
    if (message["role"].get(role) != simdjson::SUCCESS) {
      // Items of the Responses API such as function outputs have no role; they count as they stand.
      if (!message.is_object()) return refuse(fmt::format("{} has an item that is not an object", where));
      add_text(request, simdjson::minify(message));
      continue;
    }
    request.prompt += role;
    request.prompt += '\n';
    element content;
    if (message["content"].get(content) == simdjson::SUCCESS) {
      if (auto added = add_content(request, content, "content"); !added) return added;
    }
    request.prompt += '\n';
  }
  return {};
}

void add_token_ids(ApiRequest& request, array ids) {
  for (const element id : ids) {
    std::uint64_t number = 0;
    if (id.get(number) != simdjson::SUCCESS) continue;
    const auto small = static_cast<std::uint32_t>(number);
    request.prompt.append(reinterpret_cast<const char*>(&small), BytesPerToken);
    request.prompt_bytes += BytesPerToken;
  }
}

bool is_token_ids(array values) { return values.size() > 0 && values.at(0).is_uint64(); }

Result<void> read_completion_prompt(ApiRequest& request, element root) {
  std::string_view text;
  array values;
  if (root["prompt"].get(text) == simdjson::SUCCESS) {
    add_text(request, text);
    return {};
  }
  if (root["prompt"].get(values) != simdjson::SUCCESS) return refuse("prompt must be a string or a list");
  if (is_token_ids(values)) {
    add_token_ids(request, values);
    return {};
  }
  if (values.size() != 1) return refuse("prompt must hold exactly one prompt: several in one request are not emulated");
  array ids;
  if (values.at(0).get(text) == simdjson::SUCCESS) {
    add_text(request, text);
  } else if (values.at(0).get(ids) == simdjson::SUCCESS) {
    add_token_ids(request, ids);
  } else {
    return refuse("prompt must be a string or a list");
  }
  return {};
}

Result<void> read_embedding_inputs(ApiRequest& request, element root) {
  const auto one = [&](element value) {
    const std::uint64_t before = request.prompt_bytes;
    std::string_view text;
    array ids;
    if (value.get(text) == simdjson::SUCCESS) {
      add_text(request, text);
    } else if (value.get(ids) == simdjson::SUCCESS) {
      add_token_ids(request, ids);
    } else {
      return false;
    }
    request.input_tokens.push_back(
        static_cast<std::uint32_t>(std::max<std::uint64_t>(1, (request.prompt_bytes - before + 3) / BytesPerToken)));
    return true;
  };
  element input;
  if (root["input"].get(input) != simdjson::SUCCESS) return refuse("input is missing");
  array values;
  if (input.get(values) != simdjson::SUCCESS || is_token_ids(values)) {
    if (!one(input)) return refuse("input must be a string or a list");
    return {};
  }
  if (values.size() == 0 || values.size() > 2048) return refuse(fmt::format("input holds {} texts; it must be 1..2048", values.size()));
  for (const element value : values) {
    if (!one(value)) return refuse("input must hold strings or lists of token ids");
  }
  return {};
}

Result<void> read_response_input(ApiRequest& request, element root) {
  std::string_view text;
  if (root["instructions"].get(text) == simdjson::SUCCESS) {
    request.prompt += "system\n";
    add_text(request, text);
    request.prompt += '\n';
  }
  array items;
  if (root["input"].get(text) == simdjson::SUCCESS) {
    request.prompt += "user\n";
    add_text(request, text);
    return {};
  }
  if (root["input"].get(items) != simdjson::SUCCESS) return refuse("input must be a string or a list");
  return add_messages(request, items, "input");
}

Result<std::optional<std::uint32_t>> read_count(element root, std::string_view name) {
  element value;
  if (root[name].get(value) != simdjson::SUCCESS || value.is_null()) return std::optional<std::uint32_t>();
  std::uint64_t number = 0;
  if (value.get(number) != simdjson::SUCCESS || number < 1 || number > TokensMax) {
    return refuse(fmt::format("{} must be a whole number of at least 1", name));
  }
  return std::optional(static_cast<std::uint32_t>(number));
}

bool read_flag(simdjson::simdjson_result<element> value) {
  bool flag = false;
  return value.get(flag) == simdjson::SUCCESS && flag;
}

/// The words of an emulated answer begin with a blank each, so its tokens can be told from its text.
Result<void> continue_final_message(ApiRequest& request, element root, array messages) {
  if (read_flag(root["add_generation_prompt"])) return refuse("continue_final_message and add_generation_prompt cannot both be true");
  std::string_view role, text;
  element last;
  for (const element message : messages) last = message;
  if (last["role"].get(role) != simdjson::SUCCESS || role != "assistant" || last["content"].get(text) != simdjson::SUCCESS) {
    return refuse("continue_final_message needs a last message of the assistant with text to go on from");
  }
  request.continues = true;
  request.continued_tokens =
      static_cast<std::uint32_t>(std::min<std::size_t>(TokensMax, static_cast<std::size_t>(std::ranges::count(text, ' '))));
  request.prompt.pop_back();  // the message stays open
  return {};
}

}  // namespace

std::string ApiRequest::before_answer(ApiKind kind) const { return kind == ApiKind::Chat && !continues ? prompt + "assistant\n" : prompt; }

std::uint32_t ApiRequest::prompt_tokens() const {
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>((prompt_bytes + BytesPerToken - 1) / BytesPerToken, 1, TokensMax));
}

Result<ApiRequest> read_api_request(ApiKind kind, std::string_view body) {
  simdjson::dom::parser parser;
  element root;
  const auto parse_error = parser.parse(body.data(), body.size(), true).get(root);
  if (parse_error != simdjson::SUCCESS) return refuse(fmt::format("the body is not valid JSON: {}", simdjson::error_message(parse_error)));
  if (!root.is_object()) return refuse("the body must be a JSON object");

  ApiRequest request;
  std::string_view text;
  if (root["model"].get(text) != simdjson::SUCCESS) return refuse("model must be a string");
  request.model = text;
  request.stream = read_flag(root["stream"]);
  request.include_usage = read_flag(root["stream_options"]["include_usage"]);
  request.ignore_eos = read_flag(root["ignore_eos"]);
  if (root["cache_salt"].get(text) == simdjson::SUCCESS) request.cache_salt = text;
  for (const std::string_view name : {"max_tokens", "max_completion_tokens", "max_output_tokens"}) {
    const auto count = read_count(root, name);
    if (!count) return tl::unexpected(count.error());
    if (*count) request.output_tokens_max = *count;
  }
  const auto wanted = read_count(root, "evener_output_tokens");
  if (!wanted) return tl::unexpected(wanted.error());
  request.output_tokens = *wanted;
  const auto choices = read_count(root, "n");
  if (!choices) return tl::unexpected(choices.error());
  if (choices->value_or(1) != 1) return refuse(fmt::format("n is {}; only one choice is emulated", **choices));

  Result<void> prompt;
  switch (kind) {
    case ApiKind::Chat: {
      array messages;
      if (root["messages"].get(messages) != simdjson::SUCCESS || messages.size() == 0)
        return refuse("messages must be a list with at least one message");
      prompt = add_messages(request, messages, "messages");
      if (prompt && read_flag(root["continue_final_message"])) prompt = continue_final_message(request, root, messages);
      break;
    }
    case ApiKind::Completion: prompt = read_completion_prompt(request, root); break;
    case ApiKind::Response: prompt = read_response_input(request, root); break;
    case ApiKind::Embedding: {
      prompt = read_embedding_inputs(request, root);
      request.base64 = root["encoding_format"].get(text) == simdjson::SUCCESS && text == "base64";
      const auto dimensions = read_count(root, "dimensions");
      if (!dimensions) return tl::unexpected(dimensions.error());
      request.dimensions = dimensions->value_or(0);
      if (request.dimensions > 8192) return refuse(fmt::format("dimensions is {}; it must be 1..8192", request.dimensions));
      break;
    }
  }
  if (!prompt) return tl::unexpected(prompt.error());
  return request;
}

std::vector<std::uint64_t> prompt_block_hashes(std::string_view prompt, std::string_view salt, std::uint32_t block_tokens) {
  std::vector<std::uint64_t> hashes;
  const std::size_t block_bytes = std::size_t{block_tokens} * BytesPerToken;
  std::uint64_t previous = hash64(salt);
  for (std::size_t begin = 0; begin + block_bytes <= prompt.size(); begin += block_bytes) {
    previous = hash64(prompt.substr(begin, block_bytes), previous);
    hashes.push_back(previous);
  }
  return hashes;
}

}  // namespace evener::engine
