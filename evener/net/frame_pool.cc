#include <array>
#include <cstdint>
#include <cstdlib>
#include <new>

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
constexpr std::size_t Classes = 64;             // frames up to 4 KiB are pooled
constexpr std::uint32_t FreePerClassMax = 512;  // beyond it a frame goes back to the heap

struct FreeFrame {
  FreeFrame* next;
};

struct FramePool {
  std::array<FreeFrame*, Classes + 1> free{};
  std::array<std::uint32_t, Classes + 1> count{};

  ~FramePool() {
    for (FreeFrame* frame : free) {
      while (frame != nullptr) {
        FreeFrame* next = frame->next;
        std::free(frame);
        frame = next;
      }
    }
    count.fill(FreePerClassMax);  // frames that end after their thread's pool go to the heap
    free.fill(nullptr);
  }
};

thread_local FramePool pool;
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
void* frame_allocate(std::size_t bytes) {
  const std::size_t size_class = (bytes + ClassBytes - 1) / ClassBytes;
  if (size_class > Classes) return from_heap(bytes);
  if (FreeFrame* frame = pool.free[size_class]) {
    pool.free[size_class] = frame->next;
    --pool.count[size_class];
    return frame;
  }
  return from_heap(size_class * ClassBytes);
}

void frame_free(void* frame, std::size_t bytes) noexcept {
  const std::size_t size_class = (bytes + ClassBytes - 1) / ClassBytes;
  if (size_class > Classes || pool.count[size_class] >= FreePerClassMax) {
    std::free(frame);
    return;
  }
  auto* node = static_cast<FreeFrame*>(frame);
  node->next = pool.free[size_class];
  pool.free[size_class] = node;
  ++pool.count[size_class];
}
#endif

}  // namespace evener::net
