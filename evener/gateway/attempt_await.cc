// The receiving half of an attempt: the answer's head, and what behind it makes it an answer.

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "evener/gateway/attempt.h"
#include "evener/base/clock.h"
#include "evener/gateway/first_content.h"
#include "evener/gateway/load_collector.h"
#include "evener/gateway/paths.h"
#include "evener/net/http1/head_writer.h"
#include "evener/protocol/orca.h"
#include "evener/protocol/retry_after.h"

namespace evener::gateway {
namespace {

constexpr std::size_t AnswerHeadBytesMax = 64 * 1024;
constexpr int InterimAnswersMax = 16;  // 1xx before the real one

route::Ending ending_of(std::uint16_t status) {
  if (status == 429 || status == 503) return route::Ending::Refused;
  return status >= 500 ? route::Ending::ServerError : route::Ending::Ok;
}

std::string_view media_type(std::string_view content_type) { return content_type.substr(0, content_type.find(';')); }

bool is_delimited(net::http1::Framing framing) { return framing == net::http1::Framing::None || framing == net::http1::Framing::Length; }

}  // namespace

net::Task<Attempt::Result> Attempt::await_answer() {
  const auto lost = [&](const char* detail) {
    const ResetRetry rule = route_.config.retry.on_reset;
    const bool may_retry = rule == ResetRetry::Any || (rule == ResetRetry::ReusedConnection && reused_ && !got_bytes_);
    return failed(route::Ending::Reset, may_retry, detail);
  };
  net::Buffer& block = kept_.block;
  std::size_t& begin = kept_.begin;
  std::size_t& end = kept_.end;
  net::http1::HeadScanner scanner;
  int interim = 0;
  bool have_head = false;
  std::optional<FirstContent> first_content;  // of a stream
  for (;;) {
    connection_.set_read_deadline(give_up_);
    const long waited = co_await connection_.wait_readable();
    if (waited < 0) {
      if (stalled_) co_return failed(route::Ending::Timeout, true, "the endpoint takes nothing of the request");
      if (waited == -ETIMEDOUT && request_.sent_once() && request_.awaits_client) {
        request_.keep_alive = false;
        request_.body_fault = BodyFault::Late;  // all its time went by while its body was on the way
        co_return failed(route::Ending::Cancelled, false, "total time over");
      }
      if (waited == -ETIMEDOUT) {
        const Duration total = route_.config.timeouts.total;
        const bool time_left = total == Duration::zero() || worker_.reactor.now() - request_.began < total;
        co_return failed(route::Ending::Timeout, time_left, time_left ? "first token late" : "total time over");
      }
      if (request_.client_gone || cancelled_) co_return failed(route::Ending::Cancelled, false, "cancelled");
      if (waited == -ECANCELED) co_return failed(route::Ending::Cancelled, false, "cancelled");
      co_return lost("connection reset before the answer");
    }
    if (!block) block = net::Buffer::take();
    if (begin == end) begin = end = 0;
    const long got = connection_.try_recv(block.from(end));
    if (got == -EAGAIN) continue;
    if (got == 0 && have_head && !first_content && answer_.framing == net::http1::Framing::UntilClose) {
      answer_.complete = true;
      break;
    }
    if (got <= 0) co_return lost(got == 0 ? "connection closed before the answer" : "connection reset before the answer");
    got_bytes_ = true;
    end += static_cast<std::size_t>(got);
    std::string_view body = block.view(end - static_cast<std::size_t>(got), static_cast<std::size_t>(got));  // what is new of it

    while (!have_head) {
      const auto state = scanner.scan(block.view(begin, end - begin));
      if (state == net::http1::HeadScanner::State::NeedMore) break;
      if (state == net::http1::HeadScanner::State::Bad)
        co_return failed(route::Ending::BadResponse, true, "the answer's head is malformed");
      net::http1::ResponseHead& head = worker_.response_head;
      if (const auto* error = net::http1::parse_response_head(block.view(begin, scanner.length()), request_.method, head)) {
        co_return failed(route::Ending::BadResponse, true, error->reason);
      }
      begin += scanner.length();
      scanner.reset();
      if (head.status < 200) {
        if (++interim > InterimAnswersMax) co_return failed(route::Ending::BadResponse, true, "too many interim answers");
        continue;
      }
      have_head = true;
      take_head(head);
      if (request_.view.stream && answer_.event_stream && answer_.status == 200) first_content.emplace(answer_.framing, answer_.remaining);
      body = block.view(begin, end - begin);
    }
    if (have_head) {
      // The head waits for the first byte behind it, that of a stream for its first content: until then the request can still go elsewhere.
      const bool empty = is_delimited(answer_.framing) && answer_.remaining == 0;
      if (empty || (begin < end && !first_content)) break;
      const auto seen = first_content ? first_content->feed(body) : FirstContent::Seen::Nothing;
      if (seen == FirstContent::Seen::Bad) co_return failed(route::Ending::BadResponse, true, "the answer's chunks are malformed");
      if (seen == FirstContent::Seen::Content) break;
    }
    if (end == block.capacity()) {
      if (!have_head && end - begin >= AnswerHeadBytesMax)
        co_return failed(route::Ending::BadResponse, true, "the answer's head is larger than 64 KiB");
      net::Buffer larger = net::Buffer::take(begin > 0 ? block.capacity() : block.capacity() * 2);
      std::memcpy(larger.data(), block.data() + begin, end - begin);
      end -= begin;
      begin = 0;
      block = std::move(larger);
    }
  }
  co_return Result{.end = End::Answered, .ending = ending_of(answer_.status)};
}

void Attempt::take_head(const net::http1::ResponseHead& head) {
  using net::http1::HeaderId;
  answer_.status = head.status;
  answer_.framing = head.framing;
  answer_.remaining = head.framing == net::http1::Framing::Length ? head.content_length : 0;
  answer_.keep_alive = head.keep_alive;
  if (const auto* type = head.headers.find(HeaderId::ContentType)) {
    const std::string_view media = media_type(type->value);
    const auto* encoding = head.headers.find(HeaderId::ContentEncoding);
    const bool plain = encoding == nullptr || equals_ignoring_case(encoding->value, "identity");
    answer_.event_stream = plain && equals_ignoring_case(media, "text/event-stream");
    answer_.json = plain && equals_ignoring_case(media, "application/json");
  }
  if (const auto* retry = head.headers.find(HeaderId::RetryAfter)) answer_.retry_after = protocol::parse_retry_after(retry->value, wall_clock_ns);
  if (route_.config.load_reports.enabled && route_.config.load_reports.in_answers) take_load_report(head);
  if (endpoint_.config.external.enabled) read_allowance(head.headers);
  // An answer ends its connection when we drain, and when HTTP/1.0 has no other way to say where it ends.
  if (worker_.shared.draining.load(std::memory_order_relaxed) || (request_.http10 && !is_delimited(head.framing)))
    request_.keep_alive = false;
  kept_.head.write([&](net::http1::HeadWriter& writer) { write_client_head(writer, head); });
}

void Attempt::take_load_report(const net::http1::ResponseHead& head) {
  for (const net::http1::Header& header : head.headers) {
    if (header.id != net::http1::HeaderId::Other) continue;
    const auto report = load_report_in_header(header.name, header.value, worker_.reactor.now());
    if (!report) continue;
    route_.pool->with_scheduler(report->at,
                                [&](route::RecordedScheduler& scheduler) { scheduler.load_noted(endpoint_.id, *report, report->at); });
    return;
  }
}

void Attempt::write_client_head(net::http1::HeadWriter& writer, const net::http1::ResponseHead& head) const {
  using net::http1::Framing;
  using net::http1::HeaderId;
  writer.status_line(head.status);
  for (const net::http1::Header& header : head.headers) {
    if (header.hop_by_hop || header.id == HeaderId::XRequestId || header.id == HeaderId::XEvener) continue;
    if (asked_for_load_ && header.id == HeaderId::Other && protocol::orca_form(header.name)) continue;
    // Only with HEAD and 304 does a length tell of a body that is not sent; elsewhere it is written anew, and a 204 has none.
    const bool length_stays = request_.method == net::http1::Method::Head || head.status == 304;
    if (header.id == HeaderId::ContentLength && !length_stays) continue;
    writer.parsed_header(header);
  }
  if (answer_.framing == Framing::Length) writer.header("Content-Length", answer_.remaining);  // never with HEAD: it has no body here
  if (!is_delimited(answer_.framing) && !request_.http10) writer.header("Transfer-Encoding", "chunked");
  writer.unchecked_header("x-request-id", request_.id);
  writer.header("x-evener-endpoint", endpoint_.config.name);
  if (route_.config.decision_header) writer.header("x-evener-decision", decision_text());
  if (!request_.keep_alive) {
    writer.header("Connection", "close");
  } else if (request_.http10) {
    writer.header("Connection", "keep-alive");
  }
  writer.end();
}

std::string Attempt::decision_text() const {
  const route::Share& share = lease_.share();
  std::string text = "endpoint=\"" + endpoint_.config.name + "\";reason=" + std::string(route::pick_reason_name(pick_));
  if (share.predicted_first_token_s > 0)
    text += ";first_token_predicted_ms=" + std::to_string(std::lround(share.predicted_first_token_s * 1000));
  if (request_.prompt) {
    text += ";prompt_tokens_estimated=" + std::to_string(share.prompt_tokens);
    if (route_.rules.blocks) text += ";cached_tokens_expected=" + std::to_string(cached_expected(share));
  }
  return text;
}

}  // namespace evener::gateway
