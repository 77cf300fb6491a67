#include "evener/gateway/kv_subscriber.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <set>
#include <utility>

#include "evener/base/clock.h"
#include "evener/base/log.h"
#include "evener/core/hashing.h"
#include "evener/net/zmq_socket.h"
#include "evener/protocol/kv_events.h"
#include "evener/protocol/prompt_blocks.h"

namespace evener::gateway {
namespace {

/// How long notes may lie before they are taken when no event comes, and how late a replay is given up.
constexpr Duration Look = std::chrono::milliseconds(100);
constexpr Duration LookWhenIdle = std::chrono::seconds(1);

/// The library connects again by itself, but never after a peer broke its protocol, for instance by a frame that is too large.
constexpr Duration ReopenAfter = std::chrono::seconds(5);

constexpr std::uint64_t ReplayEnd = ~std::uint64_t{0};  // -1

std::uint64_t read_number(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = (value << 8) | static_cast<std::uint8_t>(c);
  return value;
}

std::array<char, 8> write_number(std::uint64_t value) {
  std::array<char, 8> bytes{};
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(static_cast<std::uint8_t>(value >> (56 - 8 * i)));
  return bytes;
}

/// Layers of full attention decide whether a prefix can be used; those with a window drop its beginning as a matter of course.
bool decides(const std::string& attention) {
  return attention.empty() || attention.find("full") != std::string::npos || attention.find("mla") != std::string::npos;
}

class Nobody final : public route::KvListener {
  void stored(EndpointId, std::span<const std::uint64_t>) override {}
  void evicted(EndpointId, std::span<const std::uint64_t>) override {}
  void follow(EndpointId, route::KvKnowledge) override {}
  void cleared(EndpointId) override {}
  void capacity(EndpointId, std::uint64_t) override {}
};

}  // namespace

struct KvSubscriber::Sockets {
  net::ZmqContext context;
};

struct KvSubscriber::Subscription {
  Subscription(EndpointId its_id, KvEventsConfig its_config, std::shared_ptr<route::KvListener> its_listener)
      : id(its_id),
        config(std::move(its_config)),
        listener(its_listener ? std::move(its_listener) : std::make_shared<Nobody>()),
        sequence(config.replay.empty() ? KvSequence::Replay::None : KvSequence::Replay::Possible),
        map(id, *listener, {.chain = &KvSubscriber::chain, .ids_per_block = static_cast<std::uint32_t>(protocol::BlockBytesDefault / 4)}) {}

  EndpointId id;
  KvEventsConfig config;
  std::shared_ptr<route::KvListener> listener;
  net::ZmqSocket events, replay;
  KvSequence sequence;
  route::KvMap map;
  bool connected = false;
  Instant disconnected_at{};
  std::uint64_t batches = 0, bad_messages = 0, unknown_events = 0;
  std::string last_error;
  std::set<std::uint32_t> ignored_groups;
  std::array<bool, 3> ready{};  // events, their watch, replay

  Result<void> open(const net::ZmqContext& context, Instant now) {
    disconnected_at = now;
    auto socket = net::ZmqSocket::open(context, net::ZmqSocket::Kind::Subscribe, MessagesMax);
    if (!socket) return tl::unexpected(socket.error());
    events = std::move(*socket);
    if (auto done = events.subscribe(config.topic); !done) return done;
    if (auto done = events.watch(context); !done) return done;
    return events.connect(config.address);
  }

  void bad(std::string why) {
    ++bad_messages;
    // Once for each new kind of trouble: an engine that is wrong is wrong all the time.
    if (why != last_error) log::warn("KV events cannot be read", {{"address", config.address}, {"error", why}});
    last_error = std::move(why);
  }
};

KvSubscriber::KvSubscriber() : wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

KvSubscriber::~KvSubscriber() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
  subscriptions_.clear();
  sockets_.reset();
  if (wake_fd_ >= 0) ::close(wake_fd_);
}

std::uint64_t KvSubscriber::chain(std::uint64_t before, std::span<const std::uint32_t> ids) {
  static_assert(std::endian::native == std::endian::little, "ids are hashed as four bytes each, the least first");
  std::vector<std::uint64_t> hashes;
  protocol::PromptBlocks blocks(before, ids.size_bytes(), hashes);
  blocks.bytes({reinterpret_cast<const char*>(ids.data()), ids.size_bytes()});
  return hashes.empty() ? before : hashes.front();
}

void KvSubscriber::wake() {
  const std::uint64_t one = 1;
  (void)!::write(wake_fd_, &one, sizeof one);
}

