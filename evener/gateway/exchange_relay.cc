// An answer from its first byte to its end: waiting for more of it, telling a whole one from a part, and what it teaches.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>

#include "evener/gateway/exchange.h"
#include "evener/protocol/openai.h"

namespace evener::gateway {
namespace {

/// Of an endpoint that went on with a stream: what it said itself, before it was made one with what came from others.
AnswerTokens tokens_of_rest(const Continuation& continuation, std::optional<protocol::Usage> usage) {
  const std::uint64_t before = continuation.tokens_before();
  if (usage) {
    usage->prompt_tokens += before;
    usage->completion_tokens -= std::min(usage->completion_tokens, before);
  }
  return {.usage = usage, .events = continuation.tokens() - before};
}

}  // namespace

net::Task<> Exchange::proxy() {
  const std::shared_ptr<Pool> kept_pool = route_->pool;  // a reload may drop it while we use it
  // Asking is over, and its large frame gone, before an answer is passed on, which can take minutes.
  const std::optional<route::Ending> ending = co_await ask(*kept_pool);
  if (!ending) co_return;
  begin_answer(*current_);
  Passage passage = co_await pass_all(*current_, *ending);
  if (passage.broken != nullptr && continuation_) passage = co_await continue_elsewhere(passage);
  Attempt& attempt = *current_;
  if (passage.passed == Passed::ClientGone) {
    request_.client_gone = true;
    ended_ = EndedBy::ClientGone;
    passage.ending = route::Ending::Cancelled;
  } else if (passage.broken != nullptr) {
    co_await break_off(attempt, passage.ending, passage.broken);
  } else {
    conclude(attempt);
  }
  end_attempt(attempt, passage.ending, passage.to_first_token);
  if (attempt.sending()) co_await attempt.stop();
  attempt.connection().close();
  if (passage.passed == Passed::Done && !request_.body_read) co_await linger();  // an early answer, to a client that still sends
}

void Exchange::begin_answer(Attempt& attempt) {
  const Attempt::Answer& answer = attempt.answer();
  first_token_ = reactor_.now() - request_.began;
  const bool stream = answer.event_stream && answer.status == 200;
  if (stream) sse_.emplace();
  using net::http1::Framing;
  if (!stream || answer.framing == Framing::Length || answer.framing == Framing::None) continuation_.reset();
  if (continuation_) return;
  if (request_.prompt) {  // it goes nowhere else now
    request_.view.blocks = {};
    request_.prompt->blocks = {};
  }
  // From here on nothing is sent again, so the request need not be kept; unless it is still being sent.
  if (attempt.sending()) return;
  request_.block.release();
  request_.chunked_body.release();
  memory_.release();
}

net::Task<Exchange::Passage> Exchange::pass_all(Attempt& attempt, route::Ending ending) {
  Attempt::Answer& answer = attempt.answer();
  net::Socket& connection = attempt.connection();
  Passage passage{.ending = ending, .to_first_token = reactor_.now() - attempt.since()};
  const auto broken = [&passage](route::Ending how, const char* why) {
    passage.ending = how;
    passage.broken = why;
  };
  attempt.endpoint().metrics->first_token_seconds.observe(seconds(passage.to_first_token));
  attempt.first_token();
  net::Buffer block = std::move(attempt.kept().block);
  const std::size_t begin = attempt.kept().begin;
  const std::size_t end = attempt.kept().end;
  // The usual small answer lies here whole, and is read where it lies.
  if (answer.json && answer.status == 200 && answer.framing == net::http1::Framing::Length && answer.remaining <= end - begin) {
    usage_ = protocol::read_usage(block.view(begin, static_cast<std::size_t>(answer.remaining)));
    answer.json = false;
  }
  passage.passed = co_await pass_on(attempt, block ? block.view(begin, end - begin) : std::string_view());
  while (passage.passed == Passed::More) {
    block.release();
    connection.set_read_deadline(attempt.deadline(route_->config.timeouts.between_tokens));
    const long waited = co_await connection.wait_readable();
    if (waited < 0) {
      if (request_.client_gone) {
        passage.passed = Passed::ClientGone;
      } else if (waited == -ETIMEDOUT) {
        broken(route::Ending::Timeout, "The endpoint sent nothing for too long.");
      } else {
        broken(waited == -ECANCELED ? route::Ending::Cancelled : route::Ending::Reset, "The answer was cut off.");
      }
      break;
    }
    block = net::Buffer::take();
    const long got = connection.try_recv(block.from(0));
    if (got == -EAGAIN) continue;
    if (got == 0 && answer.framing == net::http1::Framing::UntilClose && (!continuation_ || sse_->done())) {
      answer.complete = true;
      passage.passed = co_await pass_on(attempt, {});
      break;
    }
    if (got <= 0) {
      broken(route::Ending::Reset, "The endpoint closed the connection in mid-answer.");
      break;
    }
    passage.passed = co_await pass_on(attempt, block.view(0, static_cast<std::size_t>(got)));
  }
  if (passage.passed == Passed::Bad) broken(route::Ending::BadResponse, "The endpoint's answer is malformed.");
  co_return passage;
}

void Exchange::conclude(Attempt& attempt) {
  if (sse_) sse_->finish();
  if (usage_ == std::nullopt && !json_answer_.empty()) {
    const std::size_t bytes = json_answer_.size();
    json_answer_.resize(bytes + protocol::JsonPadding);
    usage_ = protocol::read_usage(std::string_view(json_answer_).substr(0, bytes));
  }
  if (attempt.answer().complete && !surplus_) attempt.keep_connection();
}

net::Task<> Exchange::break_off(Attempt& attempt, route::Ending& ending, const char* why) {
  const bool client_fault = request_.body_fault != BodyFault::None;
  const OwnError fault = body_error(request_.body_fault, routing_->config().limits.body_bytes);
  if (client_fault) ending = route::Ending::Cancelled;
  detail_ = client_fault ? fault.code : why;
  ended_ = client_fault                         ? EndedBy::BadRequest
           : ending == route::Ending::Timeout   ? EndedBy::Timeout
           : ending == route::Ending::Cancelled ? EndedBy::Drained
                                                : EndedBy::EndpointAborted;
  co_await tell_broken(attempt, client_fault ? protocol::openai_error(fault.message, fault.type, fault.code)
                                             : protocol::openai_error(why, "server_error", "endpoint_aborted"));
}

void Exchange::end_attempt(Attempt& attempt, route::Ending ending, Duration to_first_token) {
  if (sse_ && sse_->usage()) usage_ = sse_->usage();
  route::Outcome outcome{.ending = ending, .first_token = to_first_token};
  if (attempt.lease().held()) {
    const bool resumed = continuation_ && continuation_->resumed();
    const AnswerTokens tokens =
        resumed ? tokens_of_rest(*continuation_, usage_) : AnswerTokens{.usage = usage_, .events = sse_ ? sse_->events() : 0};
    outcome.usage = token_usage(request_.view, tokens);
    const bool whole = ending == route::Ending::Ok && attempt.answer().status == 200 && !resumed;
    if (whole && request_.prompt) learn_from(*request_.prompt, request_.view.model, tokens, route_->pool->estimates());
  }
  attempt.end(outcome, usage_);
}

net::Task<> Exchange::tell_broken(Attempt& attempt, std::string error) {
  // Never a clean end: a client must be able to tell a whole answer from a part of one. Where an event can be framed, it says why.
  request_.keep_alive = false;
  const Attempt::Answer& answer = attempt.answer();
  const bool framed = !request_.http10 && (continuation_ || answer.framing == net::http1::Framing::UntilClose ||
                                           (answer.framing == net::http1::Framing::Chunked && answer.chunks.between_chunks()));
  if (sse_ && framed) {
    const std::string event = (sse_->between_events() ? "data: " : "\n\ndata: ") + error + "\n\n";
    char size_line[24];
    const int length = std::snprintf(size_line, sizeof size_line, "%zx\r\n", event.size());
    std::array<iovec, 3> pieces = {
        {{size_line, static_cast<std::size_t>(length)}, {const_cast<char*>(event.data()), event.size()}, {const_cast<char*>("\r\n"), 2}}};
    client_.set_write_idle(routing_->config().timeouts.send_idle);
    (void)co_await client_.send(pieces);
  } else if (request_.http10) {
    co_await attempt.stop();  // it may be reading from the client
    client_.abort();
  }
}

}  // namespace evener::gateway
