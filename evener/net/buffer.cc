#include "evener/net/buffer.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <new>

#include "evener/net/free_lists.h"

namespace evener::net {
namespace {

constexpr std::array<std::size_t, 4> ClassBytes = {SmallBlockBytes, BlockBytes, 64 * 1024, 256 * 1024};
// Small blocks are held for moments, so few are in use at one time. What a burst leaves here is paid by the streams that follow it.
constexpr std::array<std::size_t, ClassBytes.size()> FreeBytesMax = {512 * 1024, 512 * 1024, 2 * 1024 * 1024, 2 * 1024 * 1024};

constinit thread_local FreeLists<ClassBytes.size()> lists;

constexpr auto FreeMax = [] {
  std::array<std::uint32_t, ClassBytes.size()> out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint32_t>(FreeBytesMax[i] / ClassBytes[i]);
  return out;
}();

char* from_heap(std::size_t capacity) {
  auto* data = static_cast<char*>(std::malloc(capacity + BufferPadding));
  if (data == nullptr) throw std::bad_alloc();
  std::memset(data + capacity, 0, BufferPadding);
  return data;
}

[[gnu::noinline]] char* new_block(std::size_t capacity) {
  thread_local const FreeListsLife life(lists, FreeMax);
  return from_heap(capacity);
}

}  // namespace

Buffer Buffer::take(std::size_t bytes) {
  Buffer buffer;
  for (std::size_t i = 0; i < ClassBytes.size(); ++i) {
    if (bytes > ClassBytes[i]) continue;
    buffer.capacity_ = ClassBytes[i];
    buffer.class_ = static_cast<std::uint8_t>(i);
    void* const kept = lists.take(i);
    buffer.data_ = kept != nullptr ? static_cast<char*>(kept) : new_block(ClassBytes[i]);
    return buffer;
  }
  buffer.capacity_ = bytes;
  buffer.class_ = static_cast<std::uint8_t>(ClassBytes.size());
  buffer.data_ = from_heap(bytes);
  return buffer;
}

void Buffer::give_back() {
  char* const data = std::exchange(data_, nullptr);
  capacity_ = 0;
  if (class_ >= ClassBytes.size() || !lists.keep(class_, data)) std::free(data);
}

}  // namespace evener::net
