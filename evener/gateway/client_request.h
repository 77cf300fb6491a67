#pragma once
// ClientRequest: one request as it came from its client, what has been read out of it, and how it is written to an endpoint. Its bytes stay
// until the first byte of an answer is passed on, because until then it may be sent again, even to two endpoints at the same time.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sys/uio.h>

#include "evener/base/short_text.h"
#include "evener/gateway/pool.h"
#include "evener/gateway/prompt_note.h"
#include "evener/gateway/session.h"
#include "evener/net/buffer.h"
#include "evener/net/http1/head.h"
#include "evener/net/http1/head_writer.h"
#include "evener/protocol/continuation.h"
#include "evener/protocol/openai.h"
#include "evener/route/view.h"
#include "evener/telemetry/trace_context.h"

namespace evener::gateway {

enum class BodyMode : std::uint8_t { Whole, Streamed };
enum class BodyFault : std::uint8_t { None, Malformed, Late, TooLarge };

/// Whether the endpoint is asked to add a load report to its answer.
enum class LoadQuestion : std::uint8_t { None, Ask };

/// Used on its worker's thread only.
struct ClientRequest {
  static constexpr std::size_t IdMax = 128;  // a longer one of the client is not taken

  explicit ClientRequest(Session& owner) : session(owner), began(owner.worker.reactor.now()) {}
  ~ClientRequest();
  ClientRequest(const ClientRequest&) = delete;
  ClientRequest& operator=(const ClientRequest&) = delete;

  /// Parses again when another request of the worker was parsed meanwhile; that costs a third of a microsecond.
  [[nodiscard]] net::http1::RequestHead& parsed_head();
  /// A whole body, without chunk framing.
  [[nodiscard]] std::string_view body() const;
  /// What is sent of it: the rest of a stream that broke off is asked for with another one.
  [[nodiscard]] std::string_view sent_body() const { return continued ? continued->bytes : body(); }
  /// It was accepted with chunks or a length, so a body belongs to it, even an empty one.
  [[nodiscard]] bool has_body() const { return framing != net::http1::Framing::None; }
  /// A streamed body of which something is still to come: it can be sent once only.
  [[nodiscard]] bool sent_once() const { return body_mode == BodyMode::Streamed && !body_read; }

  /// Its head for this endpoint: written anew, without hop-by-hop headers and what others claimed about where it comes from.
  /// True when it asks, of our own accord, for a load report in the answer.
  bool write_head(net::http1::HeadWriter& writer, const Endpoint& endpoint, LoadQuestion question);
  /// A whole body for this endpoint from pieces[at] on; where they end. `renamed` keeps the text of a model's other name.
  std::size_t body_pieces(std::array<iovec, 4>& pieces, std::size_t at, const Endpoint& endpoint, std::string& renamed) const;

  Session& session;
  Instant began;

  // As it came.
  net::Buffer block;                    // [head][body or its beginning][next request]
  std::size_t head_bytes = 0, end = 0;  // in `block`
  net::Buffer chunked_body;             // the decoded body, when it came in chunks
  std::size_t chunked_body_bytes = 0;
  std::uint64_t body_bytes = 0;                              // of a whole body
  std::unique_ptr<const protocol::ContinuedBody> continued;  // what is sent in its place for the rest of a stream
  net::http1::Method method = net::http1::Method::Other;
  net::http1::Framing framing = net::http1::Framing::None;
  std::uint64_t content_length = 0;
  std::uint64_t bytes = 0;  // received so far
  bool http10 = false, keep_alive = true, expects_continue = false;
  bool client_gone = false;

  BodyMode body_mode = BodyMode::Whole;
  bool body_read = false;                  // nothing of this request is left in the connection
  bool body_forwarded = false;             // a streamed body has begun to flow: it cannot be sent again
  bool awaits_client = false;              // of a streamed body, the next bytes are the client's to send
  BodyFault body_fault = BodyFault::None;  // of a streamed body, while it was passed on

  // What it says.
  ShortText<IdMax> id;
  telemetry::TraceContext trace;
  std::uint8_t hops = 0;
  std::string model;
  protocol::ByteRange model_value;  // in the body: what to replace when the model is renamed
  bool model_renamed = false, model_quoted = true;
  route::RequestView view;
  std::unique_ptr<PromptNote> prompt;  // in pools that ask for it
};

}  // namespace evener::gateway
