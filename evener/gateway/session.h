#pragma once
// Session: one client connection. While nothing is in flight it holds its socket and nothing else (no buffer, no parser): an idle
// connection costs well below 1 KiB. Each request is an Exchange, whose state exists only as long as it runs.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "evener/gateway/memory_quota.h"
#include "evener/gateway/worker.h"
#include "evener/net/buffer.h"
#include "evener/net/socket.h"

namespace evener::gateway {

/// Bytes received and not yet consumed; between requests only there when the client pipelines.
struct Inbox {
  net::Buffer buffer;
  std::size_t begin = 0, end = 0;

  [[nodiscard]] bool empty() const { return begin == end; }
  [[nodiscard]] std::string_view unread() const { return buffer ? buffer.view(begin, end - begin) : std::string_view(); }
  /// Copies bytes that belong to the next request; the inbox must be empty.
  void keep(std::string_view bytes) {
    if (bytes.empty()) return;
    buffer = net::Buffer::take(bytes.size());
    std::memcpy(buffer.data(), bytes.data(), bytes.size());
    begin = 0;
    end = bytes.size();
  }
  void clear() {
    buffer.release();
    begin = end = 0;
  }
};

/// How large a block to take for a request of which this many bytes are expected (0 = unknown), because it announces them or because the one
/// before on its connection had them: the usual one, or one that takes all in one piece, which saves system calls and copies. Since nothing has
/// come yet, such blocks are taken out of the first half of the memory quota only.
[[nodiscard]] std::size_t expected_block_bytes(std::uint64_t expected, const MemoryQuota& memory);

class Session {
 public:
  static constexpr std::uint32_t ExpectedBytesMax = 256 * 1024;  // the largest block that is kept for reuse

  Session(Worker& worker, int fd);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  net::Task<> run();
  /// The drain has begun: an idle connection gets DrainIdle for one more request, a busy one ends after its answer.
  void drain();

  /// The client's IP address.
  [[nodiscard]] const std::string& client_text() const { return client_text_; }

  Worker& worker;
  net::Socket client;
  Inbox inbox;
  std::uint32_t last_request_bytes = 0;  // of the request before, if its body came whole with a length; else 0

 private:
  friend class Worker;
  std::string client_text_;
  bool idle_ = false;
  Session* next_ = nullptr;
  Session** prev_ = nullptr;
};

}  // namespace evener::gateway
