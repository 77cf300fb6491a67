#include "evener/gateway/resolver.h"

namespace evener::gateway {

Resolver::Resolver() : thread_([this] { run(); }) {}

Resolver::~Resolver() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    questions_.clear();
  }
  changed_.notify_one();
  thread_.join();
}

void Resolver::resolve(std::string host, std::uint16_t port, Done done) {
  bool full = false;
  {
    const std::lock_guard lock(mutex_);
    full = questions_.size() >= PendingMax;
    if (!full) questions_.push_back({.host = std::move(host), .port = port, .done = std::move(done)});
  }
  if (full) {
    done(fail("too many names are waiting to be resolved", Fault::Us, MayRetry::Yes));
  } else {
    changed_.notify_one();
  }
}

void Resolver::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !questions_.empty(); });
    if (stopping_) return;
    const Question question = std::move(questions_.front());
    questions_.pop_front();
    lock.unlock();
    question.done(net::resolve(question.host, question.port));
    lock.lock();
  }
}

}  // namespace evener::gateway
