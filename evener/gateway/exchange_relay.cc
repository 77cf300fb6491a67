// Passing an answer on: its head re-written, its body as it comes, at most one block of it here at any time.

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "evener/gateway/exchange.h"
#include "evener/gateway/paths.h"
#include "evener/net/http1/head_writer.h"
#include "evener/protocol/openai.h"

namespace evener::gateway {
namespace {

constexpr std::size_t AnswerHeadBytesMax = 64 * 1024;
constexpr int InterimAnswersMax = 16;                 // 1xx before the real one
constexpr std::size_t CopiedAnswerMax = 4 * 1024;     // up to this a copy behind the head is cheaper than to send two pieces
constexpr std::size_t InspectedAnswerMax = 64 * 1024; // a JSON answer larger than this is not searched for its usage

route::Ending ending_of(std::uint16_t status) {
  if (status == 429 || status == 503) return route::Ending::Refused;
  return status >= 500 ? route::Ending::ServerError : route::Ending::Ok;
}

/// Seconds only: the other form (a date) would need a wall clock that agrees with the endpoint's.
Duration parse_retry_after(std::string_view value) {
  std::uint32_t seconds_asked = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds_asked);
  if (error != std::errc() || end != value.data() + value.size()) return {};
  return std::chrono::seconds(std::min<std::uint32_t>(seconds_asked, 3600));
}

std::string_view media_type(std::string_view content_type) { return content_type.substr(0, content_type.find(';')); }

}  // namespace

Instant Exchange::answer_deadline(Duration step) const {
  Instant deadline = step > Duration::zero() ? reactor_.now() + step : Instant::max();
  const Duration total = route_->config.timeouts.total;
  if (total > Duration::zero()) deadline = std::min(deadline, began_ + total);
  return deadline;
}

net::Task<Exchange::Attempt> Exchange::await_answer() {
  const auto failed = [this](route::Ending ending, bool may_retry, const char* detail) {
    detail_ = detail;
    return Attempt{.end = Attempt::End::Failed, .ending = ending, .may_retry = may_retry};
  };
  const auto lost = [&](const char* detail) {
    const ResetRetry rule = route_->config.retry.on_reset;
    const bool may_retry = rule == ResetRetry::Any || (rule == ResetRetry::ReusedConnection && reused_ && !got_bytes_);
    return failed(route::Ending::Reset, may_retry, detail);
  };
  net::Buffer& block = kept_answer_.block;
  std::size_t& begin = kept_answer_.begin;
  std::size_t& end = kept_answer_.end;
  const Instant deadline = answer_deadline(first_token_limit_);
  net::http1::HeadScanner scanner;
  int interim = 0;
  bool have_head = false;
  for (;;) {
    upstream_.set_read_deadline(deadline);
    const long waited = co_await upstream_.wait_readable();
    if (waited < 0) {
      if (waited == -ETIMEDOUT) {
        const Duration total = route_->config.timeouts.total;
        const bool time_left = total == Duration::zero() || reactor_.now() - began_ < total;
        co_return failed(route::Ending::Timeout, time_left, time_left ? "first token late" : "total time over");
      }
      if (client_gone_) co_return failed(route::Ending::Cancelled, false, "client gone");
      if (waited == -ECANCELED) co_return failed(route::Ending::Cancelled, false, "cancelled");
      co_return lost("connection reset before the answer");
    }
    if (!block) block = net::Buffer::take();
    if (begin == end) begin = end = 0;
    const long got = upstream_.try_recv(block.from(end));
    if (got == -EAGAIN) continue;
    if (got == 0 && have_head && answer_.framing == net::http1::Framing::UntilClose) {
      answer_done_ = true;
      break;
    }
    if (got <= 0) co_return lost(got == 0 ? "connection closed before the answer" : "connection reset before the answer");
    got_bytes_ = true;
    end += static_cast<std::size_t>(got);
    if (have_head) break;

    while (!have_head) {
      const auto state = scanner.scan(block.view(begin, end - begin));
      if (state == net::http1::HeadScanner::State::NeedMore) break;
      if (state == net::http1::HeadScanner::State::Bad) co_return failed(route::Ending::BadResponse, true, "the answer's head is malformed");
      net::http1::ResponseHead& head = worker_.response_head;
      if (const auto* error = net::http1::parse_response_head(block.view(begin, scanner.length()), method_, head)) {
        co_return failed(route::Ending::BadResponse, true, error->reason);
      }
      begin += scanner.length();
      scanner.reset();
      if (head.status < 200) {
        if (++interim > InterimAnswersMax) co_return failed(route::Ending::BadResponse, true, "too many interim answers");
        continue;
      }
      have_head = true;
      answer_.status = head.status;
      answer_.framing = head.framing;
      answer_.remaining = head.content_length;
      answer_.keep_alive = head.keep_alive;
      if (const auto* type = head.headers.find(net::http1::HeaderId::ContentType)) {
        const std::string_view media = media_type(type->value);
        answer_.event_stream = equals_ignoring_case(media, "text/event-stream");
        answer_.json = equals_ignoring_case(media, "application/json");
      }
      if (const auto* retry = head.headers.find(net::http1::HeaderId::RetryAfter)) answer_.retry_after = parse_retry_after(retry->value);
      // An answer ends its connection when we drain, and when HTTP/1.0 has no other way to say where it ends.
      const bool delimited = head.framing == net::http1::Framing::None || head.framing == net::http1::Framing::Length;
      if (worker_.shared.draining.load(std::memory_order_relaxed) || (http10_ && !delimited)) keep_alive_ = false;
      kept_answer_.head.write([&](net::http1::HeadWriter& writer) { write_client_head(writer, head); });
    }
    if (have_head) {
      // The head waits for the first byte behind it: until then the request can still go elsewhere.
      const bool empty = answer_.framing == net::http1::Framing::None || (answer_.framing == net::http1::Framing::Length && answer_.remaining == 0);
      if (empty || begin < end) break;
      continue;
    }
    if (end == block.capacity()) {
      if (end - begin >= AnswerHeadBytesMax) co_return failed(route::Ending::BadResponse, true, "the answer's head is larger than 64 KiB");
      net::Buffer larger = net::Buffer::take(begin > 0 ? block.capacity() : block.capacity() * 2);
      std::memcpy(larger.data(), block.data() + begin, end - begin);
      end -= begin;
      begin = 0;
      block = std::move(larger);
    }
  }
  co_return Attempt{.end = Attempt::End::Answered, .ending = ending_of(answer_.status)};
}

