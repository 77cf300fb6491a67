#pragma once
// Published<T>: one writer replaces a whole immutable value now and then, many readers look at it all the time. A reader keeps its own
// copy of the pointer and asks one counter whether it is still the newest: one load when nothing changed, a mutex only when something
// did. std::atomic<std::shared_ptr> is not used because ThreadSanitizer reports a race inside libstdc++ 12's and its reads cost 14-24 ns.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace evener {

/// publish() and current() from any thread. An old value lives until the last reader that holds it looks again or goes.
template <class T>
class Published {
 public:
  explicit Published(std::shared_ptr<const T> first = nullptr) : value_(std::move(first)) {}
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

  void publish(std::shared_ptr<const T> next) {
    {
      const std::lock_guard lock(mutex_);
      value_.swap(next);
      epoch_.store(epoch_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    // The old value, if this was its last owner, is destroyed here: outside the lock.
  }

  [[nodiscard]] std::shared_ptr<const T> current() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

  /// How often publish() was called.
  [[nodiscard]] std::uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }

  /// One per thread (or per coroutine thread); not thread-safe itself. Must not outlive its Published.
  class Reader {
   public:
    explicit Reader(const Published& source) : source_(&source) { refresh(); }

    /// The newest value. The reference holds until the next get(); copy the pointer to keep the value longer.
    const std::shared_ptr<const T>& get() {
      if (source_->epoch_.load(std::memory_order_acquire) != seen_) [[unlikely]] refresh();
      return value_;
    }

   private:
    void refresh() {
      std::shared_ptr<const T> old;  // destroyed after the lock is released
      const std::lock_guard lock(source_->mutex_);
      old = std::exchange(value_, source_->value_);
      seen_ = source_->epoch_.load(std::memory_order_relaxed);
    }

    const Published* source_;
    std::uint64_t seen_ = 0;
    std::shared_ptr<const T> value_;
  };

 private:
  mutable std::mutex mutex_;
  std::atomic<std::uint64_t> epoch_{0};
  std::shared_ptr<const T> value_;
};

}  // namespace evener
