#include "evener/load/answer_reader.h"

#include <simdjson.h>

namespace evener::load {
namespace {

using simdjson::dom::element;

std::optional<AnswerTokens> read_usage(element object) {
  element usage;
  if (object["usage"].get(usage) != simdjson::SUCCESS && object["response"]["usage"].get(usage) != simdjson::SUCCESS) return std::nullopt;
  if (!usage.is_object()) return std::nullopt;
  AnswerTokens tokens;
  std::uint64_t number = 0;
  if (usage["completion_tokens"].get(number) == simdjson::SUCCESS || usage["output_tokens"].get(number) == simdjson::SUCCESS) {
    tokens.output_tokens = static_cast<std::uint32_t>(number);
  }
  if (usage["prompt_tokens_details"]["cached_tokens"].get(number) == simdjson::SUCCESS ||
      usage["input_tokens_details"]["cached_tokens"].get(number) == simdjson::SUCCESS) {
    tokens.cached_tokens = static_cast<std::uint32_t>(number);
  }
  return tokens;
}

/// Whether this event brings text to the reader of the answer. Role-only and empty first events do not.
bool has_content(element event) {
  std::string_view text;
  element choice;
  if (event["choices"].at(0).get(choice) == simdjson::SUCCESS) {
    if (choice["text"].get(text) == simdjson::SUCCESS) return !text.empty();
    element delta;
    if (choice["delta"].get(delta) != simdjson::SUCCESS) return false;
    for (const std::string_view name : {"content", "reasoning_content", "reasoning"}) {
      if (delta[name].get(text) == simdjson::SUCCESS && !text.empty()) return true;
    }
    return delta["tool_calls"].error() == simdjson::SUCCESS;
  }
  return event["type"].get(text) == simdjson::SUCCESS && text.ends_with(".delta");
}

bool is_error(element event) {
  element error;
  std::string_view type;
  if (event["error"].get(error) == simdjson::SUCCESS && !error.is_null()) return true;
  return event["type"].get(type) == simdjson::SUCCESS && (type == "error" || type == "response.failed");
}

}  // namespace

struct StreamReader::Parser {
  simdjson::dom::parser json;
};

StreamReader::StreamReader() : parser_(std::make_unique<Parser>()) {}
StreamReader::~StreamReader() = default;
StreamReader::StreamReader(StreamReader&&) noexcept = default;

std::optional<AnswerTokens> read_whole_answer(std::string_view body) {
  simdjson::dom::parser parser;
  element root;
  if (parser.parse(body.data(), body.size(), true).get(root) != simdjson::SUCCESS || !root.is_object() || is_error(root)) return std::nullopt;
  return read_usage(root).value_or(AnswerTokens{});
}

void StreamReader::reset() {
  line_.clear();
  tokens_ = {};
  failure_ = Failure::None;
  done_ = false;
}

std::uint32_t StreamReader::feed(std::string_view bytes) {
  std::uint32_t with_content = 0;
  while (!bytes.empty() && failure_ == Failure::None) {
    const std::size_t end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (line_.size() > LineBytesMax) failure_ = Failure::Malformed;
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    if (end_of_line()) ++with_content;
    line_.clear();
  }
  return with_content;
}

/// Each of these APIs sends one data line per event, so a line is an event.
bool StreamReader::end_of_line() {
  std::string_view data = line_;
  if (data.ends_with('\r')) data.remove_suffix(1);
  if (!data.starts_with("data:")) return false;
  data.remove_prefix(5);
  if (data.starts_with(' ')) data.remove_prefix(1);
  if (data == "[DONE]") {
    done_ = true;
    return false;
  }
  element event;
  if (parser_->json.parse(data.data(), data.size(), true).get(event) != simdjson::SUCCESS || !event.is_object()) {
    failure_ = Failure::Malformed;
    return false;
  }
  if (is_error(event)) {
    failure_ = Failure::StreamError;
    return false;
  }
  if (const auto tokens = read_usage(event)) tokens_ = *tokens;
  std::string_view type;
  if (event["type"].get(type) == simdjson::SUCCESS && (type == "response.completed" || type == "response.incomplete")) done_ = true;
  return has_content(event);
}

}  // namespace evener::load
