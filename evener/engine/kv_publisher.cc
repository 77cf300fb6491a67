#include "evener/engine/kv_publisher.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

#include "evener/base/clock.h"
#include "evener/engine/openai_request.h"

namespace evener::engine {
namespace {

constexpr Duration LookEvery = std::chrono::seconds(1);

std::array<char, 8> big_endian(std::uint64_t value) {
  std::array<char, 8> bytes{};
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(static_cast<std::uint8_t>(value >> (56 - 8 * i)));
  return bytes;
}

std::string_view view(const std::array<char, 8>& bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace

Result<std::unique_ptr<KvPublisher>> KvPublisher::open(const KvEventsOptions& options, std::uint32_t block_tokens) {
  std::unique_ptr<KvPublisher> publisher(new KvPublisher(options, block_tokens));
  const auto listen = [&](net::ZmqSocket& socket, net::ZmqSocket::Kind kind, const std::string& wanted, std::string& got) -> Result<void> {
    if (auto checked = net::check_zmq_address(wanted, net::ZmqPort::MayBeFree); !checked) return checked;
    auto opened = net::ZmqSocket::open(publisher->context_, kind, MessagesMax);
    if (!opened) return tl::unexpected(opened.error());
    socket = std::move(*opened);
    auto bound = socket.bind(wanted);
    if (!bound) return tl::unexpected(bound.error());
    got = *bound;
    return {};
  };
  if (auto done = listen(publisher->publish_, net::ZmqSocket::Kind::Publish, options.address, publisher->address_); !done) {
    return tl::unexpected(done.error());
  }
  if (!options.replay.empty()) {
    if (auto done = listen(publisher->replay_, net::ZmqSocket::Kind::Router, options.replay, publisher->replay_address_); !done) {
      return tl::unexpected(done.error());
    }
  }
  publisher->thread_ = std::thread([raw = publisher.get()] { raw->run(); });
  return publisher;
}

KvPublisher::KvPublisher(const KvEventsOptions& options, std::uint32_t block_tokens)
    : options_(options), block_tokens_(block_tokens), wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

KvPublisher::~KvPublisher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  const std::uint64_t one = 1;
  (void)!::write(wake_fd_, &one, sizeof one);
  if (thread_.joinable()) thread_.join();
  if (wake_fd_ >= 0) ::close(wake_fd_);
}

void KvPublisher::expect(std::span<const std::uint64_t> blocks, std::string_view prompt) {
  const std::size_t block_bytes = std::size_t{block_tokens_} * BytesPerToken;
  for (std::size_t i = 0; i < blocks.size() && (i + 1) * block_bytes <= prompt.size(); ++i) {
    Block& block = expected_[blocks[i]];
    if (block.prompts++ > 0) continue;
    block.has_parent = i > 0;
    if (i > 0) block.parent = blocks[i - 1];
    block.tokens.resize(block_tokens_);
    // Of a prompt of token ids these are the ids; of a text they are as good as any that follow from the text alone.
    std::memcpy(block.tokens.data(), prompt.data() + i * block_bytes, block_bytes);
  }
}

void KvPublisher::forget(std::span<const std::uint64_t> blocks) {
  for (const std::uint64_t hash : blocks) {
    const auto found = expected_.find(hash);
    if (found != expected_.end() && --found->second.prompts == 0) expected_.erase(found);
  }
}

void KvPublisher::stored(std::uint64_t hash) {
  const auto found = expected_.find(hash);
  if (found == expected_.end()) return;
  const Block& block = found->second;
  if (!batch_.events.empty()) {
    // Blocks of one prompt that are stored together are one event, as engines have it.
    protocol::KvEvent& last = batch_.events.back();
    if (last.kind == protocol::KvEvent::Kind::Stored && block.has_parent && last.blocks.back() == block.parent) {
      last.blocks.push_back(hash);
      last.tokens.insert(last.tokens.end(), block.tokens.begin(), block.tokens.end());
      return;
    }
  }
  protocol::KvEvent event{
      .kind = protocol::KvEvent::Kind::Stored, .blocks = {hash}, .tokens = block.tokens, .block_tokens = block_tokens_, .medium = "GPU"};
  if (block.has_parent) event.parent = block.parent;
  batch_.events.push_back(std::move(event));
}

void KvPublisher::evicted(std::uint64_t hash) {
  if (!batch_.events.empty() && batch_.events.back().kind == protocol::KvEvent::Kind::Removed) {
    batch_.events.back().blocks.push_back(hash);
    return;
  }
  batch_.events.push_back({.kind = protocol::KvEvent::Kind::Removed, .blocks = {hash}, .medium = "GPU"});
}

void KvPublisher::flush(std::uint32_t drop_every) {
  if (batch_.events.empty()) return;
  batch_.published_at_s = static_cast<double>(wall_clock_ns()) / 1e9;
  Batch batch{.number = batches_++, .payload = write_kv_batch(batch_, options_.encoding)};
  batch.sent = drop_every == 0 || batches_ % drop_every != 0;
  batch_.events.clear();
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= QueueMax) return;
    queue_.push_back(std::move(batch));
  }
  const std::uint64_t one = 1;
  (void)!::write(wake_fd_, &one, sizeof one);
}

// ---- the thread, from here on

void KvPublisher::run() {
  for (;;) {
    std::array<net::ZmqWait, 2> sources = {net::ZmqWait{.fd = wake_fd_}, net::ZmqWait{.handle = replay_.handle()}};
    net::zmq_wait(std::span(sources).first(replay_.is_open() ? 2 : 1), LookEvery);
    if (sources[0].ready) {
      std::uint64_t count = 0;
      (void)!::read(wake_fd_, &count, sizeof count);
    }
    std::deque<Batch> batches;
    {
      const std::lock_guard lock(mutex_);
      if (stop_) return;
      batches.swap(queue_);
    }
    for (Batch& batch : batches) {
      const auto number = big_endian(batch.number);
      const std::array<std::string_view, 3> frames = {options_.topic, view(number), batch.payload};
      if (batch.sent) publish_.send(frames);
      kept_bytes_ += batch.payload.size();
      kept_.push_back(std::move(batch));
      while (kept_.size() > ReplayMax || kept_bytes_ > ReplayBytesMax) {
        kept_bytes_ -= kept_.front().payload.size();
        kept_.pop_front();
      }
    }
    // After sending: whoever asks has seen no later batch than it can be given.
    if (sources[1].ready) answer_replay();
  }
}

void KvPublisher::answer_replay() {
  std::vector<std::string> frames;
  while (replay_.receive(frames)) {
    if (frames.size() != 3 || !frames[1].empty() || frames[2].size() != 8) continue;
    std::uint64_t from = 0;
    for (const char c : frames[2]) from = (from << 8) | static_cast<std::uint8_t>(c);
    for (const Batch& batch : kept_) {
      if (batch.number < from) continue;
      const auto number = big_endian(batch.number);
      const std::array<std::string_view, 4> answer = {frames[0], {}, view(number), batch.payload};
      replay_.send(answer);
    }
    const auto end = big_endian(~std::uint64_t{0});
    const std::array<std::string_view, 4> answer = {frames[0], {}, view(end), {}};
    replay_.send(answer);
  }
}

}  // namespace evener::engine
