#pragma once
// Buffer: a block of bytes from per-thread free lists (8, 16, 64 and 256 KiB; larger ones straight from the heap). Each has BufferPadding
// readable bytes behind its capacity, so that simdjson can parse a body where it lies. Take one only when there is something to put in it:
// an idle connection holds none.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace evener::net {

inline constexpr std::size_t BufferPadding = 64;
inline constexpr std::size_t BlockBytes = 16 * 1024;
inline constexpr std::size_t SmallBlockBytes = 8 * 1024;

/// Move-only. Take and release on the same thread; the free lists hold at most FreeBytesMax per size.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)), class_(other.class_) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      release();
      data_ = std::exchange(other.data_, nullptr);
      capacity_ = std::exchange(other.capacity_, 0);
      class_ = other.class_;
    }
    return *this;
  }
  ~Buffer() {
    if (data_ != nullptr) give_back();
  }

  /// At least `bytes` of capacity; contents are undefined, but for the padding, which is readable.
  [[nodiscard]] static Buffer take(std::size_t bytes = BlockBytes);
  void release() {
    if (data_ != nullptr) give_back();
  }

  [[nodiscard]] explicit operator bool() const { return data_ != nullptr; }
  [[nodiscard]] char* data() { return data_; }
  [[nodiscard]] const char* data() const { return data_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::span<char> from(std::size_t offset) { return {data_ + offset, capacity_ - offset}; }
  [[nodiscard]] std::string_view view(std::size_t offset, std::size_t length) const { return {data_ + offset, length}; }

 private:
  void give_back();

  char* data_ = nullptr;
  std::size_t capacity_ = 0;
  std::uint8_t class_ = 0;  // of the free lists, when data_ is set; behind the last one: none
};

}  // namespace evener::net
