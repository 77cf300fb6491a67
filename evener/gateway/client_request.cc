#include "evener/gateway/client_request.h"

#include "evener/gateway/paths.h"
#include "evener/protocol/orca.h"

namespace evener::gateway {
namespace {

std::string json_string(std::string_view text) {
  std::string out;
  protocol::append_json_string(out, text);
  return out;
}

}  // namespace

ClientRequest::~ClientRequest() {
  if (session.worker.request_head_owner == this) session.worker.request_head_owner = nullptr;
}

net::http1::RequestHead& ClientRequest::parsed_head() {
  Worker& worker = session.worker;
  if (worker.request_head_owner != this) {
    worker.request_head_owner = this;
    // It was accepted once, so it is accepted again.
    (void)net::http1::parse_request_head(block.view(0, head_bytes), worker.request_head);
  }
  return worker.request_head;
}

std::string_view ClientRequest::body() const {
  return framing == net::http1::Framing::Chunked ? chunked_body.view(0, chunked_body_bytes)
                                                 : block.view(head_bytes, static_cast<std::size_t>(content_length));
}

bool ClientRequest::write_head(net::http1::HeadWriter& writer, const Endpoint& endpoint, LoadQuestion question) {
  using net::http1::HeaderId;
  const net::http1::RequestHead& head = parsed_head();
  std::string prefixed;
  std::string_view path = head.path;
  if (!endpoint.path_prefix.empty()) {
    prefixed = endpoint.path_prefix;
    prefixed += head.path;
    path = prefixed;
  }
  writer.request_line(head.method, path, head.query);
  writer.unchecked_header("Host", endpoint.host_header);
  for (const net::http1::Header& header : head.headers) {
    if (header.hop_by_hop) continue;
    switch (header.id) {
      case HeaderId::Host:
      case HeaderId::ContentLength:
      case HeaderId::Expect:
      case HeaderId::XForwardedFor:
      case HeaderId::XForwardedHost:
      case HeaderId::XForwardedProto:
      case HeaderId::XForwardedPort:
      case HeaderId::Forwarded:
      case HeaderId::XRealIp:
      case HeaderId::ClientClaim:
      case HeaderId::XRequestId:
      case HeaderId::Traceparent:
      case HeaderId::XEvener: continue;
      case HeaderId::Tracestate:
        if (!trace.continued()) continue;
        break;
      case HeaderId::Authorization:
        if (!endpoint.authorization.empty()) continue;
        break;
      case HeaderId::Other:
        // A client that asks for itself gets the answer, too.
        if (question == LoadQuestion::Ask && equals_ignoring_case(header.name, protocol::OrcaRequestHeader)) question = LoadQuestion::None;
        break;
      default: break;
    }
    writer.parsed_header(header);
  }
  if (!endpoint.authorization.empty()) writer.header("Authorization", endpoint.authorization);
  if (body_mode == BodyMode::Whole) {
    if (has_body()) {
      std::array<iovec, 4> pieces{};
      std::string renamed;
      const std::size_t used = body_pieces(pieces, 0, endpoint, renamed);
      std::size_t length = 0;
      for (std::size_t i = 0; i < used; ++i) length += pieces[i].iov_len;
      writer.header("Content-Length", length);
    }
  } else if (framing == net::http1::Framing::Length) {
    writer.header("Content-Length", content_length);
  } else if (framing == net::http1::Framing::Chunked) {
    writer.header("Transfer-Encoding", "chunked");
  }
  writer.unchecked_header("x-request-id", id);
  writer.unchecked_header("traceparent", trace.traceparent());
  writer.unchecked_header("X-Forwarded-For", session.client_text());
  writer.header(HopsHeader, static_cast<std::uint64_t>(hops) + 1);
  if (question == LoadQuestion::Ask) writer.unchecked_header(protocol::OrcaRequestHeader, protocol::OrcaRequestValue);
  writer.end();
  return question == LoadQuestion::Ask;
}

std::size_t ClientRequest::body_pieces(std::array<iovec, 4>& pieces, std::size_t at, const Endpoint& endpoint, std::string& renamed) const {
  const std::string_view whole = sent_body();
  const protocol::ByteRange& name = continued ? continued->model_value : model_value;
  const auto add = [&](std::string_view piece) {
    if (!piece.empty()) pieces[at++] = {const_cast<char*>(piece.data()), piece.size()};
  };
  const std::string_view wanted = endpoint.model_name(model);
  if (model.empty() || (!model_renamed && wanted == model)) {
    add(whole);
    return at;
  }
  // The one change ever made to a body: the model's name. Everything around it is sent as it came.
  renamed = model_quoted ? json_string(wanted) : std::string(wanted);
  add(whole.substr(0, name.offset));
  add(renamed);
  add(whole.substr(name.offset + name.length));
  return at;
}

}  // namespace evener::gateway
