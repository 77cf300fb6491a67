#include "evener/protocol/sse.h"

#include <algorithm>
#include <cstring>

#include "evener/protocol/json_reader.h"
#include "evener/protocol/stream_chunk.h"
#include "evener/protocol/usage.h"

namespace evener::protocol {

namespace {

constexpr std::size_t SmallBytes = 4096;    // capacity of the buffers until an event is longer
constexpr std::size_t LineBeginBytes = 16;  // of an overlong line: enough to tell which field it is

/// A string left to itself would take up to twice what is put into it. What was taken is kept as long as the stream: who sends one long event sends more,
/// and blocks that come and go leave holes in the heap that cost more than they are worth.
void append_within_limit(std::string& buffer, std::string_view bytes) {
  const std::size_t needed = buffer.size() + bytes.size();
  if (needed > buffer.capacity()) {
    std::string larger;
    larger.reserve(needed <= SmallBytes ? SmallBytes : needed <= SseEndBytes ? SseEndBytes : SseEventBytesMax);
    larger = buffer;
    buffer.swap(larger);
  }
  buffer += bytes;
}

std::string_view end_of(std::string_view text) { return text.substr(text.size() - std::min(text.size(), SseEndBytes)); }

bool contains(std::string_view text, std::string_view needle) {
  return ::memmem(text.data(), text.size(), needle.data(), needle.size()) != nullptr;
}

/// Whether some "usage": is followed by something else than null. In model output quotes are escaped, so what is found is a real key (or a
/// string that is exactly this word). With stream options every chunk has one, mostly null: those must cost next to nothing.
bool has_usage(std::string_view data) {
  constexpr std::string_view Key = "\"usage\"";
  for (;;) {
    const auto* hit = static_cast<const char*>(::memmem(data.data(), data.size(), Key.data(), Key.size()));
    if (hit == nullptr) return false;
    data.remove_prefix(static_cast<std::size_t>(hit - data.data()) + Key.size());
    std::size_t at = 0;
    while (at < data.size() && (data[at] == ' ' || data[at] == '\t' || data[at] == '\n' || data[at] == '\r' || data[at] == ':')) ++at;
    if (at < data.size() && data[at] == '{') return true;
  }
}

/// Responses events that come before anything of the answer.
bool tells_of_begin(std::string_view event) {
  return event == "response.created" || event == "response.in_progress" || event == "response.queued" ||
         event == "response.output_item.added" || event == "response.content_part.added" ||
         event == "response.reasoning_summary_part.added";
}

bool has_error(std::string_view data) {
  if (!contains(data, "\"error\"")) return false;
  JsonReader& reader = thread_json_reader();
  bool result = false;
  if (!reader.read(data, JsonCheck::Structure)) {
    const JsonMember* error = find_member(reader.members(), "error");
    result = error != nullptr && error->value.kind != JsonKind::Null;
    // Older vLLM: {"object":"error","message":...}
    const JsonMember* object = find_member(reader.members(), "object");
    result |= object != nullptr && object->value.text == "\"error\"";
  }
  return result;
}

}  // namespace

void SseObserver::feed(std::string_view bytes) {
  const char* p = bytes.data();
  const char* const end = p + bytes.size();
  if (p != end && last_was_cr_) {
    if (*p == '\n') ++p;  // the second half of a CRLF
    last_was_cr_ = false;
  }
  // CR alone ends a line as well, but hardly anybody writes it: look for one only up to the next LF.
  while (p != end) {
    const auto left = static_cast<std::size_t>(end - p);
    const auto* lf = static_cast<const char*>(std::memchr(p, '\n', left));
    const auto* cr = static_cast<const char*>(std::memchr(p, '\r', lf == nullptr ? left : static_cast<std::size_t>(lf - p)));
    const char* stop = cr != nullptr ? cr : lf;
    if (stop == nullptr) {
      append_line(std::string_view(p, left));
      break;
    }
    const std::string_view piece(p, static_cast<std::size_t>(stop - p));
    if (line_.empty() && !line_overflow_) {
      take_line(piece, true);
    } else {
      append_line(piece);
      take_line(line_, false);
      line_.clear();
    }
    p = stop + 1;
    if (cr != nullptr) {
      if (p == end) {
        last_was_cr_ = true;
      } else if (*p == '\n') {
        ++p;
      }
    }
  }
  keep_data();
}

void SseObserver::finish() {
  if (!line_.empty()) take_line(line_, false);
  line_.clear();
  if (has_data_) end_of_event();
}

void SseObserver::append_line(std::string_view bytes) {
  if (bytes.size() <= SseEventBytesMax - line_.size()) {
    append_within_limit(line_, bytes);
    return;
  }
  line_overflow_ = true;
  if (bytes.size() >= SseEndBytes) {
    if (line_.size() < LineBeginBytes) append_within_limit(line_, bytes.substr(0, LineBeginBytes - line_.size()));
    line_.resize(LineBeginBytes);
    append_within_limit(line_, end_of(bytes));
    return;
  }
  // The room that this makes lasts for thousands of bytes, so each byte is moved about once.
  const std::size_t end_kept = SseEndBytes - bytes.size();
  line_.erase(LineBeginBytes, line_.size() - LineBeginBytes - end_kept);
  append_within_limit(line_, bytes);
}

/// What lies in the current piece would be gone with the next one.
void SseObserver::keep_data() {
  if (data_view_.data() == nullptr) return;
  data_.clear();
  append_within_limit(data_, data_view_);
  data_view_ = {};
}

/// `lasts`: the line lies in the piece that is being fed, not in line_.
void SseObserver::take_line(std::string_view line, bool lasts) {
  if (first_line_) {
    first_line_ = false;
    if (line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  }
  after_blank_ = line.empty();
  if (line.empty()) {
    end_of_event();
    return;
  }
  overflow_ |= line_overflow_ || line.size() > SseEventBytesMax;
  line_overflow_ = false;
  if (line.front() == ':') return;  // a comment: engines send them to keep connections alive
  const std::size_t colon = line.substr(0, 16).find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (field == "data") {
    take_data(value, lasts);
  } else if (field == "event") {
    if (value == "response.completed" || value == "response.incomplete" || value == "response.cancelled") {
      type_ = EventType::Terminal;
    } else if (value == "response.failed" || value == "error") {
      type_ = EventType::Failed;
    } else if (tells_of_begin(value)) {
      type_ = EventType::Begun;
    } else {
      type_ = EventType::Other;
    }
  } else if (field == "error") {  // llama.cpp: "error: {...}" in the place of a data line
    error_event_ = true;
  }
}

void SseObserver::take_data(std::string_view data, bool lasts) {
  if (data == "[DONE]") {
    done_ = true;
    return;
  }
  if (!has_data_ && overflow_) {
    has_data_ = only_end_ = true;
    append_within_limit(data_, end_of(data));
    return;
  }
  if (!has_data_ && lasts) {
    has_data_ = true;
    // A view without bytes must still be told from none.
    data_view_ = data.data() == nullptr ? std::string_view("") : data;
    return;
  }
  const bool follows = has_data_;
  has_data_ = true;
  only_end_ = false;
  if (follows) keep_data();
  if (overflow_ || data.size() + 1 > SseEventBytesMax - data_.size()) {
    overflow_ = true;
    return;
  }
  if (follows) append_within_limit(data_, "\n");
  append_within_limit(data_, data);
}

void SseObserver::end_of_event() {
  if (has_data_) {
    ++events_;
    if (type_ == EventType::Terminal || type_ == EventType::Failed) done_ = true;
    if (type_ == EventType::Failed) error_event_ = true;
    if (!overflow_) {
      read_event(data_view_.data() != nullptr ? data_view_ : std::string_view(data_));
    } else {
      ++too_large_;
      content_ |= type_ != EventType::Begun;
      if (only_end_) {
        const auto place = type_ == EventType::Terminal || type_ == EventType::Failed ? UsagePlace::TopOrResponse : UsagePlace::Top;
        if (const auto usage = read_usage_at_end(data_, place)) usage_ = usage;
      }
    }
  }
  data_view_ = {};
  data_.clear();
  type_ = EventType::Other;
  has_data_ = overflow_ = only_end_ = false;
}

void SseObserver::read_event(std::string_view data) {
  if (!content_) content_ = type_ != EventType::Begun && read_stream_chunk(data).content;
  if (has_usage(data)) {
    if (const auto usage = read_usage(data)) usage_ = usage;
  }
  if (!error_event_ && has_error(data)) error_event_ = true;
}

}  // namespace evener::protocol