void Exchange::write_client_head(net::http1::HeadWriter& writer, const net::http1::ResponseHead& head) const {
  const Answer& answer = answer_;
  using net::http1::Framing;
  using net::http1::HeaderId;
  const bool delimited = answer.framing == Framing::None || answer.framing == Framing::Length;
  writer.status_line(head.status);
  for (const net::http1::Header& header : head.headers) {
    if (header.hop_by_hop || header.id == HeaderId::XRequestId || header.id == HeaderId::XEvener) continue;
    // Only with HEAD and 304 does a length tell of a body that is not sent; elsewhere it is written anew, and a 204 has none.
    const bool length_stays = method_ == net::http1::Method::Head || head.status == 304;
    if (header.id == HeaderId::ContentLength && !length_stays) continue;
    writer.parsed_header(header);
  }
  if (answer.framing == Framing::Length) writer.header("Content-Length", answer.remaining);  // never with HEAD: it has no body here
  if (!delimited && !http10_) writer.header("Transfer-Encoding", "chunked");
  writer.unchecked_header("x-request-id", request_id_);
  writer.header("x-evener-endpoint", endpoint_->config.name);
  if (route_->config.decision_header) writer.header("x-evener-decision", decision_text());
  if (!keep_alive_) {
    writer.header("Connection", "close");
  } else if (http10_) {
    writer.header("Connection", "keep-alive");
  }
  writer.end();
}

std::string Exchange::decision_text() const {
  const route::Share& share = lease_.share();
  std::string text = "endpoint=\"" + endpoint_->config.name + "\";reason=" + std::string(pick_);
  if (share.predicted_first_token_s > 0)
    text += ";first_token_predicted_ms=" + std::to_string(std::lround(share.predicted_first_token_s * 1000));
  if (prompt_) {
    text += ";prompt_tokens_estimated=" + std::to_string(share.prompt_tokens);
    if (route_->rules.blocks) text += ";cached_tokens_expected=" + std::to_string(cached_expected(share));
  }
  return text;
}

void Exchange::first_byte() {
  first_token_ = reactor_.now() - began_;
  lease_.first_token();
  answer_begun_ = true;
  if (prompt_) {  // it goes nowhere else now
    view_.blocks = {};
    prompt_->blocks = {};
  }
  // From here on nothing is sent again, so the request need not be kept; unless it is still being sent.
  if (!sender_.running()) {
    request_.release();
    chunked_body_.release();
    memory_.release();
  }
  if (answer_.event_stream && answer_.status == 200) sse_.emplace();
}

void Exchange::observe(std::string_view data) {
  if (sse_) {
    sse_->feed(data);
  } else if (answer_.json && answer_.status == 200 && json_answer_.size() + data.size() <= InspectedAnswerMax) {
    json_answer_.append(data);
  }
}

