// A request's body on its way to an endpoint as it comes from the client: at most one block of it is here at a time. Framing is checked on the
// way, because an endpoint must not take a broken body for a whole one.

#include <array>
#include <cerrno>
#include <string>

#include "evener/gateway/attempt.h"
#include "evener/gateway/body_pace.h"
#include "evener/net/http1/chunked.h"

namespace evener::gateway {

net::Task<> Attempt::pump_body(net::http1::HeadText head) {
  net::Socket& client = request_.session.client;
  const net::Reactor& reactor = worker_.reactor;
  std::uint64_t body_bytes = 0;
  net::http1::ChunkedDecoder decoder;
  std::uint64_t remaining = request_.framing == net::http1::Framing::Length ? request_.content_length : 0;
  net::Buffer block = net::Buffer::take();
  BodyPace pace(config_.timeouts.body_idle, config_.limits.body_bytes_per_s_min);
  std::size_t at = request_.head_bytes;
  std::string_view unread = request_.block.view(at, request_.end - at);
  bool last = request_.framing == net::http1::Framing::Length && remaining == 0;
  std::string trailer;
  for (;;) {
    std::array<iovec, 34> pieces{};
    std::size_t used = 0;
    if (!head.empty()) pieces[used++] = {head.data(), head.size()};
    const auto add = [&](std::string_view piece) {
      iovec& before = pieces[used > 0 ? used - 1 : 0];
      if (used > 0 && static_cast<char*>(before.iov_base) + before.iov_len == piece.data()) {
        before.iov_len += piece.size();
      } else {
        pieces[used++] = {const_cast<char*>(piece.data()), piece.size()};
      }
    };
    if (request_.framing == net::http1::Framing::Length) {
      const std::string_view piece = unread.substr(0, remaining);
      remaining -= piece.size();
      unread.remove_prefix(piece.size());
      if (!piece.empty()) add(piece);
      last = remaining == 0;
    } else {
      while (used < pieces.size() - 1) {
        const auto step = decoder.next(unread);
        unread.remove_prefix(step.bytes.size());
        if (step.kind == net::http1::ChunkedDecoder::Kind::NeedMore) break;
        if (step.kind == net::http1::ChunkedDecoder::Kind::Bad) {
          request_.keep_alive = false;
          request_.body_fault = BodyFault::Malformed;
          connection_.cancel();  // the endpoint must not take a broken body for a whole one
          co_return;
        }
        if (step.kind == net::http1::ChunkedDecoder::Kind::End) {
          trailer.append(decoder.trailers()).append("\r\n");
          add(trailer);
          last = true;
          break;
        }
        if (step.kind == net::http1::ChunkedDecoder::Kind::Data) {
          body_bytes += step.bytes.size();
          if (body_bytes > config_.limits.body_bytes) {
            request_.keep_alive = false;
            request_.body_fault = BodyFault::TooLarge;
            connection_.cancel();
            co_return;
          }
        }
        if (step.kind != net::http1::ChunkedDecoder::Kind::Dropped) add(step.bytes);
      }
    }
    if (used > 0) {
      request_.body_forwarded = true;
      connection_.set_write_idle(config_.timeouts.body_idle);
      if (const long sent = co_await connection_.send(std::span(pieces).first(used)); sent < 0) {
        send_failed(sent);
        co_return;
      }
      head.clear();
    }
    if (last) {
      request_.session.inbox.keep(unread);
      request_.body_read = true;
      body_sent();
      co_return;
    }
    if (!unread.empty()) continue;  // more chunks than pieces
    const Instant asked = reactor.now();
    client.set_read_deadline(asked + pace.patience());
    request_.awaits_client = true;
    const long got = co_await client.recv(block.from(0));
    request_.awaits_client = false;
    if (got > 0) pace.received(static_cast<std::uint64_t>(got), reactor.now() - asked);
    if (got <= 0 || pace.late()) {
      request_.keep_alive = false;
      if (got > 0 || got == -ETIMEDOUT) {
        request_.body_fault = BodyFault::Late;
      } else if (got != -ECANCELED) {
        request_.client_gone = true;
      }
      connection_.cancel();
      co_return;
    }
    request_.bytes += static_cast<std::uint64_t>(got);
    unread = block.view(0, static_cast<std::size_t>(got));
  }
}

}  // namespace evener::gateway
