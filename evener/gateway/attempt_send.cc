// The sending half of an attempt: connection, head and body.

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "evener/gateway/attempt.h"
#include "evener/gateway/body_pump.h"

namespace evener::gateway {
namespace {

/// Bodies beyond this are sent beside the wait for the answer, so that an early answer is not missed.
constexpr std::size_t InlineSendMax = 64 * 1024;

/// What of a large body must be taken within body_idle.
constexpr std::size_t SendSliceBytes = 256 * 1024;

/// Bodies up to this are copied behind their head: that is cheaper than to send two pieces.
constexpr std::size_t CopiedBodyMax = 4 * 1024;

}  // namespace

net::Task<long> Attempt::open_connection() {
  if (!endpoint_.resolved) co_return -EHOSTUNREACH;
  const Instant began = worker_.reactor.now();
  const int result = co_await net::Socket::connect(connection_, worker_.reactor, endpoint_.address, began + route_.config.timeouts.connect);
  connect_time_ = worker_.reactor.now() - began;
  if (result == 0) endpoint_.metrics->connections_opened.add();
  co_return result;
}

net::Task<long> Attempt::send_request() {
  net::http1::HeadText head;
  head.write([this](net::http1::HeadWriter& writer) { request_.write_head(writer, endpoint_); });
  connection_.set_write_deadline(worker_.reactor.now() + config_.timeouts.body_idle);
  if (request_.sent_once()) {
    sender_.start(pump_body(request_, config_, connection_, std::move(head)));
    co_return 0;
  }
  const std::size_t body_bytes = request_.body_mode == BodyMode::Whole ? request_.sent_body().size() : 0;
  if (body_bytes > InlineSendMax) {
    sender_.start(send_large(std::move(head)));
    co_return 0;
  }
  std::array<iovec, 4> pieces{};
  std::string renamed;
  pieces[0] = {head.data(), head.size()};
  std::size_t used = 1;
  if (request_.has_body()) used = request_.body_pieces(pieces, 1, endpoint_, renamed);
  std::size_t copied = 1;
  if (body_bytes <= CopiedBodyMax) {
    while (copied < used && head.append({static_cast<const char*>(pieces[copied].iov_base), pieces[copied].iov_len})) ++copied;
    pieces[copied - 1] = {head.data(), head.size()};
  }
  co_return co_await connection_.send(std::span(pieces).first(used).subspan(copied - 1));
}

net::Task<> Attempt::send_large(net::http1::HeadText head) {
  std::array<iovec, 4> pieces{};
  std::string renamed;
  pieces[0] = {head.data(), head.size()};
  const std::size_t used = request_.body_pieces(pieces, 1, endpoint_, renamed);
  // In slices, because a deadline is for the whole of a send: what is limited is a pause, not how long a large body takes.
  for (iovec& piece : std::span(pieces).first(used)) {
    while (piece.iov_len > 0) {
      iovec slice{piece.iov_base, std::min(piece.iov_len, SendSliceBytes)};
      piece = {static_cast<char*>(piece.iov_base) + slice.iov_len, piece.iov_len - slice.iov_len};
      connection_.set_write_deadline(worker_.reactor.now() + config_.timeouts.body_idle);
      if (co_await connection_.send({&slice, 1}) < 0) {
        request_sent_ = false;
        co_return;
      }
    }
  }
}

}  // namespace evener::gateway
