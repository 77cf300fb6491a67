#pragma once
// Follows what engines publish of their KV caches. One thread of its own has all subscriptions: it reads, asks for replays, keeps one KvMap per
// endpoint and tells each endpoint's listener. The data path leaves notes of what it dispatched and what ended; that is a push under a short
// lock, never a wait, and beyond NotesMax notes are dropped.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "evener/core/ids.h"
#include "evener/core/result.h"
#include "evener/gateway/config.h"
#include "evener/gateway/kv_sequence.h"
#include "evener/route/kv_listener.h"
#include "evener/route/kv_map.h"

namespace evener::gateway {

/// What is known of one subscription, as the thread last published it.
struct KvEndpointStatus {
  EndpointId id{};
  bool connected = false;
  std::uint64_t batches = 0, bad_messages = 0, unknown_events = 0;
  std::string last_error;  // of the last bad message
  KvSequence::Counts sequence;
  route::KvMapStatus map;
};

class KvSubscriber {
 public:
  static constexpr std::size_t NotesMax = 65'536;      // not yet taken by the thread
  static constexpr int MessagesMax = 20'000;           // that wait in a socket; the publisher drops what is beyond, which shows as a gap
  static constexpr std::size_t MessagesPerTurn = 256;  // of one endpoint before the others have theirs
  static constexpr Duration StatusEvery = std::chrono::milliseconds(100);
  static constexpr std::size_t IgnoredGroupsMax = 64;  // kinds of attention whose blocks do not decide whether a prefix is there

  KvSubscriber();
  /// Ends the thread and the connections.
  ~KvSubscriber();
  KvSubscriber(const KvSubscriber&) = delete;
  KvSubscriber& operator=(const KvSubscriber&) = delete;

  // From any thread.
  /// Follows an endpoint; with another configuration than before anew. The listener is called on the subscriber's thread and must not wait
  /// for whoever calls this object; nullptr = only the figures are kept.
  void follow(EndpointId endpoint, const KvEventsConfig& config, std::shared_ptr<route::KvListener> listener);
  /// Follows it no more, as soon as the thread has heard of it.
  void forget(EndpointId endpoint);
  /// For a request's id.
  [[nodiscard]] std::uint64_t next_id() { return last_id_.fetch_add(1, std::memory_order_relaxed) + 1; }
  void dispatched(EndpointId endpoint, route::KvRequest request);
  void ended(EndpointId endpoint, std::uint64_t id, const std::optional<route::KvUsage>& usage);
  /// By id, as of StatusEvery ago at most while there is anything to do.
  [[nodiscard]] std::vector<KvEndpointStatus> status();
  [[nodiscard]] std::uint64_t notes_dropped() const { return notes_dropped_.load(std::memory_order_relaxed); }

  /// The hash of our block of token ids behind `before`, as the gateway hashes prompts.
  [[nodiscard]] static std::uint64_t chain(std::uint64_t before, std::span<const std::uint32_t> ids);

 private:
  struct Subscription;
  struct Sockets;
  struct Note {
    EndpointId endpoint{};
    enum class Kind : std::uint8_t { Dispatched, Ended } kind = Kind::Ended;
    route::KvRequest request;  // when it ended, its id alone
    std::optional<route::KvUsage> usage;
  };
  struct Change {
    EndpointId endpoint{};
    std::optional<KvEventsConfig> config;  // nothing = forget it
    std::shared_ptr<route::KvListener> listener;
  };

  void run();
  void wait();
  void take_changes();
  void take_notes(Instant now);
  void read(Subscription& subscription, Instant now);
  void read_replay(Subscription& subscription, Instant now);
  void act(Subscription& subscription, KvSequence::Step step, Instant now);
  void apply(Subscription& subscription, std::string_view payload, Instant now);
  void publish_status(Instant now);
  void wake();
  void put(Note note);

  std::unique_ptr<Sockets> sockets_;
  int wake_fd_ = -1;

  std::mutex mutex_;  // over what follows
  std::vector<Note> notes_;
  std::vector<Change> changes_;
  std::vector<KvEndpointStatus> status_;
  bool stop_ = false;

  std::atomic<std::uint64_t> notes_dropped_{0}, last_id_{0};
  std::vector<Note> taken_notes_;  // scratch of the thread
  Instant next_status_{};
  std::vector<std::unique_ptr<Subscription>> subscriptions_;  // the thread's, by id
  std::thread thread_;
};

}  // namespace evener::gateway
