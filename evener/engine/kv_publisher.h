#pragma once
// Publishes what an emulated engine's KV cache stores and evicts, as vLLM does: numbered batches over a ZeroMQ PUB socket, the latest of them
// again for whoever asks the replay socket. A thread of its own sends; the engine's thread only queues.

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "evener/core/result.h"
#include "evener/lab/kv_cache.h"
#include "evener/net/zmq_socket.h"
#include "evener/protocol/kv_events.h"

namespace evener::engine {

struct KvEventsOptions {
  std::string address;  // tcp://host:port, port 0 = a free one; empty = nothing is published
  std::string replay;   // empty = no replay
  std::string topic;
  protocol::KvEncoding encoding = protocol::KvEncoding::Maps;
};

/// Not thread-safe: lives on its engine's thread. Must outlive the cache's use of it as observer.
class KvPublisher final : public lab::KvObserver {
 public:
  static constexpr std::size_t QueueMax = 100'000;  // batches that wait to be sent; more are lost, as a gap in the numbers shows
  static constexpr std::size_t ReplayMax = 10'000;  // batches kept for replay
  static constexpr std::size_t ReplayBytesMax = 64U << 20;
  static constexpr int MessagesMax = 100'000;  // that wait for a slow subscriber

  static Result<std::unique_ptr<KvPublisher>> open(const KvEventsOptions& options, std::uint32_t block_tokens);
  ~KvPublisher() override;
  KvPublisher(const KvPublisher&) = delete;
  KvPublisher& operator=(const KvPublisher&) = delete;

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] const std::string& replay_address() const { return replay_address_; }

  /// A prompt that may be stored from now on: the hashes of its blocks and its bytes, of which four are a token.
  void expect(std::span<const std::uint64_t> blocks, std::string_view prompt);
  /// It has ended; as often as expect().
  void forget(std::span<const std::uint64_t> blocks);

  void stored(std::uint64_t hash) override;
  void evicted(std::uint64_t hash) override;
  /// The step is over: what it stored and evicted is one batch. With `drop_every` n every n-th batch is not sent; replay still has it.
  void flush(std::uint32_t drop_every);

 private:
  KvPublisher(const KvEventsOptions& options, std::uint32_t block_tokens);
  struct Block {
    std::uint64_t parent = 0;
    bool has_parent = false;
    std::vector<std::uint32_t> tokens;
    std::uint32_t prompts = 0;  // that expect it
  };
  struct Batch {
    std::uint64_t number = 0;
    std::string payload;
    bool sent = true;  // on PUB
  };
  void run();
  void answer_replay();

  const KvEventsOptions options_;
  const std::uint32_t block_tokens_;
  std::string address_, replay_address_;
  net::ZmqContext context_;
  net::ZmqSocket publish_, replay_;
  int wake_fd_ = -1;

  std::unordered_map<std::uint64_t, Block> expected_;  // looked up, never iterated; bounded by the prompts in progress
  protocol::KvBatch batch_;
  std::uint64_t batches_ = 0;

  std::mutex mutex_;  // over what follows
  std::deque<Batch> queue_;
  bool stop_ = false;

  std::deque<Batch> kept_;  // the thread's
  std::size_t kept_bytes_ = 0;
  std::thread thread_;
};

}  // namespace evener::engine