net::Task<Exchange::Passed> Exchange::pass_on(std::string_view bytes) {
  using net::http1::Framing;
  using Kind = net::http1::ChunkedDecoder::Kind;
  std::string tail;
  char size_line[24];
  for (;;) {
    std::array<iovec, 34> pieces{};
    std::size_t used = 0;
    const auto add = [&](std::string_view piece) {
      if (piece.empty()) return;
      if (used > 0 && static_cast<const char*>(pieces[used - 1].iov_base) + pieces[used - 1].iov_len == piece.data()) {
        pieces[used - 1].iov_len += piece.size();
      } else {
        pieces[used++] = {const_cast<char*>(piece.data()), piece.size()};
      }
    };
    add(kept_answer_.head.view());
    bool bad = false;
    if (answer_.framing == Framing::Length) {
      const std::string_view piece = bytes.substr(0, answer_.remaining);
      answer_.remaining -= piece.size();
      bytes.remove_prefix(piece.size());
      add(piece);
      observe(piece);
      answer_done_ = answer_.remaining == 0;
    } else if (answer_.framing == Framing::UntilClose) {
      if (!http10_ && !bytes.empty()) {
        const int length = std::snprintf(size_line, sizeof size_line, "%zx\r\n", bytes.size());
        add({size_line, static_cast<std::size_t>(length)});
      }
      add(bytes);
      if (!http10_ && !bytes.empty()) add("\r\n");
      observe(bytes);
      bytes = {};
      if (answer_done_ && !http10_) add("0\r\n\r\n");
    } else if (answer_.framing == Framing::Chunked) {
      while (used + 2 < pieces.size()) {
        const auto step = chunks_.next(bytes);
        bytes.remove_prefix(step.bytes.size());
        if (step.kind == Kind::NeedMore) break;
        if (step.kind == Kind::Bad) {
          bad = true;
          break;
        }
        if (step.kind == Kind::End) {
          if (!http10_) {
            tail = chunks_.trailers() + "\r\n";
            add(tail);
          }
          answer_done_ = true;
          break;
        }
        if (step.kind == Kind::Data) observe(step.bytes);
        if (step.kind == Kind::Data || (step.kind == Kind::Framing && !http10_)) add(step.bytes);
      }
    } else {
      answer_done_ = true;
    }
    if (used == 2 && pieces[0].iov_base == kept_answer_.head.data() && pieces[1].iov_len <= CopiedAnswerMax &&
        kept_answer_.head.append({static_cast<const char*>(pieces[1].iov_base), pieces[1].iov_len})) {
      pieces[0] = {kept_answer_.head.data(), kept_answer_.head.size()};
      used = 1;
    }
    if (used > 0) {
      client_.set_write_deadline(reactor_.now() + routing_->config().timeouts.send_idle);
      const long sent = co_await client_.send(std::span(pieces).first(used));
      if (sent < 0) co_return Passed::ClientGone;
      status_ = answer_.status;
      response_bytes_ += static_cast<std::uint64_t>(sent);
      kept_answer_.head.clear();
    }
    if (bad) co_return Passed::Bad;
    if (answer_done_) {
      surplus_ = !bytes.empty();
      co_return Passed::Done;
    }
    if (bytes.empty()) co_return Passed::More;
  }
}

