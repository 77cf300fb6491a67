#pragma once
// Looks into the beginning of a streamed answer, which is held back until an event brings something that a client waits for: until then the
// request can go elsewhere without the client's knowing. Engines send the role of a chat's answer before its first token, and comments while
// they compute. Changes nothing: what is held back is passed on from its first byte.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "evener/net/http1/chunked.h"
#include "evener/net/http1/head.h"
#include "evener/protocol/sse.h"

namespace evener::gateway {

class FirstContent {
 public:
  /// Of the body. Whatever it is, it is passed on then.
  static constexpr std::size_t HeldBytesMax = 32 * 1024;

  FirstContent(net::http1::Framing framing, std::uint64_t content_length) : framing_(framing), left_(content_length) {}

  enum class Seen : std::uint8_t {
    Nothing,  // goes on holding back
    Content,  // or the end of the answer, or as much as may be held
    Bad,      // the chunks are malformed
  };
  /// The next bytes behind the head, as they came.
  [[nodiscard]] Seen feed(std::string_view bytes);

 private:
  net::http1::ChunkedDecoder chunks_;
  protocol::SseObserver events_;
  net::http1::Framing framing_;
  std::uint64_t left_;
  std::size_t held_ = 0;
};

}  // namespace evener::gateway