void KvSubscriber::follow(EndpointId endpoint, const KvEventsConfig& config, std::shared_ptr<route::KvListener> listener) {
  {
    const std::lock_guard lock(mutex_);
    changes_.push_back({.endpoint = endpoint, .config = config, .listener = std::move(listener)});
    // Nobody pays for a thread, and for the library's two, who follows nothing.
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  wake();
}

void KvSubscriber::forget(EndpointId endpoint) {
  {
    const std::lock_guard lock(mutex_);
    if (!thread_.joinable()) return;
    changes_.push_back({.endpoint = endpoint, .config = {}, .listener = {}});
  }
  wake();
}

void KvSubscriber::put(Note note) {
  const std::lock_guard lock(mutex_);
  if (notes_.size() >= NotesMax) {
    notes_dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  // The thread is not woken: it takes notes before each event that it reads, and now and then.
  notes_.push_back(std::move(note));
}

void KvSubscriber::dispatched(EndpointId endpoint, route::KvRequest request) {
  put({.endpoint = endpoint, .kind = Note::Kind::Dispatched, .request = std::move(request), .usage = {}});
}

void KvSubscriber::ended(EndpointId endpoint, std::uint64_t id, const std::optional<route::KvUsage>& usage) {
  put({.endpoint = endpoint, .kind = Note::Kind::Ended, .request = {.id = id}, .usage = usage});
}

std::vector<KvEndpointStatus> KvSubscriber::status() {
  const std::lock_guard lock(mutex_);
  return status_;
}

// ---- the thread, from here on

void KvSubscriber::run() {
  sockets_ = std::make_unique<Sockets>();
  for (;;) {
    take_changes();
    wait();
    const Instant now = monotonic_now();
    // Before the events: what they tell of was dispatched before it was computed.
    take_notes(now);
    for (const auto& subscription : subscriptions_) {
      if (subscription->ready[1]) {
        for (auto change = subscription->events.next_change(); change != net::ZmqSocket::Change::None;
             change = subscription->events.next_change()) {
          subscription->connected = change == net::ZmqSocket::Change::Connected;
          subscription->disconnected_at = now;
          log::info(subscription->connected ? "KV events connected" : "KV events disconnected",
                    {{"address", subscription->config.address}});
          if (subscription->connected) act(*subscription, subscription->sequence.connected(now), now);
        }
      }
      if (subscription->ready[2]) read_replay(*subscription, now);
      if (subscription->ready[0]) read(*subscription, now);
      if (!subscription->connected && now - subscription->disconnected_at > ReopenAfter) (void)subscription->open(sockets_->context, now);
      act(*subscription, subscription->sequence.tick(now), now);
      subscription->map.tick(now);
    }
    publish_status(now);
    const std::lock_guard lock(mutex_);
    if (stop_) return;
  }
}

void KvSubscriber::wait() {
  std::vector<net::ZmqWait> sources;
  sources.push_back({.handle = nullptr, .fd = wake_fd_});
  bool busy = false;
  for (const auto& subscription : subscriptions_) {
    sources.push_back({.handle = subscription->events.handle()});
    sources.push_back({.handle = subscription->events.watch_handle()});
    if (subscription->replay.is_open()) sources.push_back({.handle = subscription->replay.handle()});
    busy = busy || subscription->connected;
  }
  net::zmq_wait(sources, busy ? Look : LookWhenIdle);
  if (sources.front().ready) {
    std::uint64_t count = 0;
    (void)!::read(wake_fd_, &count, sizeof count);
  }
  std::size_t at = 1;
  for (const auto& subscription : subscriptions_) {
    subscription->ready[0] = sources[at++].ready;
    subscription->ready[1] = sources[at++].ready;
    subscription->ready[2] = subscription->replay.is_open() && sources[at++].ready;
  }
}

void KvSubscriber::take_changes() {
  std::vector<Change> changes;
  {
    const std::lock_guard lock(mutex_);
    changes.swap(changes_);
  }
  for (Change& change : changes) {
    const auto at = std::ranges::lower_bound(subscriptions_, change.endpoint, {}, [](const auto& one) { return one->id; });
    const bool known = at != subscriptions_.end() && (*at)->id == change.endpoint;
    if (!change.config) {
      if (known) subscriptions_.erase(at);
      continue;
    }
    if (known && (*at)->config == *change.config) continue;
    auto subscription = std::make_unique<Subscription>(change.endpoint, *change.config, std::move(change.listener));
    if (const auto opened = subscription->open(sockets_->context, monotonic_now()); !opened) {
      log::error("KV events cannot be followed", {{"address", change.config->address}, {"error", opened.error().message}});
      if (known) subscriptions_.erase(at);
      continue;
    }
    if (known) {
      subscription->listener->cleared(change.endpoint);
      *at = std::move(subscription);
    } else {
      subscriptions_.insert(at, std::move(subscription));
    }
  }
}

void KvSubscriber::take_notes(Instant now) {
  taken_notes_.clear();
  {
    const std::lock_guard lock(mutex_);
    taken_notes_.swap(notes_);
  }
  for (Note& note : taken_notes_) {
    const auto at = std::ranges::lower_bound(subscriptions_, note.endpoint, {}, [](const auto& one) { return one->id; });
    if (at == subscriptions_.end() || (*at)->id != note.endpoint) continue;
    if (note.kind == Note::Kind::Dispatched) {
      (*at)->map.dispatched(std::move(note.request), now);
    } else {
      (*at)->map.ended(note.request.id, note.usage, now);
    }
  }
}

void KvSubscriber::read(Subscription& subscription, Instant now) {
  std::vector<std::string> frames;
  for (std::size_t i = 0; i < MessagesPerTurn && subscription.events.receive(frames); ++i) {
    if (frames.size() != 3 || frames[1].size() != 8) {
      subscription.bad("a message is not topic, number of eight bytes, payload");
      continue;
    }
    act(subscription, subscription.sequence.message(read_number(frames[1]), std::move(frames[2]), now), now);
  }
}

void KvSubscriber::read_replay(Subscription& subscription, Instant now) {
  std::vector<std::string> frames;
  for (std::size_t i = 0; i < MessagesPerTurn && subscription.replay.is_open() && subscription.replay.receive(frames); ++i) {
    // An empty frame first, as a request socket would see it.
    if (frames.size() != 3 || !frames[0].empty() || frames[1].size() != 8) {
      subscription.bad("a replayed message is not empty, number of eight bytes, payload");
      continue;
    }
    const std::uint64_t number = read_number(frames[1]);
    const bool end = number == ReplayEnd;
    if (end) subscription.replay = {};
    act(subscription, end ? subscription.sequence.replay_ended(now) : subscription.sequence.replayed(number, std::move(frames[2]), now),
        now);
  }
}

void KvSubscriber::act(Subscription& subscription, KvSequence::Step step, Instant now) {
  if (step.lost) {
    log::warn("KV events lost; what the endpoint holds is learned anew", {{"address", subscription.config.address}});
    subscription.map.lost();
  }
  if (step.from_beginning) subscription.map.began();
  for (const std::string& payload : step.apply) apply(subscription, payload, now);
  if (step.ask_from) {
    // A socket of its own for each question, so that what still comes of an earlier answer goes nowhere.
    subscription.replay = {};
    auto socket = net::ZmqSocket::open(sockets_->context, net::ZmqSocket::Kind::Dealer, MessagesMax);
    if (socket && socket->connect(subscription.config.replay)) {
      const auto number = write_number(*step.ask_from);
      const std::array<std::string_view, 2> frames = {std::string_view(), std::string_view(number.data(), number.size())};
      if (socket->send(frames)) subscription.replay = std::move(*socket);
    }
  } else if (!subscription.sequence.replaying() && subscription.replay.is_open()) {
    subscription.replay = {};
  }
}

void KvSubscriber::apply(Subscription& subscription, std::string_view payload, Instant now) {
  const auto batch = protocol::read_kv_batch(payload);
  if (!batch) {
    // It may have told of blocks that went; going on as if it had not would keep them for ever.
    subscription.bad(batch.error().message);
    subscription.map.lost();
    return;
  }
  ++subscription.batches;
  subscription.unknown_events += batch->unknown_events;
  for (const protocol::KvEvent& event : batch->events) {
    const std::uint32_t group = event.group.value_or(0);
    const std::uint64_t place = hash_combine(hash_combine(batch->rank, group), hash64(event.medium.empty() ? "GPU" : event.medium));
    switch (event.kind) {
      case protocol::KvEvent::Kind::Stored:
        if (!decides(event.attention)) {
          if (subscription.ignored_groups.size() < IgnoredGroupsMax) subscription.ignored_groups.insert(group);
          break;
        }
        subscription.map.stored({.blocks = event.blocks,
                                 .parent = event.parent,
                                 // With something beside the ids in the hash, equal ids are not equal blocks.
                                 .tokens = event.extra_keys ? std::span<const std::uint32_t>() : std::span(event.tokens),
                                 .block_tokens = event.block_tokens,
                                 .adapter = event.adapter.empty() ? 0 : hash64(event.adapter)},
                                place, now);
        break;
      case protocol::KvEvent::Kind::Removed:
        if (!event.group || !subscription.ignored_groups.contains(group)) subscription.map.removed(event.blocks, place);
        break;
      case protocol::KvEvent::Kind::Cleared: subscription.map.cleared(); break;
    }
  }
}

void KvSubscriber::publish_status(Instant now) {
  if (now < next_status_) return;
  next_status_ = now + StatusEvery;
  std::vector<KvEndpointStatus> status;
  for (const auto& one : subscriptions_) {
    status.push_back({.id = one->id,
                      .connected = one->connected,
                      .batches = one->batches,
                      .bad_messages = one->bad_messages,
                      .unknown_events = one->unknown_events,
                      .last_error = one->last_error,
                      .sequence = one->sequence.counts(),
                      .map = one->map.status()});
  }
  const std::lock_guard lock(mutex_);
  status_.swap(status);
}

}  // namespace evener::gateway
