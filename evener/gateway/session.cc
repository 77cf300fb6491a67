#include "evener/gateway/session.h"

#include <algorithm>

#include "evener/gateway/exchange.h"

namespace evener::gateway {

std::size_t expected_block_bytes(std::uint64_t expected, const MemoryQuota& memory) {
  const std::size_t wanted = std::min<std::uint64_t>(expected, Session::ExpectedBytesMax);
  const std::uint64_t half = memory.limit() / 2;
  const bool room = wanted <= half && memory.used() <= half - wanted;
  return room ? std::max(wanted, net::BlockBytes) : net::BlockBytes;
}

Session::Session(Worker& owner, int fd) : worker(owner), client(owner.reactor, fd), client_text_(net::peer_address(fd).host_text()) {
  next_ = worker.open_sessions_;
  prev_ = &worker.open_sessions_;
  if (next_ != nullptr) next_->prev_ = &next_;
  worker.open_sessions_ = this;
  worker.shared.metrics->server().connections.add();
  worker.shared.metrics->server().connections_total.add();
}

Session::~Session() {
  *prev_ = next_;
  if (next_ != nullptr) next_->prev_ = prev_;
  worker.shared.metrics->server().connections.subtract();
  worker.shared.connections.fetch_sub(1, std::memory_order_relaxed);
  worker.sessions_.fetch_sub(1, std::memory_order_relaxed);
}

net::Task<> Session::run() {
  for (;;) {
    if (inbox.empty()) {
      inbox.clear();
      const ClientTimeoutConfig& timeouts = worker.routing()->config().timeouts;
      const bool draining = worker.shared.draining.load(std::memory_order_relaxed);
      client.set_read_deadline(worker.reactor.now() + (draining ? std::min(Worker::DrainIdle, timeouts.keep_alive) : timeouts.keep_alive));
      idle_ = true;
      const long readable = co_await client.wait_readable();
      idle_ = false;
      if (readable < 0) break;
    }
    if (co_await Exchange::run(*this) == AfterExchange::Close) break;
  }
  client.close();
}

void Session::drain() {
  if (idle_) client.shorten_read_deadline(worker.reactor.now() + Worker::DrainIdle);
}

}  // namespace evener::gateway
