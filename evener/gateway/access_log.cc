#include "evener/gateway/access_log.h"

#include <charconv>
#include <cstring>
#include <ctime>
#include <memory>

#include "evener/base/json_writer.h"

namespace evener::gateway {
namespace {

constexpr std::uint64_t each_byte(unsigned char c) { return 0x0101010101010101U * c; }

/// Whether `size` bytes are all printable ASCII but quotes and backslashes, eight at a step. Blanks must follow up to the end of the last step.
bool needs_no_escape(const char* text, std::size_t size) {
  // The high bit of each byte that is zero; beside such a byte, perhaps that of others.
  const auto zeros = [](std::uint64_t word) { return (word - each_byte(1)) & ~word; };
  std::uint64_t found = 0;
  for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
    std::uint64_t word;  // NOLINT: read in the next line
    std::memcpy(&word, text + at, sizeof word);
    const std::uint64_t below_blank = word - each_byte(' ');
    found |= word | below_blank | zeros(word ^ each_byte('"')) | zeros(word ^ each_byte('\\')) | zeros(word ^ each_byte(0x7f));
  }
  return (found & each_byte(0x80)) == 0;
}

/// Writes the line from front to back into a buffer whose size was bounded before: no piece is checked on its own.
class Line {
 public:
  explicit Line(char* begin) : at_(begin) {}
  [[nodiscard]] char* end() const { return at_; }

  /// Constant text: a few moves, no call.
  template <std::size_t N>
  void put(const char (&text)[N]) {
    __builtin_memcpy(at_, text, N - 1);
    at_ += N - 1;
  }
  /// Bytes that are JSON already.
  void put_view(std::string_view bytes) {
    __builtin_memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  /// A text from outside. Copied as it is first, because nearly all need no escape, and there it can be looked at in whole steps.
  void text(std::string_view value) {
    char* const begin = at_;
    *at_++ = '"';
    put_view(value);
    __builtin_memcpy(at_, "        ", sizeof(std::uint64_t));  // there is always room
    if (needs_no_escape(begin + 1, value.size())) [[likely]] {
      *at_++ = '"';
      return;
    }
    at_ = begin;
    std::string escaped;
    append_json_string(escaped, value);
    put_view(escaped);
  }
  void number(std::uint64_t value) { at_ = std::to_chars(at_, at_ + 20, value).ptr; }
  /// Microseconds as milliseconds with three decimals; null where it was not reached.
  void milliseconds(Duration duration) {
    if (duration < Duration::zero()) {
      put("null");
      return;
    }
    const auto us = static_cast<std::uint64_t>(duration.count()) / 1000;
    number(us / 1000);
    const auto rest = static_cast<unsigned>(us % 1000);
    *at_++ = '.';
    *at_++ = static_cast<char>('0' + rest / 100);
    *at_++ = static_cast<char>('0' + rest / 10 % 10);
    *at_++ = static_cast<char>('0' + rest % 10);
  }
  void tokens(std::int64_t count) {
    if (count < 0) {
      put("null");
    } else {
      number(static_cast<std::uint64_t>(count));
    }
  }

 private:
  char* at_;
};

/// RFC 3339 in UTC with milliseconds. The second changes once a second, so it is kept per thread.
std::string_view time_text(std::int64_t wall_ns) {
  thread_local std::int64_t kept_second = -1;
  thread_local char text[] = "1970-01-01T00:00:00.000Z";
  const std::int64_t second = wall_ns / 1'000'000'000;
  if (second != kept_second) {
    kept_second = second;
    const std::time_t t = second;
    std::tm utc{};
    ::gmtime_r(&t, &utc);
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &utc);
  }
  const auto ms = static_cast<unsigned>(wall_ns / 1'000'000 % 1000);
  text[20] = static_cast<char>('0' + ms / 100);
  text[21] = static_cast<char>('0' + ms / 10 % 10);
  text[22] = static_cast<char>('0' + ms % 10);
  return {text, sizeof text - 1};
}

}  // namespace

std::string_view ended_by_name(EndedBy ended) {
  switch (ended) {
    case EndedBy::Done: return "done";
    case EndedBy::ClientGone: return "client_gone";
    case EndedBy::BadRequest: return "bad_request";
    case EndedBy::Refused: return "refused";
    case EndedBy::EndpointFailed: return "endpoint_failed";
    case EndedBy::EndpointAborted: return "endpoint_aborted";
    case EndedBy::Timeout: return "timeout";
    case EndedBy::Drained: return "drained";
  }
  return "unknown";
}

