#include "evener/protocol/continued_stream.h"

#include <algorithm>
#include <array>

#include "evener/protocol/json_cursor.h"
#include "evener/protocol/json_reader.h"
#include "evener/protocol/stream_chunk.h"

namespace evener::protocol {
namespace {

std::uint64_t count_of(std::string_view number) { return to_unsigned({.kind = JsonKind::Number, .text = number}).value_or(0); }

/// Takes copies of a text's parts and puts others in the place of some, from its begin to its end.
class Rewriter {
 public:
  Rewriter(std::string_view text, std::string& out) : text_(text), out_(out) { out_.clear(); }
  void replace(std::string_view part, std::string_view other) {
    const auto at = static_cast<std::size_t>(part.data() - text_.data());
    out_ += text_.substr(copied_, at - copied_);
    out_ += other;
    copied_ = at + part.size();
  }
  void finish() { out_ += text_.substr(copied_); }

 private:
  std::string_view text_;
  std::string& out_;
  std::size_t copied_ = 0;
};

/// An engine that continued counts what was delivered before into the prompt; to the client it is part of the answer. The total is the same.
void rewrite_usage(Rewriter& out, std::string_view usage, std::uint64_t tokens_before) {
  const JsonValue object{.kind = JsonKind::Object, .text = usage};
  const std::uint64_t engine_prompt = to_unsigned(find_in(object, "prompt_tokens").value_or(JsonValue{})).value_or(0);
  const std::uint64_t prompt = engine_prompt - std::min(engine_prompt, tokens_before);
  JsonCursor cursor(usage);
  if (!cursor.enter()) return;
  do {
    const std::string_view key = cursor.key(), value = cursor.skip();
    if (key == "prompt_tokens") {
      out.replace(value, std::to_string(prompt));
    } else if (key == "completion_tokens") {
      out.replace(value, std::to_string(count_of(value) + engine_prompt - prompt));
    } else if (key == "prompt_tokens_details" && value.front() == '{') {
      const auto cached = find_in({.kind = JsonKind::Object, .text = value}, "cached_tokens");
      if (cached && to_unsigned(*cached).value_or(0) > prompt) out.replace(cached->text, std::to_string(prompt));
    }
  } while (cursor.next());
}

}  // namespace

std::string_view ContinuedStream::pass(const SseEvent& event) {
  if (!event.data || *event.data == "[DONE]") {
    done_ |= event.data.has_value();
    if (event.several) plain_ = false;
    return event.bytes;
  }
  const StreamChunk chunk = read_stream_chunk(*event.data);
  if (!chunk.text_only) {
    plain_ = false;
    text_ = std::string();
    return event.bytes;
  }
  if (id_.empty() && model_.empty() && !resumed_) {
    const auto keep = [](std::string_view name) { return name.size() <= NameBytesMax ? std::string(name) : std::string(); };
    id_ = keep(chunk.id);
    created_ = keep(chunk.created);
    model_ = keep(chunk.model);
  }
  finished_ |= chunk.finished;
  if (!chunk.text.empty()) {
    ++tokens_;
    if (plain_ && chunk.text.size() <= TextBytesMax - text_.size()) {
      text_ += chunk.text;
    } else {
      plain_ = false;
      text_ = std::string();
    }
  }
  if (!chunk.usage.empty()) {
    has_usage_ |= chunk.content && chunk.text.empty() && !chunk.finished;  // some engines also count in every event
    if (const auto reported = find_in({.kind = JsonKind::Object, .text = chunk.usage}, "completion_tokens")) {
      tokens_ = std::max(tokens_, to_unsigned(*reported).value_or(0));
    }
  }
  if (!resumed_) return event.bytes;
  if (!chunk.content) return {};
  return rewritten(event.bytes, chunk);
}

void ContinuedStream::resume() {
  resumed_ = true;
  tokens_before_ += tokens_;
  tokens_ = 0;
}

std::string_view ContinuedStream::rewritten(std::string_view event, const StreamChunk& chunk) {
  // The members stand in any order.
  std::array<std::pair<std::string_view, std::string_view>, 4> members = {
      {{chunk.id, id_}, {chunk.created, created_}, {chunk.model, model_}, {chunk.usage, chunk.usage}}};
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first.data() < b.first.data(); });
  Rewriter out(event, out_);
  for (const auto& [value, other] : members) {
    if (value.empty() || other.empty()) continue;
    if (value.data() == chunk.usage.data()) {
      if (value.front() == '{') rewrite_usage(out, value, tokens_before_);
    } else {
      out.replace(value, other);
    }
  }
  out.finish();
  return out_;
}

std::optional<std::string> ContinuedStream::ending(Missing missing, bool usage_wanted) const {
  std::string out;
  if (done_) return out;
  if (!finished_ && (missing == Missing::Tokens || !plain_)) return std::nullopt;
  if (usage_wanted && !has_usage_) return std::nullopt;
  if (!finished_) {
    out = R"(data: {"id":)" + (id_.empty() ? "\"\"" : id_) + R"(,"object":")" + (chat_ ? "chat.completion.chunk" : "text_completion") +
          R"(","created":)" + (created_.empty() ? "0" : created_) + R"(,"model":)" + (model_.empty() ? "\"\"" : model_) +
          R"(,"choices":[{"index":0,)" + (chat_ ? R"("delta":{})" : R"("text":"")") + R"(,"logprobs":null,"finish_reason":"length"}]})" +
          "\n\n";
  }
  out += "data: [DONE]\n\n";
  return out;
}

}  // namespace evener::protocol
