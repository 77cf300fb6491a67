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
  const long got = co_await client_.recv(request_.from(request_end_));
  if (got > 0) {
    request_end_ += static_cast<std::size_t>(got);
    if (pace == nullptr) co_return true;
    // Bytes that come all the time, but few, never let the deadline pass.
    pace->received(static_cast<std::uint64_t>(got), reactor_.now() - asked);
    if (!pace->late()) co_return true;
  }
  keep_alive_ = false;
  if (got > 0 || got == -ETIMEDOUT) {
    co_await refuse_body(BodyFault::Late);
  } else {
    client_gone_ = true;
    ended_ = EndedBy::ClientGone;
  }
  co_return false;
}

OwnError Exchange::body_error(BodyFault fault) {
  if (fault == BodyFault::Late) {
    return {.status = 408,
            .type = "invalid_request_error",
            .code = "request_timeout",
            .message = "The request did not arrive in time; send it faster and without long pauses."};
  }
  return {.status = 400, .type = "invalid_request_error", .code = "malformed_request", .message = "the chunked body is malformed"};
}

net::Task<> Exchange::refuse_body(BodyFault fault) { return refuse(body_error(fault), EndedBy::BadRequest); }

net::Task<> Exchange::refuse_large(std::uint64_t limit) {
  return refuse({.status = 413,
                 .type = "invalid_request_error",
                 .code = "body_too_large",
                 .message = "The body is larger than " + std::to_string(limit) + " bytes (limits.body_bytes)."},
                EndedBy::BadRequest);
}

net::Task<bool> Exchange::read_head() {
  const Config& config = routing_->config();
  if (session_.inbox.empty()) {
    session_.inbox.clear();
    request_ = net::Buffer::take(expected_block_bytes(session_.last_request_bytes, worker_.shared.memory));
    if (request_.capacity() > net::BlockBytes && !worker_.shared.memory.grow(memory_, request_.capacity())) request_ = net::Buffer::take();
  } else {
    Inbox& inbox = session_.inbox;
    request_ = std::move(inbox.buffer);
    request_end_ = inbox.end - inbox.begin;
    std::memmove(request_.data(), request_.data() + inbox.begin, request_end_);
    inbox.clear();
  }
  session_.last_request_bytes = 0;
  const Instant deadline = began_ + config.timeouts.head;
  net::http1::HeadScanner scanner;
  const net::http1::HeadError* error = nullptr;
  for (;;) {
    const auto state = scanner.scan(request_.view(0, request_end_));
    if (state == net::http1::HeadScanner::State::Bad) {
      static constexpr net::http1::HeadError stray{.status = 400, .reason = "a line of the head does not end in CRLF"};
      error = &stray;
      break;
    }
    const bool complete = state == net::http1::HeadScanner::State::Complete;
    if ((complete ? scanner.length() : request_end_) > config.limits.head_bytes) {
      static constexpr net::http1::HeadError large{.status = 431, .reason = "the head is larger than limits.head_bytes"};
      error = &large;
      break;
    }
    if (complete) break;
    if (request_end_ == request_.capacity()) { move_request(net::Buffer::take(request_.capacity() * 2)); }
    if (!co_await receive(deadline)) co_return false;
  }
  if (error == nullptr) {
    head_bytes_ = scanner.length();
    worker_.request_head_owner = this;
    error = net::http1::parse_request_head(request_.view(0, head_bytes_), worker_.request_head);
  }
  if (error != nullptr) {
    keep_alive_ = false;
    co_await refuse({.status = error->status, .type = "invalid_request_error", .code = "malformed_request", .message = error->reason},
                    EndedBy::BadRequest);
    co_return false;
  }
  take_request_line();
  co_return true;
}

void Exchange::take_request_line() {
  const net::http1::RequestHead& head = worker_.request_head;
  method_ = head.method_id;
  request_framing_ = head.framing;
  request_content_length_ = head.content_length;
  http10_ = head.minor_version == 0;
  keep_alive_ = head.keep_alive;
  expects_continue_ = head.expect_continue;
  log_method_ = method_name(head.method_id);
  log_path_ = head.path;
  request_bytes_ = head_bytes_;
  if (request_framing_ == net::http1::Framing::None) {
    body_read_ = true;
    session_.inbox.keep(request_.view(head_bytes_, request_end_ - head_bytes_));
    request_end_ = head_bytes_;
  }
  name_request();
}

void Exchange::move_request(net::Buffer larger) {
  std::memcpy(larger.data(), request_.data(), request_end_);
  request_ = std::move(larger);
  if (worker_.request_head_owner == this) worker_.request_head_owner = nullptr;  // what was parsed points into the old block
}

bool Exchange::enlarge_request(std::size_t bytes) {
  net::Buffer larger = net::Buffer::take(bytes);
  if (!worker_.shared.memory.grow(memory_, larger.capacity())) return false;
  move_request(std::move(larger));
  return true;
}

BodyPace Exchange::body_pace() const {
  const Config& config = routing_->config();
  return BodyPace(config.timeouts.body_idle, config.limits.body_bytes_per_s_min);
}

