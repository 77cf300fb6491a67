// Reading a request: its head, strictly, and its body, whole. What comes behind it is the next request's.

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "evener/gateway/exchange.h"

namespace evener::gateway {
namespace {

/// Of the block that a body is received into: what is copied from block to block is a third of the body, and at most four times what has come
/// counts towards the memory quota.
constexpr std::size_t GrowthFactor = 4;

/// For the log; methods that no client of ours has a use for are not told apart.
std::string_view method_name(net::http1::Method method) {
  using enum net::http1::Method;
  switch (method) {
    case Get: return "GET";
    case Head: return "HEAD";
    case Post: return "POST";
    case Put: return "PUT";
    case Delete: return "DELETE";
    case Options: return "OPTIONS";
    case Patch: return "PATCH";
    case Other: break;
  }
  return "OTHER";
}

}  // namespace

net::Task<bool> Exchange::receive(Instant deadline, BodyPace* pace) {
  const Instant asked = reactor_.now();
  client_.set_read_deadline(deadline);
  const long got = co_await client_.recv(request_.block.from(request_.end));
  if (got > 0) {
    request_.end += static_cast<std::size_t>(got);
    if (pace == nullptr) co_return true;
    // Bytes that come all the time, but few, never let the deadline pass.
    pace->received(static_cast<std::uint64_t>(got), reactor_.now() - asked);
    if (!pace->late()) co_return true;
  }
  request_.keep_alive = false;
  if (got > 0 || got == -ETIMEDOUT) {
    co_await refuse_body(BodyFault::Late);
  } else {
    request_.client_gone = true;
    ended_ = EndedBy::ClientGone;
  }
  co_return false;
}

net::Task<> Exchange::refuse_body(BodyFault fault) {
  return refuse(body_error(fault, routing_->config().limits.body_bytes), EndedBy::BadRequest);
}

net::Task<> Exchange::refuse_large(std::uint64_t limit) { return refuse(large_body_error(limit), EndedBy::BadRequest); }

net::Task<> Exchange::refuse_for_memory() {
  worker_.shared.metrics->server().memory_refused.add();
  return refuse(memory_error());
}

net::Task<bool> Exchange::read_head() {
  const Config& config = routing_->config();
  if (session_.inbox.empty()) {
    session_.inbox.clear();
    request_.block = net::Buffer::take(expected_block_bytes(session_.last_request_bytes, worker_.shared.memory));
    if (request_.block.capacity() > net::BlockBytes && !worker_.shared.memory.grow(memory_, request_.block.capacity()))
      request_.block = net::Buffer::take();
  } else {
    Inbox& inbox = session_.inbox;
    request_.block = std::move(inbox.buffer);
    request_.end = inbox.end - inbox.begin;
    std::memmove(request_.block.data(), request_.block.data() + inbox.begin, request_.end);
    inbox.clear();
  }
  session_.last_request_bytes = 0;
  const Instant deadline = request_.began + config.timeouts.head;
  net::http1::HeadScanner scanner;
  const net::http1::HeadError* error = nullptr;
  for (;;) {
    const auto state = scanner.scan(request_.block.view(0, request_.end));
    if (state == net::http1::HeadScanner::State::Bad) {
      static constexpr net::http1::HeadError stray{.status = 400, .reason = "a line of the head does not end in CRLF"};
      error = &stray;
      break;
    }
    const bool complete = state == net::http1::HeadScanner::State::Complete;
    if ((complete ? scanner.length() : request_.end) > config.limits.head_bytes) {
      static constexpr net::http1::HeadError large{.status = 431, .reason = "the head is larger than limits.head_bytes"};
      error = &large;
      break;
    }
    if (complete) break;
    if (request_.end == request_.block.capacity()) { move_request(net::Buffer::take(request_.block.capacity() * 2)); }
    if (!co_await receive(deadline)) co_return false;
  }
  if (error == nullptr) {
    request_.head_bytes = scanner.length();
    worker_.request_head_owner = &request_;
    error = net::http1::parse_request_head(request_.block.view(0, request_.head_bytes), worker_.request_head);
  }
  if (error != nullptr) {
    request_.keep_alive = false;
    co_await refuse({.status = error->status, .type = "invalid_request_error", .code = "malformed_request", .message = error->reason},
                    EndedBy::BadRequest);
    co_return false;
  }
  take_request_line();
  co_return true;
}

void Exchange::take_request_line() {
  const net::http1::RequestHead& head = worker_.request_head;
  request_.method = head.method_id;
  request_.framing = head.framing;
  request_.content_length = head.content_length;
  request_.http10 = head.minor_version == 0;
  request_.keep_alive = head.keep_alive;
  request_.expects_continue = head.expect_continue;
  log_method_ = method_name(head.method_id);
  log_path_ = head.path;
  request_.bytes = request_.head_bytes;
  if (request_.framing == net::http1::Framing::None) {
    request_.body_read = true;
    session_.inbox.keep(request_.block.view(request_.head_bytes, request_.end - request_.head_bytes));
    request_.end = request_.head_bytes;
  }
  name_request();
}

void Exchange::move_request(net::Buffer larger) {
  std::memcpy(larger.data(), request_.block.data(), request_.end);
  request_.block = std::move(larger);
  if (worker_.request_head_owner == &request_) worker_.request_head_owner = nullptr;  // what was parsed points into the old block
}

bool Exchange::enlarge_request(std::size_t bytes) {
  net::Buffer larger = net::Buffer::take(bytes);
  if (!worker_.shared.memory.grow(memory_, larger.capacity())) return false;
  move_request(std::move(larger));
  return true;
}

net::Task<> Exchange::continue_if_expected() {
  if (request_.http10 || request_.end > request_.head_bytes) co_return;
  static constexpr std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
  iovec piece{const_cast<char*>(interim.data()), interim.size()};
  client_.set_write_idle(routing_->config().timeouts.send_idle);
  (void)co_await client_.send({&piece, 1});
}

net::Task<bool> Exchange::read_body(std::uint64_t limit) {
  if (request_.framing == net::http1::Framing::None) co_return true;
  if (request_.framing == net::http1::Framing::Chunked) co_return co_await read_chunked_body(limit);
  if (request_.content_length > limit) {
    co_await refuse_large(limit);
    co_return false;
  }
  MemoryQuota& memory = worker_.shared.memory;
  const std::size_t whole = request_.head_bytes + static_cast<std::size_t>(request_.content_length);
  // What cannot fit now is refused before it is sent, but nothing is held for bytes that are only announced.
  if (!memory.grow(memory_, request_.block.capacity()) || !memory.fits(memory_, whole)) {
    co_await refuse_for_memory();
    co_return false;
  }
  if (const std::size_t expected = expected_block_bytes(whole, memory);
      whole > request_.block.capacity() && expected > request_.block.capacity()) {
    (void)enlarge_request(expected);  // else it grows as it comes
  }
  if (request_.expects_continue) co_await continue_if_expected();
  BodyPace pace(routing_->config().timeouts.body_idle, routing_->config().limits.body_bytes_per_s_min);
  while (request_.end < whole) {
    if (request_.end == request_.block.capacity() && !enlarge_request(std::min(whole, request_.block.capacity() * GrowthFactor))) {
      co_await refuse_for_memory();
      co_return false;
    }
    if (!co_await receive(reactor_.now() + pace.patience(), &pace)) co_return false;
  }
  session_.inbox.keep(request_.block.view(whole, request_.end - whole));
  request_.end = whole;
  request_.body_bytes = request_.content_length;
  request_.bytes = whole;
  request_.body_read = true;
  session_.last_request_bytes = static_cast<std::uint32_t>(std::min<std::size_t>(whole, Session::ExpectedBytesMax));
  co_return true;
}

net::Task<bool> Exchange::read_chunked_body(std::uint64_t limit) {
  MemoryQuota& memory = worker_.shared.memory;
  if (request_.expects_continue) co_await continue_if_expected();
  net::http1::ChunkedDecoder decoder;
  request_.chunked_body = net::Buffer::take();
  if (!memory.grow(memory_, request_.chunked_body.capacity() + request_.block.capacity())) {
    co_await refuse_for_memory();
    co_return false;
  }
  BodyPace pace(routing_->config().timeouts.body_idle, routing_->config().limits.body_bytes_per_s_min);
  std::size_t at = request_.head_bytes;
  for (;;) {
    const auto step = decoder.next(request_.block.view(at, request_.end - at));
    at += step.bytes.size();
    if (step.kind == net::http1::ChunkedDecoder::Kind::End) break;
    if (step.kind == net::http1::ChunkedDecoder::Kind::Bad) {
      request_.keep_alive = false;
      co_await refuse_body(BodyFault::Malformed);
      co_return false;
    }
    if (step.kind == net::http1::ChunkedDecoder::Kind::Data) {
      const std::size_t needed = request_.chunked_body_bytes + step.bytes.size();
      if (needed > limit) {
        co_await refuse_large(limit);
        co_return false;
      }
      if (needed > request_.chunked_body.capacity()) {
        net::Buffer larger =
            net::Buffer::take(std::max(needed, std::min<std::size_t>(limit, request_.chunked_body.capacity() * GrowthFactor)));
        if (!memory.grow(memory_, larger.capacity() + request_.block.capacity())) {
          co_await refuse_for_memory();
          co_return false;
        }
        std::memcpy(larger.data(), request_.chunked_body.data(), request_.chunked_body_bytes);
        request_.chunked_body = std::move(larger);
      }
      std::memcpy(request_.chunked_body.data() + request_.chunked_body_bytes, step.bytes.data(), step.bytes.size());
      request_.chunked_body_bytes = needed;
    }
    if (step.kind == net::http1::ChunkedDecoder::Kind::NeedMore) {
      at = request_.end = request_.head_bytes;
      if (request_.end == request_.block.capacity()) {  // a head that fills its block to the last byte
        move_request(net::Buffer::take(request_.block.capacity() * 2));
      }
      if (!co_await receive(reactor_.now() + pace.patience(), &pace)) co_return false;
    }
  }
  session_.inbox.keep(request_.block.view(at, request_.end - at));
  request_.end = request_.head_bytes;
  request_.body_bytes = request_.chunked_body_bytes;
  request_.bytes = request_.head_bytes + request_.chunked_body_bytes;
  request_.body_read = true;
  co_return true;
}

}  // namespace evener::gateway
