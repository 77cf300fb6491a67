#pragma once
// HttpStream: a call whose answer goes on and on, such as a watch, read in pieces as they come and without waiting for them. What nobody reads waits in the
// connection, so a slow reader stops the sender.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "evener/actuators/http_call.h"
#include "evener/core/result.h"

namespace evener::actuators {

/// What is read from; tests put their own in place of HttpStream. For one thread at a time.
class ByteStream {
 public:
  ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;
  virtual ~ByteStream() = default;

  enum class State : std::uint8_t { Open, Ended };
  /// Appends what has come to `out`. Ended: it has come to its end, and no more will come. Any other end is an error.
  [[nodiscard]] virtual Result<State> read(std::string& out) = 0;
};

/// Makes the call; the answer's status is looked at in read(), where one that is no success is an error.
[[nodiscard]] std::unique_ptr<ByteStream> open_http_stream(HttpSettings settings, HttpCall call);
using HttpOpenStream = std::function<std::unique_ptr<ByteStream>(HttpSettings, HttpCall)>;

}  // namespace evener::actuators
