#include "evener/gateway/body_pump.h"

#include <array>
#include <cerrno>
#include <string>

#include "evener/net/http1/chunked.h"

namespace evener::gateway {

BodyPace body_pace(const Config& config) { return BodyPace(config.timeouts.body_idle, config.limits.body_bytes_per_s_min); }

net::Task<> pump_body(ClientRequest& request, const Config& config, net::Socket& connection, net::http1::HeadText head) {
  net::Socket& client = request.session.client;
  const net::Reactor& reactor = client.reactor();
  net::http1::ChunkedDecoder decoder;
  std::uint64_t remaining = request.framing == net::http1::Framing::Length ? request.content_length : 0;
  net::Buffer block = net::Buffer::take();
  BodyPace pace = body_pace(config);
  std::size_t at = request.head_bytes;
  std::string_view unread = request.block.view(at, request.end - at);
  bool last = request.framing == net::http1::Framing::Length && remaining == 0;
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
    if (request.framing == net::http1::Framing::Length) {
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
          request.keep_alive = false;
          request.body_fault = BodyFault::Malformed;
          connection.cancel();  // the endpoint must not take a broken body for a whole one
          co_return;
        }
        if (step.kind == net::http1::ChunkedDecoder::Kind::End) {
          trailer = decoder.trailers() + "\r\n";
          add(trailer);
          last = true;
          break;
        }
        if (step.kind != net::http1::ChunkedDecoder::Kind::Dropped) add(step.bytes);
      }
    }
    if (used > 0) {
      request.body_forwarded = true;
      connection.set_write_deadline(reactor.now() + config.timeouts.body_idle);
      if (co_await connection.send(std::span(pieces).first(used)) < 0) co_return;
      head.clear();
    }
    if (last) {
      request.session.inbox.keep(unread);
      request.body_read = true;
      co_return;
    }
    if (!unread.empty()) continue;  // more chunks than pieces
    const Instant asked = reactor.now();
    client.set_read_deadline(asked + pace.patience());
    const long got = co_await client.recv(block.from(0));
    if (got > 0) pace.received(static_cast<std::uint64_t>(got), reactor.now() - asked);
    if (got <= 0 || pace.late()) {
      request.keep_alive = false;
      if (got > 0 || got == -ETIMEDOUT) {
        request.body_fault = BodyFault::Late;
      } else if (got != -ECANCELED) {
        request.client_gone = true;
      }
      connection.cancel();
      co_return;
    }
    request.bytes += static_cast<std::uint64_t>(got);
    unread = block.view(0, static_cast<std::size_t>(got));
  }
}

}  // namespace evener::gateway
