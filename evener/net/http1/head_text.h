#pragma once
// HeadText: a message head as it will be sent, in a pooled buffer, with room behind it for a small body, so that both leave in one piece.
// Heads are written for every request; a std::string would be allocated and cleared for each.

#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include "evener/net/buffer.h"
#include "evener/net/http1/head_writer.h"

namespace evener::net::http1 {

/// Move-only. Not safe for several threads.
class HeadText {
 public:
  HeadText() = default;
  HeadText(HeadText&& other) noexcept : buffer_(std::move(other.buffer_)), size_(std::exchange(other.size_, 0)) {}
  HeadText& operator=(HeadText&& other) noexcept {
    buffer_ = std::move(other.buffer_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  /// Replaces what is there by what `write(HeadWriter&)` writes; it is called again with more room when that was too little.
  template <class Write>
  void write(Write write) {
    for (std::size_t bytes = SmallBlockBytes;; bytes *= 4) {
      if (buffer_.capacity() < bytes) buffer_ = Buffer::take(bytes);
      HeadWriter writer(buffer_.data(), buffer_.capacity());
      write(writer);
      if (writer.overflow()) continue;
      size_ = writer.size();
      return;
    }
  }

  /// Puts the bytes behind the head; false, and nothing changes, when there is no room for them.
  [[nodiscard]] bool append(std::string_view bytes) {
    if (bytes.size() > buffer_.capacity() - size_) return false;
    std::memcpy(buffer_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
    return true;
  }
  void clear() {
    size_ = 0;
    buffer_.release();
  }

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] char* data() { return buffer_.data(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::string_view view() const { return buffer_.view(0, size_); }

 private:
  Buffer buffer_;
  std::size_t size_ = 0;
};

}  // namespace evener::net::http1
