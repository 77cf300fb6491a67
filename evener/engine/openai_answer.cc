#include "evener/engine/openai_answer.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "evener/base/json_writer.h"
#include "evener/core/rng.h"

namespace evener::engine {
namespace {

std::string id_prefix(ApiKind kind) {
  switch (kind) {
    case ApiKind::Chat: return "chatcmpl-";
    case ApiKind::Completion: return "cmpl-";
    case ApiKind::Embedding: return "embd-";
    case ApiKind::Response: return "resp_";
  }
  return {};
}

std::string answer_text(std::string_view before, std::uint32_t tokens) {
  AnswerText words(before);
  std::string text;
  text.reserve(tokens * 5UL);
  for (std::uint32_t i = 0; i < tokens; ++i) text += words.next();
  return text;
}

void write_usage(JsonWriter& json, ApiKind kind, const AnswerUsage& usage) {
  const bool responses = kind == ApiKind::Response;
  json.begin_object()
      .member(responses ? "input_tokens" : "prompt_tokens", usage.prompt_tokens)
      .member(responses ? "output_tokens" : "completion_tokens", usage.output_tokens)
      .member("total_tokens", usage.prompt_tokens + usage.output_tokens);
  json.key(responses ? "input_tokens_details" : "prompt_tokens_details")
      .begin_object()
      .member("cached_tokens", usage.cached_tokens)
      .end_object();
  if (responses) json.key("output_tokens_details").begin_object().member("reasoning_tokens", 0).end_object();
  json.end_object();
}

void write_output_message(JsonWriter& json, const AnswerHead& head, std::string_view status, std::string_view text) {
  json.begin_object().member("type", "message").member("id", "msg_" + head.id).member("status", status).member("role", "assistant");
  json.key("content").begin_array();
  if (status == "completed") {
    json.begin_object().member("type", "output_text").member("text", text).key("annotations").begin_array().end_array().end_object();
  }
  json.end_array().end_object();
}

/// The object of the Responses API; it has its output and its usage only when it is completed.
void write_response_object(JsonWriter& json, const AnswerHead& head, const AnswerUsage* usage, std::string_view text) {
  json.begin_object()
      .member("id", "resp_" + head.id)
      .member("object", "response")
      .member("created_at", head.created_s)
      .member("status", usage == nullptr ? "in_progress"
                        : head.cut       ? "incomplete"
                                         : "completed")
      .member("model", head.model);
  json.key("error").null().key("incomplete_details");
  if (usage != nullptr && head.cut) {
    json.begin_object().member("reason", "max_output_tokens").end_object();
  } else {
    json.null();
  }
  json.key("instructions").null().key("metadata").begin_object().end_object();
  json.member("parallel_tool_calls", true).member("tool_choice", "auto").key("tools").begin_array().end_array();
  json.key("temperature").null().key("top_p").null();
  json.key("output").begin_array();
  if (usage != nullptr) write_output_message(json, head, "completed", text);
  json.end_array().key("usage");
  if (usage != nullptr) {
    write_usage(json, ApiKind::Response, *usage);
  } else {
    json.null();
  }
  json.end_object();
}

/// {"id":...,"object":...,"created":...,"model":... left open for the members that differ.
std::string chunk_start(const AnswerHead& head) {
  std::string out = "{\"id\":";
  append_json_string(out, id_prefix(head.kind) + head.id);
  out += head.kind == ApiKind::Chat ? ",\"object\":\"chat.completion.chunk\"" : ",\"object\":\"text_completion\"";
  out += fmt::format(",\"created\":{},\"model\":", head.created_s);
  append_json_string(out, head.model);
  return out;
}

std::string_view finish_reason(const AnswerHead& head) { return head.cut ? "length" : "stop"; }

}  // namespace

std::string whole_answer(const AnswerHead& head, const AnswerUsage& usage) {
  const std::string text = answer_text(head.before, usage.output_tokens);
  std::string out;
  JsonWriter json(out);
  if (head.kind == ApiKind::Response) {
    write_response_object(json, head, &usage, text);
    return out;
  }
  const bool chat = head.kind == ApiKind::Chat;
  json.begin_object()
      .member("id", id_prefix(head.kind) + head.id)
      .member("object", chat ? "chat.completion" : "text_completion")
      .member("created", head.created_s)
      .member("model", head.model);
  json.key("choices").begin_array().begin_object().member("index", 0);
  if (chat) {
    json.key("message").begin_object().member("role", "assistant").member("content", text).key("refusal").null().end_object();
  } else {
    json.member("text", text);
  }
  json.key("logprobs").null().member("finish_reason", finish_reason(head)).end_object().end_array();
  json.key("usage");
  write_usage(json, head.kind, usage);
  json.end_object();
  return out;
}

AnswerStream::AnswerStream(const AnswerHead& head) : head_(head), words_(head.before) {
  if (head_.kind == ApiKind::Response) return;
  const bool chat = head_.kind == ApiKind::Chat;
  before_text_ = "data: " + chunk_start(head_) + ",\"choices\":[{\"index\":0," + (chat ? "\"delta\":{\"content\":\"" : "\"text\":\"");
  after_text_ = chat ? "\"},\"logprobs\":null,\"finish_reason\":null}]" : "\",\"logprobs\":null,\"finish_reason\":null}]";
  after_text_ += head_.include_usage ? ",\"usage\":null}\n\n" : "}\n\n";
}

void AnswerStream::event(std::string& out, std::string_view name, std::string_view members) {
  out += fmt::format("event: {0}\ndata: {{\"type\":\"{0}\",\"sequence_number\":{1}{2}}}\n\n", name, sequence_++, members);
}

void AnswerStream::open(std::string& out) {
  if (head_.kind == ApiKind::Completion) return;
  if (head_.kind == ApiKind::Chat) {
    out += "data: " + chunk_start(head_) +
           ",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}]" +
           (head_.include_usage ? ",\"usage\":null}\n\n" : "}\n\n");
    return;
  }
  std::string response = ",\"response\":", item = ",\"output_index\":0,\"item\":";
  JsonWriter response_json(response), item_json(item);
  write_response_object(response_json, head_, nullptr, {});
  write_output_message(item_json, head_, "in_progress", {});
  event(out, "response.created", response);
  event(out, "response.in_progress", response);
  event(out, "response.output_item.added", item);
  event(out, "response.content_part.added",
        fmt::format(",\"item_id\":\"msg_{}\",\"output_index\":0,\"content_index\":0,\"part\":{{\"type\":\"output_text\",\"text\":\"\","
                    "\"annotations\":[]}}",
                    head_.id));
}

void AnswerStream::token(std::string& out) {
  const std::string_view word = words_.next();
  ++tokens_;
  if (head_.kind == ApiKind::Response) {
    text_ += word;
    event(out, "response.output_text.delta",
          fmt::format(",\"item_id\":\"msg_{}\",\"output_index\":0,\"content_index\":0,\"delta\":\"{}\",\"logprobs\":[]", head_.id, word));
    return;
  }
  out += before_text_;
  out += word;
  out += after_text_;
}

void AnswerStream::close(std::string& out, const AnswerUsage& usage) {
  if (head_.kind != ApiKind::Response) {
    const bool chat = head_.kind == ApiKind::Chat;
    out += fmt::format("data: {},\"choices\":[{{\"index\":0,{},\"logprobs\":null,\"finish_reason\":\"{}\"}}]{}}}\n\n", chunk_start(head_),
                       chat ? "\"delta\":{}" : "\"text\":\"\"", finish_reason(head_), head_.include_usage ? ",\"usage\":null" : "");
    if (head_.include_usage) {
      std::string text;
      JsonWriter json(text);
      write_usage(json, head_.kind, usage);
      out += fmt::format("data: {},\"choices\":[],\"usage\":{}}}\n\n", chunk_start(head_), text);
    }
    out += "data: [DONE]\n\n";
    return;
  }
  const std::string place = fmt::format(",\"item_id\":\"msg_{}\",\"output_index\":0,\"content_index\":0", head_.id);
  event(out, "response.output_text.done", fmt::format("{},\"text\":\"{}\",\"logprobs\":[]", place, text_));
  event(out, "response.content_part.done",
        fmt::format("{},\"part\":{{\"type\":\"output_text\",\"text\":\"{}\",\"annotations\":[]}}", place, text_));
  std::string response = ",\"response\":", item = ",\"output_index\":0,\"item\":";
  JsonWriter response_json(response), item_json(item);
  write_output_message(item_json, head_, "completed", text_);
  write_response_object(response_json, head_, &usage, text_);
  event(out, "response.output_item.done", item);
  event(out, head_.cut ? "response.incomplete" : "response.completed", response);
}

std::string embedding_answer(const ApiRequest& request, std::uint64_t seed, std::uint32_t dimensions) {
  constexpr std::string_view Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("object", "list").member("model", request.model).key("data").begin_array();
  std::uint32_t tokens = 0;
  std::vector<float> vector(dimensions);
  for (std::size_t input = 0; input < request.input_tokens.size(); ++input) {
    tokens += request.input_tokens[input];
    Rng rng(seed + input);
    double squares = 0;
    for (float& component : vector) {
      component = static_cast<float>(rng.normal());
      squares += static_cast<double>(component) * static_cast<double>(component);
    }
    const auto scale = static_cast<float>(1 / std::sqrt(squares));
    for (float& component : vector) component *= scale;

    json.begin_object().member("object", "embedding").member("index", input).key("embedding");
    if (!request.base64) {
      json.begin_array();
      for (const float component : vector) json.fixed(static_cast<double>(component), 7);
      json.end_array();
    } else {
      // Little-endian floats; 3 bytes make 4 digits.
      std::string bytes;
      for (const float component : vector) {
        const auto bits = std::bit_cast<std::uint32_t>(component);
        for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>((bits >> shift) & 0xffU);
      }
      std::string text;
      for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k) group = (group << 8) | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k) text += i + k <= bytes.size() ? Digits[(group >> (18 - 6 * k)) & 63U] : '=';
      }
      json.value(text);
    }
    json.end_object();
  }
  json.end_array().key("usage").begin_object().member("prompt_tokens", tokens).member("total_tokens", tokens).end_object().end_object();
  return out;
}

std::string engine_error(std::uint16_t status, std::string_view type, std::string_view message, std::string_view param) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("error").begin_object().member("message", message).member("type", type).key("param");
  if (param.empty()) {
    json.null();
  } else {
    json.value(param);
  }
  json.member("code", static_cast<unsigned>(status)).end_object().end_object();
  return out;
}

}  // namespace evener::engine
