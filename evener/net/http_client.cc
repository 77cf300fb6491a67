#include "evener/net/http_client.h"

#include <cerrno>
#include <cstring>

#include "evener/net/http1/head_writer.h"

namespace evener::net {
namespace {

constexpr std::size_t HeadBytesMax = 64 * 1024;

http1::Method method_of(std::string_view method) { return method == "HEAD" ? http1::Method::Head : http1::Method::Other; }

}  // namespace

tl::unexpected<Error> HttpClient::broken(const char* step, long result) {
  const std::string cause = result == 0 ? "the server closed the connection" : std::strerror(static_cast<int>(-result));
  close();
  return fail(std::string(step) + ": " + cause, Fault::Endpoint, MayRetry::Yes);
}

void HttpClient::close() {
  socket_.close();
  buffer_.release();
  begin_ = end_ = 0;
  body_done_ = true;
}

Task<Result<void>> HttpClient::connect(Address address, Instant deadline) {
  close();
  const int result = co_await Socket::connect(socket_, reactor_, address, deadline);
  if (result != 0) {
    const std::string cause = std::strerror(-result);
    close();
    co_return fail("connect to " + address.text() + ": " + cause, Fault::Endpoint, MayRetry::Yes);
  }
  co_return Result<void>();
}

/// Reads more behind what is there; grows or compacts the buffer as needed. The byte count, 0 at the end of the stream, or -errno.
Task<long> HttpClient::fill(Instant deadline) {
  socket_.set_read_deadline(deadline);
  const long waited = co_await socket_.wait_readable();
  if (waited < 0) co_return waited;
  if (!buffer_) buffer_ = Buffer::take();
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == buffer_.capacity()) {
    Buffer larger = begin_ > 0 ? Buffer::take(buffer_.capacity()) : Buffer::take(buffer_.capacity() * 2);
    std::memcpy(larger.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    buffer_ = std::move(larger);
  }
  const long got = co_await socket_.recv(buffer_.from(end_));
  if (got > 0) end_ += static_cast<std::size_t>(got);
  co_return got;
}

Task<Result<HttpResponse>> HttpClient::send(const HttpRequest& request, std::string_view host, Instant deadline) {
  if (!socket_) co_return fail("not connected");
  std::string head;
  http1::HeadWriter writer(head);
  writer.request_line(request.method, request.path, request.query);
  writer.header("Host", host);
  for (const auto& [name, value] : request.headers) writer.header(name, value);
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") writer.header("Content-Length", request.body.size());
  writer.end();
  iovec pieces[2] = {{head.data(), head.size()}, {const_cast<char*>(request.body.data()), request.body.size()}};
  socket_.set_write_deadline(deadline);
  const long sent = co_await socket_.send(pieces);
  // A server may answer and close before it has read everything: its answer is still worth reading.
  if (sent < 0 && sent != -EPIPE && sent != -ECONNRESET) co_return broken("send", sent);

  http1::HeadScanner scanner;
  for (;;) {
    const std::string_view unread = buffer_ ? buffer_.view(begin_, end_ - begin_) : std::string_view();
    const auto state = scanner.scan(unread);
    if (state == http1::HeadScanner::State::Bad) co_return broken("the answer's head is malformed", -EPROTO);
    if (state == http1::HeadScanner::State::Complete) {
      auto parsed = std::make_unique<http1::ResponseHead>();
      const std::string_view bytes = unread.substr(0, scanner.length());
      if (const auto* error = http1::parse_response_head(bytes, method_of(request.method), *parsed)) co_return broken(error->reason, -EPROTO);
      begin_ += scanner.length();
      scanner.reset();
      if (parsed->status < 200) continue;
      HttpResponse response;
      response.status = parsed->status;
      for (const auto& header : parsed->headers) response.headers.emplace_back(header.name, header.value);
      framing_ = parsed->framing;
      remaining_ = parsed->content_length;
      keep_alive_ = parsed->keep_alive;
      chunked_ = http1::ChunkedDecoder();
      body_done_ = framing_ == http1::Framing::None || (framing_ == http1::Framing::Length && remaining_ == 0);
      if (body_done_ && !keep_alive_) close();
      co_return response;
    }
    if (unread.size() > HeadBytesMax) co_return broken("the answer's head is larger than 64 KiB", -EMSGSIZE);
    const long got = co_await fill(deadline);
    if (got <= 0) co_return broken("read the answer's head", got);
  }
}

Task<Result<std::string_view>> HttpClient::read_body(Instant deadline) {
  while (!body_done_) {
    if (begin_ == end_) {
      const long got = co_await fill(deadline);
      if (got == 0 && framing_ == http1::Framing::UntilClose) {
        body_done_ = true;
        break;
      }
      if (got <= 0) co_return broken("read the answer's body", got);
    }
    const std::string_view unread = buffer_.view(begin_, end_ - begin_);
    if (framing_ == http1::Framing::UntilClose) {
      begin_ = end_;
      co_return unread;
    }
    if (framing_ == http1::Framing::Length) {
      const std::string_view piece = unread.substr(0, remaining_);
      remaining_ -= piece.size();
      begin_ += piece.size();
      body_done_ = remaining_ == 0;
      co_return piece;
    }
    const auto step = chunked_.next(unread);
    begin_ += step.bytes.size();
    if (step.kind == http1::ChunkedDecoder::Kind::Bad) co_return broken("the answer's chunks are malformed", -EPROTO);
    if (step.kind == http1::ChunkedDecoder::Kind::End) body_done_ = true;
    if (step.kind == http1::ChunkedDecoder::Kind::Data) co_return step.bytes;
  }
  if (!keep_alive_ || begin_ != end_) close();
  // An idle connection holds no buffer.
  buffer_.release();
  begin_ = end_ = 0;
  co_return std::string_view();
}

Task<Result<HttpResponse>> HttpClient::fetch(const HttpRequest& request, std::string_view host, std::size_t body_bytes_max, Instant deadline) {
  auto response = co_await send(request, host, deadline);
  if (!response) co_return response;
  for (;;) {
    const auto piece = co_await read_body(deadline);
    if (!piece) co_return tl::unexpected(piece.error());
    if (piece->empty()) break;
    if (response->body.size() + piece->size() > body_bytes_max) {
      close();
      co_return fail("the answer's body is larger than " + std::to_string(body_bytes_max) + " bytes", Fault::Endpoint);
    }
    response->body.append(*piece);
  }
  co_return response;
}

}  // namespace evener::net
