// Passing an answer's bytes on, framed for this client, and observing them on the way.

#include <array>
#include <cstdio>
#include <span>

#include "evener/gateway/exchange.h"

namespace evener::gateway {
namespace {

constexpr std::size_t CopiedAnswerMax = 4 * 1024;      // up to this a copy behind the head is cheaper than to send two pieces
constexpr std::size_t InspectedAnswerMax = 64 * 1024;  // a JSON answer larger than this is not searched for its usage

}  // namespace

void Exchange::observe(const Attempt::Answer& answer, std::string_view data) {
  if (sse_) {
    sse_->feed(data);
  } else if (answer.json && answer.status == 200 && json_answer_.size() + data.size() <= InspectedAnswerMax) {
    json_answer_.append(data);
  }
}

net::Task<Exchange::Passed> Exchange::pass_on(Attempt& attempt, std::string_view bytes) {
  if (continuation_) co_return co_await pass_events(attempt, bytes);
  Attempt::Answer& answer = attempt.answer();
  net::http1::HeadText& head = attempt.kept().head;
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
    add(head.view());
    bool bad = false;
    if (answer.framing == Framing::Length) {
      const std::string_view piece = bytes.substr(0, answer.remaining);
      answer.remaining -= piece.size();
      bytes.remove_prefix(piece.size());
      add(piece);
      observe(answer, piece);
      answer.complete = answer.remaining == 0;
    } else if (answer.framing == Framing::UntilClose) {
      if (!request_.http10 && !bytes.empty()) {
        const int length = std::snprintf(size_line, sizeof size_line, "%zx\r\n", bytes.size());
        add({size_line, static_cast<std::size_t>(length)});
      }
      add(bytes);
      if (!request_.http10 && !bytes.empty()) add("\r\n");
      observe(answer, bytes);
      bytes = {};
      if (answer.complete && !request_.http10) add("0\r\n\r\n");
    } else if (answer.framing == Framing::Chunked) {
      while (used + 2 < pieces.size()) {
        const auto step = answer.chunks.next(bytes);
        bytes.remove_prefix(step.bytes.size());
        if (step.kind == Kind::NeedMore) break;
        if (step.kind == Kind::Bad) {
          bad = true;
          break;
        }
        if (step.kind == Kind::End) {
          if (!request_.http10) {
            tail.append(answer.chunks.trailers()).append("\r\n");
            add(tail);
          }
          answer.complete = true;
          break;
        }
        if (step.kind == Kind::Data) observe(answer, step.bytes);
        if (step.kind == Kind::Data || (step.kind == Kind::Framing && !request_.http10)) add(step.bytes);
      }
    } else {
      answer.complete = true;
    }
    if (used == 2 && pieces[0].iov_base == head.data() && pieces[1].iov_len <= CopiedAnswerMax &&
        head.append({static_cast<const char*>(pieces[1].iov_base), pieces[1].iov_len})) {
      pieces[0] = {head.data(), head.size()};
      used = 1;
    }
    if (used > 0) {
      client_.set_write_idle(routing_->config().timeouts.send_idle);
      const long sent = co_await client_.send(std::span(pieces).first(used));
      if (sent < 0) co_return Passed::ClientGone;
      status_ = answer.status;
      response_bytes_ += static_cast<std::uint64_t>(sent);
      head.clear();
    }
    if (bad) co_return Passed::Bad;
    if (answer.complete) {
      surplus_ = !bytes.empty();
      co_return Passed::Done;
    }
    if (bytes.empty()) co_return Passed::More;
  }
}

}  // namespace evener::gateway