void append_access_line(std::string& out, const AccessRecord& record, std::int64_t wall_ns) {
  // By hand and not through JsonWriter: this runs for every request, and was a fifth of the gateway's own instructions before.
  // An escaped byte takes at most six; the keys, numbers and fixed words together stay below FixedBytesMax.
  constexpr std::size_t FixedBytesMax = 1280;
  const std::size_t texts = record.request_id.size() + record.trace_id.size() + record.client.size() + record.method.size() + record.path.size() +
                            record.pool.size() + record.endpoint.size() + record.model.size() + record.tenant.size() + record.pick.size() + record.detail.size() +
                            record.continued_from.size();
  const std::size_t needed = FixedBytesMax + 6 * texts;
  char usual[4096];
  std::unique_ptr<char[]> large;
  if (needed > sizeof usual) large = std::make_unique<char[]>(needed);
  char* const begin = large ? large.get() : usual;

  Line line(begin);
  line.put("{\"time\":\"");
  line.put_view(time_text(wall_ns));
  line.put("\",\"request_id\":\"");
  line.put_view(record.request_id);
  line.put("\",\"trace_id\":\"");
  line.put_view(record.trace_id);
  line.put("\",\"client\":\"");
  line.put_view(record.client);
  line.put("\",\"method\":");
  line.text(record.method);
  line.put(",\"path\":");
  line.text(record.path);
  line.put(",\"status\":");
  line.number(record.status);
  line.put(",\"ended\":\"");
  line.put_view(ended_by_name(record.ended));
  line.put("\"");
  if (!record.detail.empty()) {
    line.put(",\"detail\":");
    line.text(record.detail);
  }
  line.put(",\"pool\":");
  line.text(record.pool);
  line.put(",\"endpoint\":");
  line.text(record.endpoint);
  line.put(",\"pick\":\"");
  line.put_view(record.pick);
  line.put("\",\"model\":");
  line.text(record.model);
  line.put(",\"class\":\"");
  line.put_view(record.request_class);
  line.put("\",\"tenant\":");
  line.text(record.tenant);
  line.put(",\"attempts\":");
  line.number(record.attempts);
  if (record.hedge.empty()) {
    line.put(",\"hedged\":null");
  } else {
    line.put(",\"hedged\":\"");
    line.put_view(record.hedge);
    line.put("\"");
  }
  if (record.preempted) {
    line.put(",\"preempted\":true");
  } else {
    line.put(",\"preempted\":false");
  }
  if (record.stream) {
    line.put(",\"stream\":true,\"queue_ms\":");
  } else {
    line.put(",\"stream\":false,\"queue_ms\":");
  }
  line.milliseconds(record.queue);
  line.put(",\"connect_ms\":");
  line.milliseconds(record.connect);
  line.put(",\"first_token_ms\":");
  line.milliseconds(record.first_token);
  line.put(",\"total_ms\":");
  line.milliseconds(record.total);
  line.put(",\"request_bytes\":");
  line.number(record.request_bytes);
  line.put(",\"response_bytes\":");
  line.number(record.response_bytes);
  line.put(",\"events\":");
  line.number(record.events);
  line.put(",\"prompt_tokens\":");
  line.tokens(record.prompt_tokens);
  line.put(",\"completion_tokens\":");
  line.tokens(record.completion_tokens);
  line.put(",\"cached_tokens\":");
  line.tokens(record.cached_tokens);
  if (record.continued > 0) {
    line.put(",\"continued\":");
    line.number(record.continued);
    line.put(",\"continued_from\":");
    line.text(record.continued_from);
  }
  if (record.estimated) {
    line.put(",\"prompt_tokens_estimated\":");
    line.tokens(record.prompt_tokens_estimated);
    line.put(",\"cached_tokens_expected\":");
    line.tokens(record.cached_tokens_expected);
    line.put(",\"first_token_predicted_ms\":");
    line.milliseconds(record.first_token_predicted > Duration::zero() ? record.first_token_predicted : Duration(-1));
  }
  line.put("}\n");
  out.append(begin, static_cast<std::size_t>(line.end() - begin));
}

}  // namespace evener::gateway