net::http1::RequestHead& Exchange::parsed_head() {
  if (worker_.request_head_owner != this) {
    worker_.request_head_owner = this;
    // It was accepted once, so it is accepted again.
    (void)net::http1::parse_request_head(request_.view(0, head_bytes_), worker_.request_head);
  }
  return worker_.request_head;
}

std::string_view Exchange::body() const {
  return request_framing_ == net::http1::Framing::Chunked ? chunked_body_.view(0, chunked_body_bytes_)
                                                          : request_.view(head_bytes_, static_cast<std::size_t>(request_content_length_));
}

net::Task<> Exchange::continue_if_expected() {
  if (http10_ || request_end_ > head_bytes_) co_return;
  static constexpr std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
  iovec piece{const_cast<char*>(interim.data()), interim.size()};
  client_.set_write_deadline(reactor_.now() + routing_->config().timeouts.send_idle);
  (void)co_await client_.send({&piece, 1});
}

net::Task<bool> Exchange::read_body(std::uint64_t limit) {
  if (request_framing_ == net::http1::Framing::None) co_return true;
  if (request_framing_ == net::http1::Framing::Chunked) co_return co_await read_chunked_body(limit);
  if (request_content_length_ > limit) {
    co_await refuse_large(limit);
    co_return false;
  }
  MemoryQuota& memory = worker_.shared.memory;
  const std::size_t whole = head_bytes_ + static_cast<std::size_t>(request_content_length_);
  // What cannot fit now is refused before it is sent, but nothing is held for bytes that are only announced.
  if (!memory.grow(memory_, request_.capacity()) || !memory.fits(memory_, whole)) {
    co_await refuse_for_memory();
    co_return false;
  }
  if (const std::size_t expected = expected_block_bytes(whole, memory); whole > request_.capacity() && expected > request_.capacity()) {
    (void)enlarge_request(expected);  // else it grows as it comes
  }
  if (expects_continue_) co_await continue_if_expected();
  BodyPace pace = body_pace();
  while (request_end_ < whole) {
    if (request_end_ == request_.capacity() && !enlarge_request(std::min(whole, request_.capacity() * GrowthFactor))) {
      co_await refuse_for_memory();
      co_return false;
    }
    if (!co_await receive(reactor_.now() + pace.patience(), &pace)) co_return false;
  }
  session_.inbox.keep(request_.view(whole, request_end_ - whole));
  request_end_ = whole;
  body_bytes_ = request_content_length_;
  request_bytes_ = whole;
  body_read_ = true;
  session_.last_request_bytes = static_cast<std::uint32_t>(std::min<std::size_t>(whole, Session::ExpectedBytesMax));
  co_return true;
}

net::Task<bool> Exchange::read_chunked_body(std::uint64_t limit) {
  MemoryQuota& memory = worker_.shared.memory;
  if (expects_continue_) co_await continue_if_expected();
  net::http1::ChunkedDecoder decoder;
  chunked_body_ = net::Buffer::take();
  if (!memory.grow(memory_, chunked_body_.capacity() + request_.capacity())) {
    co_await refuse_for_memory();
    co_return false;
  }
  BodyPace pace = body_pace();
  std::size_t at = head_bytes_;
  for (;;) {
    const auto step = decoder.next(request_.view(at, request_end_ - at));
    at += step.bytes.size();
    if (step.kind == net::http1::ChunkedDecoder::Kind::End) break;
    if (step.kind == net::http1::ChunkedDecoder::Kind::Bad) {
      keep_alive_ = false;
      co_await refuse_body(BodyFault::Malformed);
      co_return false;
    }
    if (step.kind == net::http1::ChunkedDecoder::Kind::Data) {
      const std::size_t needed = chunked_body_bytes_ + step.bytes.size();
      if (needed > limit) {
        co_await refuse_large(limit);
        co_return false;
      }
      if (needed > chunked_body_.capacity()) {
        net::Buffer larger = net::Buffer::take(std::max(needed, std::min<std::size_t>(limit, chunked_body_.capacity() * GrowthFactor)));
        if (!memory.grow(memory_, larger.capacity() + request_.capacity())) {
          co_await refuse_for_memory();
          co_return false;
        }
        std::memcpy(larger.data(), chunked_body_.data(), chunked_body_bytes_);
        chunked_body_ = std::move(larger);
      }
      std::memcpy(chunked_body_.data() + chunked_body_bytes_, step.bytes.data(), step.bytes.size());
      chunked_body_bytes_ = needed;
    }
    if (step.kind == net::http1::ChunkedDecoder::Kind::NeedMore) {
      at = request_end_ = head_bytes_;
      if (request_end_ == request_.capacity()) {  // a head that fills its block to the last byte
        move_request(net::Buffer::take(request_.capacity() * 2));
      }
      if (!co_await receive(reactor_.now() + pace.patience(), &pace)) co_return false;
    }
  }
  session_.inbox.keep(request_.view(at, request_end_ - at));
  request_end_ = head_bytes_;
  body_bytes_ = chunked_body_bytes_;
  request_bytes_ = head_bytes_ + chunked_body_bytes_;
  body_read_ = true;
  co_return true;
}

}  // namespace evener::gateway
