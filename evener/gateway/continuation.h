#pragma once
// Continuation: what an exchange keeps of a stream that another endpoint may have to go on with. The client gets whole events only, so that
// wherever an endpoint breaks off nothing is delivered twice or by halves; and what has been delivered is the request for the rest.

#include <optional>
#include <string>
#include <string_view>

#include "evener/protocol/continuation.h"
#include "evener/protocol/continued_stream.h"
#include "evener/protocol/sse_cutter.h"

namespace evener::gateway {

class Continuation {
 public:
  Continuation(const protocol::Continuable& where, bool usage_wanted)
      : where_(where), stream_(where.operation), usage_wanted_(usage_wanted) {}

  /// The next bytes of the current answer, without framing. Appends what the client gets for them.
  void take(std::string_view data, std::string& out);
  /// The current answer has ended as its protocol says: appends what is left of it.
  void finish(std::string& out);

  /// What ends the answer without a further endpoint, after the current one broke off; nothing if more is missing than the end.
  [[nodiscard]] std::optional<std::string> ending() const;
  /// The request for the rest; nothing where there is more to the answer than text, or too much of it. `body` is the client's.
  [[nodiscard]] std::optional<protocol::ContinuedBody> request(std::string_view body, protocol::ByteRange model_value) const;
  /// What comes next is the answer to that request, after the endpoint of this name broke off.
  void resume(std::string_view from);

  [[nodiscard]] bool resumed() const { return stream_.resumed(); }
  /// How often, and after which endpoint first.
  [[nodiscard]] std::uint32_t times() const { return times_; }
  [[nodiscard]] const std::string& first_from() const { return first_from_; }
  [[nodiscard]] std::uint64_t tokens() const { return stream_.tokens(); }
  [[nodiscard]] std::uint64_t tokens_before() const { return stream_.tokens_before(); }

 private:
  protocol::Continuable where_;
  protocol::SseCutter cutter_;
  protocol::ContinuedStream stream_;
  std::uint32_t times_ = 0;
  std::string first_from_;
  bool usage_wanted_;
  bool uncut_ = false;  // an event was too large: from it on, bytes pass as they come
};

}  // namespace evener::gateway
