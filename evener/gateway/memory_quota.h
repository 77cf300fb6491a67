#pragma once
// The bytes of request bodies that the whole process may hold at one time. What does not fit is refused with 503 instead of letting the
// process grow until the system ends it. A share is taken as the bytes come, not when they are announced: else a few clients that announce
// much and send little would hold everything.

#include <atomic>
#include <cstdint>
#include <utility>

namespace evener::gateway {

/// Thread-safe.
class MemoryQuota {
 public:
  explicit MemoryQuota(std::uint64_t limit_bytes) : limit_(limit_bytes) {}

  void set_limit(std::uint64_t limit_bytes) { limit_.store(limit_bytes, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }

  /// Bytes held; given back when it goes.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept : quota_(std::exchange(other.quota_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Share& operator=(Share&& other) noexcept {
      if (this != &other) {
        release();
        quota_ = std::exchange(other.quota_, nullptr);
        bytes_ = std::exchange(other.bytes_, 0);
      }
      return *this;
    }
    ~Share() { release(); }

    void release() {
      if (quota_ != nullptr) std::exchange(quota_, nullptr)->used_.fetch_sub(std::exchange(bytes_, 0), std::memory_order_relaxed);
    }

   private:
    friend class MemoryQuota;
    MemoryQuota* quota_ = nullptr;
    std::uint64_t bytes_ = 0;
  };

  /// Whether `share` could hold `bytes` in total now; reserves nothing.
  [[nodiscard]] bool fits(const Share& share, std::uint64_t bytes) const {
    const std::uint64_t used = this->used();
    const std::uint64_t limit = this->limit();
    return bytes <= share.bytes_ || (used <= limit && bytes - share.bytes_ <= limit - used);
  }

  /// Makes `share` hold `bytes` in total (it only grows). False, and nothing changed, when the limit would be passed.
  [[nodiscard]] bool grow(Share& share, std::uint64_t bytes) {
    if (bytes <= share.bytes_) return true;
    const std::uint64_t more = bytes - share.bytes_;
    // Never added first and taken back: for that moment others would be refused who fit.
    std::uint64_t used = used_.load(std::memory_order_relaxed);
    do {
      const std::uint64_t limit = limit_.load(std::memory_order_relaxed);
      if (used > limit || more > limit - used) return false;
    } while (!used_.compare_exchange_weak(used, used + more, std::memory_order_relaxed));
    share.quota_ = this;
    share.bytes_ = bytes;
    return true;
  }

 private:
  std::atomic<std::uint64_t> used_{0};
  std::atomic<std::uint64_t> limit_;
};

}  // namespace evener::gateway
