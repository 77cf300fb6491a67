// The sending half of an attempt: connection, head and body.

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "evener/gateway/attempt.h"

namespace evener::gateway {
namespace {

/// Bodies beyond this are sent beside the wait for the answer, so that an early answer is not missed.
constexpr std::size_t InlineSendMax = 64 * 1024;

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
  const LoadReportConfig& reports = route_.config.load_reports;
  const bool knows_orca = endpoint_.config.engine == EngineKind::Vllm || endpoint_.config.engine == EngineKind::Triton;
  const LoadQuestion question = reports.enabled && reports.in_answers && knows_orca ? LoadQuestion::Ask : LoadQuestion::None;
  head.write([&](net::http1::HeadWriter& writer) { asked_for_load_ = request_.write_head(writer, endpoint_, question); });
  connection_.set_write_idle(config_.timeouts.body_idle);
  if (request_.sent_once()) {
    sender_.start(pump_body(std::move(head)));
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
  if (const long sent = co_await connection_.send(std::span(pieces).first(used)); sent < 0) {
    send_failed(sent);
  } else {
    body_sent();
  }
}

void Attempt::body_sent() {
  if (!awaits_answer_) return;
  give_up_ = deadline(answer_limit_);
  connection_.shorten_read_deadline(give_up_);
}

void Attempt::send_failed(long error) {
  request_sent_ = false;
  if (error != -ETIMEDOUT || !awaits_answer_) return;  // else the answer tells more: the endpoint may have given one before it closed
  stalled_ = true;
  connection_.interrupt_read();
}

}  // namespace evener::gateway
