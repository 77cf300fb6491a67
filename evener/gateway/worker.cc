#include "evener/gateway/worker.h"

#include <unistd.h>

#include "evener/gateway/session.h"
#include "evener/telemetry/metrics.h"

namespace evener::gateway {
namespace {

net::Task<> run_session(Worker& worker, int fd) {
  Session session(worker, fd);
  co_await session.run();
}

}  // namespace

Worker::Worker(Shared& what_all_see, std::uint32_t index, std::uint64_t seed, std::vector<int> listen_fds)
    : shared(what_all_see), rng(seed), routing_reader_(what_all_see.routing), index_(index) {
  for (const int fd : listen_fds) {
    acceptors_.push_back(std::make_unique<net::Acceptor>(reactor, fd, [this](int connection) { accepted(connection); }));
  }
  if (shared.access_log != nullptr) log = std::make_unique<BatchWriter::Producer>(*shared.access_log);
  reactor.on_turn([this](Instant now) { end_turn(now); });
}

void Worker::start() {
  thread_ = std::thread([this] { run(index_); });
}

Worker::~Worker() { stop_and_join(); }

void Worker::run(std::uint32_t index) {
  telemetry::use_shard(index + 1);
  reactor.run();
  upstreams.close_all();
  telemetry::use_shard(0);
}

void Worker::stop_and_join() {
  if (!thread_.joinable()) return;
  reactor.stop();
  thread_.join();
}

void Worker::accepted(int fd) {
  if (shared.connections.fetch_add(1, std::memory_order_relaxed) >= routing()->config().limits.connections) {
    shared.connections.fetch_sub(1, std::memory_order_relaxed);
    shared.metrics->server().connections_refused.add();
    ::close(fd);
    return;
  }
  // The kernel spreads connections by hash, blind to how busy each worker is. Of this one and one other, the less loaded serves it.
  Worker* chosen = this;
  if (shared.workers.size() > 1) {
    Worker* other = shared.workers[rng.below(shared.workers.size())].get();
    const auto burden = [](const Worker& worker) { return std::pair(worker.load(), worker.sessions()); };
    if (other != nullptr && burden(*other) < burden(*this)) chosen = other;
  }
  chosen->sessions_.fetch_add(1, std::memory_order_relaxed);
  if (chosen == this) {
    serve(fd);
  } else {
    chosen->reactor.post([chosen, fd] { chosen->serve(fd); });
  }
}

void Worker::serve(int fd) { reactor.spawn(run_session(*this, fd)); }

void Worker::drain(net::Acceptor::Waiting waiting) {
  reactor.post([this, waiting] { start_drain(waiting); });
}

void Worker::start_drain(net::Acceptor::Waiting waiting) {
  for (auto& acceptor : acceptors_) acceptor->stop(waiting);
  accepting_.store(false, std::memory_order_release);
  for (Session* session = open_sessions_; session != nullptr; session = session->next_) session->drain();
}

void Worker::end_turn(Instant now) {
  if (log) log->flush_if_older(now);
  if (now >= next_purge_) {
    next_purge_ = now + std::chrono::seconds(1);
    Duration longest = Duration::zero();
    for (const PoolRoute& route : routing()->pools()) longest = std::max(longest, route.config.timeouts.upstream_idle);
    upstreams.purge(now, longest);
  }
}

}  // namespace evener::gateway
