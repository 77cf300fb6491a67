#include "evener/gateway/access_log.h"

#include <ctime>

#include "evener/base/json_writer.h"

namespace evener::gateway {
namespace {

void milliseconds(JsonWriter& json, std::string_view name, Duration duration) {
  json.key(name);
  if (duration < Duration::zero()) {
    json.null();
  } else {
    // Whole microseconds, so that no floating-point formatting is needed on this path.
    json.fixed(static_cast<double>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count()) / 1000.0, 3);
  }
}

void tokens(JsonWriter& json, std::string_view name, std::int64_t count) {
  json.key(name);
  if (count < 0) {
    json.null();
  } else {
    json.value(count);
  }
}

/// RFC 3339 in UTC with milliseconds. The date changes once a day and the second once a second, so both are kept per thread.
void append_time(JsonWriter& json, std::int64_t wall_ns) {
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
  json.key("time").value(std::string_view(text, sizeof text - 1));
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
  {
    JsonWriter json(out);
    json.begin_object();
    append_time(json, wall_ns);
    json.member("request_id", record.request_id).member("trace_id", record.trace_id).member("client", record.client);
    json.member("method", record.method).member("path", record.path).member("status", record.status);
    json.member("ended", ended_by_name(record.ended));
    if (!record.detail.empty()) json.member("detail", record.detail);
    json.member("pool", record.pool).member("endpoint", record.endpoint).member("pick", record.pick).member("model", record.model);
    json.member("attempts", record.attempts).member("stream", record.stream);
    milliseconds(json, "queue_ms", record.queue);
    milliseconds(json, "connect_ms", record.connect);
    milliseconds(json, "first_token_ms", record.first_token);
    milliseconds(json, "total_ms", record.total);
    json.member("request_bytes", record.request_bytes).member("response_bytes", record.response_bytes).member("events", record.events);
    tokens(json, "prompt_tokens", record.prompt_tokens);
    tokens(json, "completion_tokens", record.completion_tokens);
    tokens(json, "cached_tokens", record.cached_tokens);
    json.end_object();
  }
  out += '\n';
}

}  // namespace evener::gateway
