#include <array>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "evener/net/free_lists.h"
#include "evener/net/task.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define EVENER_NO_FRAME_POOL 1
#endif
#endif

namespace evener::net {
namespace {

#ifndef EVENER_NO_FRAME_POOL
constexpr std::size_t ClassBytes = 64;
constexpr std::size_t Classes = 64;                      // frames up to 4 KiB are pooled
constexpr std::size_t FreeBytesPerClassMax = 64 * 1024;  // beyond it a frame goes back to the heap, where other sizes can use it

// A request makes more than a dozen frames, so each instruction here counts as many times.
constinit thread_local FreeLists<Classes + 1> pool;

constexpr auto FreeMax = [] {
  std::array<std::uint32_t, Classes + 1> out{};
  for (std::size_t i = 1; i <= Classes; ++i) out[i] = static_cast<std::uint32_t>(FreeBytesPerClassMax / (i * ClassBytes));
  return out;
}();

constexpr std::size_t class_of(std::size_t bytes) { return (bytes + ClassBytes - 1) / ClassBytes; }
#endif

void* from_heap(std::size_t bytes) {
  if (void* frame = std::malloc(bytes)) return frame;
  throw std::bad_alloc();
}

}  // namespace

#ifdef EVENER_NO_FRAME_POOL
void* frame_allocate(std::size_t bytes) { return from_heap(bytes); }
void frame_free(void* frame, std::size_t) noexcept { std::free(frame); }
#else
namespace {

[[gnu::noinline]] void* new_frame(std::size_t bytes) {
  thread_local const FreeListsLife life(pool, FreeMax);
  return from_heap(bytes);
}

}  // namespace

void* frame_allocate(std::size_t bytes) {
  const std::size_t size_class = class_of(bytes);
  if (size_class > Classes) return from_heap(bytes);
  if (void* const frame = pool.take(size_class)) return frame;
  return new_frame(size_class * ClassBytes);
}

void frame_free(void* frame, std::size_t bytes) noexcept {
  const std::size_t size_class = class_of(bytes);
  if (size_class > Classes || !pool.keep(size_class, frame)) std::free(frame);
}
#endif

}  // namespace evener::net
