#pragma once
// For tests, fuzzers and benchmarks of this folder: what becomes of a request or an answer that arrives as these bytes.

#include <string>
#include <string_view>

#include "evener/net/http1/head.h"
#include "evener/net/http1/head_writer.h"

namespace evener::net::http1::testing {

inline constexpr int Accepted = 0;
inline constexpr int Waiting = -1;  // no head yet, and nothing wrong so far

/// Scanner and parser, as a server uses them: Accepted, Waiting or the status of the refusal.
inline int answer_to_request(std::string_view bytes, RequestHead& out) {
  HeadScanner scanner;
  switch (scanner.scan(bytes)) {
    case HeadScanner::State::NeedMore: return Waiting;
    case HeadScanner::State::Bad: return 400;
    case HeadScanner::State::Complete: break;
  }
  const HeadError* error = parse_request_head(bytes.substr(0, scanner.length()), out);
  return error == nullptr ? Accepted : error->status;
}
inline int answer_to_request(std::string_view bytes) {
  RequestHead head;
  return answer_to_request(bytes, head);
}

inline int answer_to_response(std::string_view bytes, ResponseHead& out, Method to_method = Method::Post) {
  HeadScanner scanner;
  switch (scanner.scan(bytes)) {
    case HeadScanner::State::NeedMore: return Waiting;
    case HeadScanner::State::Bad: return 502;
    case HeadScanner::State::Complete: break;
  }
  const HeadError* error = parse_response_head(bytes.substr(0, scanner.length()), to_method, out);
  return error == nullptr ? Accepted : error->status;
}
inline int answer_to_response(std::string_view bytes, Method to_method = Method::Post) {
  ResponseHead head;
  return answer_to_response(bytes, head, to_method);
}

/// The request as a proxy writes it: without hop-by-hop fields, framed anew.
inline std::string rewrite(const RequestHead& head) {
  std::string out;
  HeadWriter writer(out);
  writer.request_line(head.method, head.target);
  if (head.headers.find(HeaderId::Host) == nullptr) writer.header("host", head.host.empty() ? "localhost" : head.host);
  for (const Header& header : head.headers) {
    if (!header.hop_by_hop) writer.header(header.name, header.value);
  }
  if (head.framing == Framing::Chunked) writer.header("transfer-encoding", "chunked");
  writer.end();
  return out;
}

/// The same for an answer.
inline std::string rewrite(const ResponseHead& head) {
  std::string out;
  HeadWriter writer(out);
  writer.status_line(head.status, head.reason);
  for (const Header& header : head.headers) {
    if (!header.hop_by_hop) writer.header(header.name, header.value);
  }
  if (head.framing == Framing::Chunked) writer.header("transfer-encoding", "chunked");
  writer.end();
  return out;
}

}  // namespace evener::net::http1::testing
