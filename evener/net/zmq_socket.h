#pragma once
// ZeroMQ sockets, for the engines that publish over them. Thin: messages of frames in and out without blocking, and one call that waits for
// several sockets. They have threads of their own below and do not belong on a reactor.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evener/core/result.h"
#include "evener/core/time.h"

namespace evener::net {

/// A larger frame ends the connection to who sent it.
inline constexpr std::size_t ZmqFrameBytesMax = 8U << 20;
/// Frames of a message that are kept; a message with more is as good as none of the kinds that we know.
inline constexpr std::size_t ZmqFramesMax = 8;

/// Of the library that is linked: "4.3.4".
[[nodiscard]] std::string zmq_library_version();

/// Threads and connections of the sockets that are made from it. Any thread.
class ZmqContext {
 public:
  ZmqContext();
  /// The library's handle; for the sockets.
  [[nodiscard]] void* handle() const { return handle_.get(); }

 private:
  struct End {
    void operator()(void* handle) const;
  };
  std::unique_ptr<void, End> handle_;
};

/// Used by one thread at a time. Its context must outlive it.
class ZmqSocket {
 public:
  enum class Kind : std::uint8_t { Publish, Subscribe, Router, Dealer };

  ZmqSocket() = default;
  /// `messages_max` bounds what waits in each direction; a publisher drops what is beyond it.
  static Result<ZmqSocket> open(const ZmqContext& context, Kind kind, int messages_max);

  [[nodiscard]] bool is_open() const { return handle_ != nullptr; }
  /// The address that it got; a port of 0 becomes a free one.
  Result<std::string> bind(const std::string& address);
  /// Connects in the background, again and again.
  Result<void> connect(const std::string& address);
  Result<void> subscribe(std::string_view topic);
  /// False when it could not be queued at once.
  bool send(std::span<const std::string_view> frames);
  /// Takes the next whole message; false when there is none. Frames beyond ZmqFramesMax are dropped, and one more stands for them.
  bool receive(std::vector<std::string>& frames);

  /// From here on next_change() tells when a connection came up or was lost. Once per socket.
  Result<void> watch(const ZmqContext& context);
  enum class Change : std::uint8_t { None, Connected, Disconnected };
  Change next_change();

  [[nodiscard]] void* handle() const { return handle_.get(); }
  [[nodiscard]] void* watch_handle() const { return monitor_.get(); }

 private:
  struct Close {
    void operator()(void* handle) const;
  };
  std::unique_ptr<void, Close> monitor_, handle_;
};

/// What to wait for: a socket, what watches it, or a plain descriptor. `ready` is the answer.
struct ZmqWait {
  void* handle = nullptr;
  int fd = -1;
  bool ready = false;
};
/// Returns when one of them can be read, or after `most`.
void zmq_wait(std::span<ZmqWait> sources, Duration most);

/// "tcp://host:port" with a port of 1..65535 (0 too where something is bound), or "ipc://path". Says what is wrong.
enum class ZmqPort : std::uint8_t { Given, MayBeFree };
[[nodiscard]] Result<void> check_zmq_address(std::string_view address, ZmqPort port);

}  // namespace evener::net
