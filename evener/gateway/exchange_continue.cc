// The rest of an answer that broke off: asking other endpoints for it, and passing on whole events, so that the client sees one stream.

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>

#include "evener/gateway/exchange.h"

namespace evener::gateway {

net::Task<Exchange::Passage> Exchange::continue_elsewhere(Passage passage) {
  const std::shared_ptr<Pool> pool = route_->pool;
  // Cancelled: the gateway itself is ending.
  while (passage.broken != nullptr && passage.ending != route::Ending::Cancelled) {
    end_attempt(*current_, passage.ending, passage.to_first_token);
    co_await current_->stop();
    if (const auto end = continuation_->ending()) {
      sse_->feed(*end);
      const Passed sent = co_await send_events({}, *end, "0\r\n\r\n");
      passage = {.passed = sent == Passed::More ? Passed::Done : sent};
      break;
    }
    if (!co_await ask_for_rest(*pool, passage.ending)) break;
    passage = co_await pass_all(*current_, route::Ending::Ok);
  }
  if (request_.client_gone) {
    passage.passed = Passed::ClientGone;
  } else {
    (passage.broken == nullptr ? pool->metrics().continuations_done : pool->metrics().continuations_failed).add();
  }
  co_return passage;
}

net::Task<bool> Exchange::ask_for_rest(Pool& pool, route::Ending ending) {
  std::optional<protocol::ContinuedBody> body = continuation_->request(request_.body(), request_.model_value);
  if (!body) co_return false;
  const std::size_t held = request_.block.capacity() + request_.chunked_body.capacity() + body->bytes.capacity();
  if (!worker_.shared.memory.grow(memory_, held)) co_return false;
  request_.continued = std::make_unique<const protocol::ContinuedBody>(std::move(*body));
  const auto delivered = static_cast<std::uint32_t>(continuation_->tokens() - continuation_->tokens_before());
  route::RequestView& view = request_.view;
  if (view.prompt_tokens > 0) view.prompt_tokens += delivered;
  view.first_token_objective = {};  // that has been met
  if (view.output_tokens_max > 0) view.output_tokens_max -= std::min(delivered, view.output_tokens_max - 1);

  const std::string from = current_->endpoint().config.name;
  while (attempts_ < AttemptsMax && current_->deadline({}) > reactor_.now()) {
    const auto kind = ending == route::Ending::Timeout ? route::Scheduler::Attempt::Retry : route::Scheduler::Attempt::Failover;
    Pool::Decided decided;
    if (!co_await decide_again(pool, decided, std::span(tried_).first(attempts_), kind)) co_return false;
    const auto* dispatch = std::get_if<route::Dispatch>(&decided.decision);
    if (dispatch == nullptr) co_return false;
    pool.metrics().retries.add();
    Lease lease(pool, *dispatch, kind, decided.number, reactor_);
    tried_[attempts_++] = dispatch->endpoint;
    const Endpoint* endpoint = route_->find(dispatch->endpoint);
    if (endpoint == nullptr) {  // it came or went after this request began
      ending = route::Ending::Cancelled;
      lease.end({.ending = ending, .blocks = view.blocks});
      continue;
    }
    attempt_.emplace(request_, *route_, routing_->config(), *endpoint, *dispatch, std::move(lease));
    current_ = &*attempt_;
    Attempt::Result result = co_await attempt_->run(answer_limit());
    const Attempt::Answer& answer = attempt_->answer();
    if (result.end == Attempt::End::Answered && answer.status == 200 && answer.event_stream) {
      attempt_->kept().head.clear();
      continuation_->resume(from);
      co_return true;
    }
    ending = result.ending;
    end_unanswered(*attempt_, result);
    co_await stop_attempt();
    if (request_.client_gone) co_return false;
  }
  co_return false;
}

net::Task<Exchange::Passed> Exchange::pass_events(Attempt& attempt, std::string_view bytes) {
  using net::http1::Framing;
  using Kind = net::http1::ChunkedDecoder::Kind;
  Attempt::Answer& answer = attempt.answer();
  std::string events, end;
  Kind kind = Kind::NeedMore;
  if (answer.framing == Framing::Chunked) {
    do {
      const auto step = answer.chunks.next(bytes);
      bytes.remove_prefix(step.bytes.size());
      kind = step.kind;
      if (kind == Kind::Data) continuation_->take(step.bytes, events);
    } while (kind == Kind::Data || kind == Kind::Framing || kind == Kind::Dropped);
    answer.complete = kind == Kind::End;
  } else {
    std::string_view data = bytes;
    if (answer.framing == Framing::Length) {
      data = bytes.substr(0, answer.remaining);
      answer.remaining -= data.size();
      answer.complete = answer.remaining == 0;
    }
    continuation_->take(data, events);
    bytes.remove_prefix(data.size());
  }
  if (answer.complete) {
    continuation_->finish(events);
    end.append("0\r\n").append(answer.chunks.trailers()).append("\r\n");
  }
  sse_->feed(events);
  if (co_await send_events(attempt.kept().head.view(), events, end) == Passed::ClientGone) co_return Passed::ClientGone;
  attempt.kept().head.clear();
  if (kind == Kind::Bad) co_return Passed::Bad;
  if (!answer.complete) co_return Passed::More;
  surplus_ = !bytes.empty();
  co_return Passed::Done;
}

/// Events as one chunk, with what goes before and behind them where the client reads chunks.
net::Task<Exchange::Passed> Exchange::send_events(std::string_view head, std::string_view events, std::string_view end) {
  std::array<iovec, 5> pieces{};
  std::size_t used = 0;
  const auto add = [&](std::string_view piece) {
    if (!piece.empty()) pieces[used++] = {const_cast<char*>(piece.data()), piece.size()};
  };
  char size_line[24];
  const int length = std::snprintf(size_line, sizeof size_line, "%zx\r\n", events.size());
  const bool framed = !request_.http10;
  add(head);
  if (!events.empty() && framed) add({size_line, static_cast<std::size_t>(length)});
  add(events);
  if (!events.empty() && framed) add("\r\n");
  if (framed) add(end);
  if (used == 0) co_return Passed::More;
  client_.set_write_idle(routing_->config().timeouts.send_idle);
  const long sent = co_await client_.send(std::span(pieces).first(used));
  if (sent < 0) co_return Passed::ClientGone;
  status_ = 200;
  response_bytes_ += static_cast<std::uint64_t>(sent);
  co_return Passed::More;
}

}  // namespace evener::gateway