net::Task<> Exchange::relay(route::Ending ending) {
  const Duration to_first_token = reactor_.now() - dispatched_;
  endpoint_->metrics->first_token_seconds.observe(seconds(to_first_token));
  first_byte();
  net::Buffer block = std::move(kept_answer_.block);
  const std::size_t begin = kept_answer_.begin;
  const std::size_t end = kept_answer_.end;
  // The usual small answer lies here whole, and is read where it lies.
  if (answer_.json && answer_.status == 200 && answer_.framing == net::http1::Framing::Length && answer_.remaining <= end - begin) {
    usage_ = protocol::read_usage(block.view(begin, static_cast<std::size_t>(answer_.remaining)));
    answer_.json = false;
  }
  Passed passed = co_await pass_on(block ? block.view(begin, end - begin) : std::string_view());
  const char* broken = nullptr;
  while (passed == Passed::More) {
    block.release();
    upstream_.set_read_deadline(answer_deadline(route_->config.timeouts.between_tokens));
    const long waited = co_await upstream_.wait_readable();
    if (waited < 0) {
      if (client_gone_) {
        passed = Passed::ClientGone;
        break;
      }
      ending = waited == -ETIMEDOUT ? route::Ending::Timeout : waited == -ECANCELED ? route::Ending::Cancelled : route::Ending::Reset;
      broken = waited == -ETIMEDOUT ? "The endpoint sent nothing for too long." : "The answer was cut off.";
      break;
    }
    block = net::Buffer::take();
    const long got = upstream_.try_recv(block.from(0));
    if (got == -EAGAIN) continue;
    if (got == 0 && answer_.framing == net::http1::Framing::UntilClose) {
      answer_done_ = true;
      passed = co_await pass_on({});
      break;
    }
    if (got <= 0) {
      ending = route::Ending::Reset;
      broken = "The endpoint closed the connection in mid-answer.";
      break;
    }
    passed = co_await pass_on(block.view(0, static_cast<std::size_t>(got)));
  }
  if (passed == Passed::Bad) {
    ending = route::Ending::BadResponse;
    broken = "The endpoint's answer is malformed.";
  }
  block.release();

  if (passed == Passed::ClientGone) {
    client_gone_ = true;
    ended_ = EndedBy::ClientGone;
    ending = route::Ending::Cancelled;
  } else if (broken != nullptr) {
    const bool client_fault = body_fault_ != BodyFault::None;
    const OwnError fault = body_error(body_fault_);
    if (client_fault) ending = route::Ending::Cancelled;
    detail_ = client_fault ? fault.code : broken;
    ended_ = client_fault                              ? EndedBy::BadRequest
             : ending == route::Ending::Timeout   ? EndedBy::Timeout
             : ending == route::Ending::Cancelled ? EndedBy::Drained
                                                  : EndedBy::EndpointAborted;
    co_await break_off(client_fault ? protocol::openai_error(fault.message, fault.type, fault.code)
                                    : protocol::openai_error(broken, "server_error", "endpoint_aborted"));
  } else {
    if (sse_) sse_->finish();
    if (usage_ == std::nullopt && !json_answer_.empty()) {
      const std::size_t bytes = json_answer_.size();
      json_answer_.resize(bytes + protocol::JsonPadding);
      usage_ = protocol::read_usage(std::string_view(json_answer_).substr(0, bytes));
    }
    if (answer_.keep_alive && !surplus_ && !sender_.running() && request_sent_ && (body_read_ || body_mode_ == BodyMode::Whole)) {
      worker_.upstreams.put(*endpoint_, std::move(upstream_), reactor_.now());
    }
  }
  if (lease_.held()) endpoint_->metrics->attempts[static_cast<std::size_t>(ending)].add();  // else it was counted as not taken
  end_attempt(ending, to_first_token);
  kv_note_.end(usage_);
  if (sender_.running()) co_await stop_sending();
  upstream_.close();
  if (passed == Passed::Done && !body_read_) co_await linger();  // an early answer, to a client that still sends
}

void Exchange::end_attempt(route::Ending ending, Duration to_first_token) {
  if (sse_ && sse_->usage()) usage_ = sse_->usage();
  route::Outcome outcome{.ending = ending, .first_token = to_first_token, .retry_after = answer_.retry_after};
  if (prompt_ && lease_.held()) {
    const AnswerTokens tokens{.usage = usage_, .events = sse_ ? sse_->events() : 0};
    outcome.usage = token_usage(view_, tokens);
    const bool whole = ending == route::Ending::Ok && answer_.status == 200;
    if (whole) learn_from(*prompt_, view_.model, tokens, route_->pool->estimates());
    const double predicted_s = lease_.share().predicted_first_token_s;
    if (whole && view_.stream && predicted_s > 0) {
      route_->pool->metrics().prediction_error.observe(std::abs(predicted_s / std::max(seconds(to_first_token), 1e-6) - 1.0));
    }
  }
  lease_.end(outcome);
}

net::Task<> Exchange::break_off(std::string error) {
  // Never a clean end: a client must be able to tell a whole answer from a part of one. Where an event can be framed, it says why.
  keep_alive_ = false;
  const bool framed = !http10_ && (answer_.framing == net::http1::Framing::UntilClose ||
                                   (answer_.framing == net::http1::Framing::Chunked && chunks_.between_chunks()));
  if (sse_ && framed) {
    const std::string event = (sse_->between_events() ? "data: " : "\n\ndata: ") + error + "\n\n";
    char size_line[24];
    const int length = std::snprintf(size_line, sizeof size_line, "%zx\r\n", event.size());
    std::array<iovec, 3> pieces = {{{size_line, static_cast<std::size_t>(length)},
                                    {const_cast<char*>(event.data()), event.size()},
                                    {const_cast<char*>("\r\n"), 2}}};
    client_.set_write_deadline(reactor_.now() + routing_->config().timeouts.send_idle);
    (void)co_await client_.send(pieces);
  } else if (http10_) {
    co_await stop_sending();  // it may be reading from the client
    client_.abort();
  }
}

}  // namespace evener::gateway
