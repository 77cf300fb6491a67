#include "evener/net/buffer.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

namespace evener::net {
namespace {

constexpr std::array<std::size_t, 4> ClassBytes = {SmallBlockBytes, BlockBytes, 64 * 1024, 256 * 1024};
constexpr std::size_t FreeBytesPerClassMax = 2 * 1024 * 1024;

struct FreeLists {
  std::array<std::vector<char*>, ClassBytes.size()> free;
  bool gone = false;

  FreeLists() {
    for (std::size_t i = 0; i < ClassBytes.size(); ++i) free[i].reserve(FreeBytesPerClassMax / ClassBytes[i]);
  }
  ~FreeLists() {
    for (auto& list : free) {
      for (char* block : list) std::free(block);
      list.clear();
    }
    gone = true;
  }
};

thread_local FreeLists lists;

char* from_heap(std::size_t capacity) {
  auto* data = static_cast<char*>(std::malloc(capacity + BufferPadding));
  if (data == nullptr) throw std::bad_alloc();
  std::memset(data + capacity, 0, BufferPadding);
  return data;
}

}  // namespace

Buffer Buffer::take(std::size_t bytes) {
  Buffer buffer;
  for (std::size_t i = 0; i < ClassBytes.size(); ++i) {
    if (bytes > ClassBytes[i]) continue;
    buffer.capacity_ = ClassBytes[i];
    buffer.class_ = static_cast<std::uint8_t>(i);
    auto& list = lists.free[i];
    if (list.empty()) {
      buffer.data_ = from_heap(ClassBytes[i]);
    } else {
      buffer.data_ = list.back();
      list.pop_back();
    }
    return buffer;
  }
  buffer.capacity_ = bytes;
  buffer.class_ = static_cast<std::uint8_t>(ClassBytes.size());
  buffer.data_ = from_heap(bytes);
  return buffer;
}

void Buffer::give_back() {
  char* data = std::exchange(data_, nullptr);
  const std::size_t capacity = std::exchange(capacity_, 0);
  if (class_ < ClassBytes.size() && !lists.gone) {
    auto& list = lists.free[class_];
    if ((list.size() + 1) * capacity <= FreeBytesPerClassMax) {
      list.push_back(data);
      return;
    }
  }
  std::free(data);
}

}  // namespace evener::net
