#include "evener/net/buffer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

namespace evener::net {
namespace {

TEST_CASE("a buffer holds at least what was asked for, in the smallest class that does") {
  struct Case {
    std::size_t asked, capacity;
  };
  constexpr std::array<Case, 10> cases = {{{0, 8192},
                                           {1, 8192},
                                           {8192, 8192},
                                           {8193, 16384},
                                           {16384, 16384},
                                           {16385, 65536},
                                           {65536, 65536},
                                           {65537, 262144},
                                           {262144, 262144},
                                           {262145, 262145}}};
  for (const Case& c : cases) {
    CAPTURE(c.asked);
    CHECK(Buffer::take(c.asked).capacity() == c.capacity);
  }
  CHECK(Buffer::take().capacity() == BlockBytes);
}

TEST_CASE("the padding behind the capacity can be read in every class, new or used before") {
  for (const std::size_t bytes : {std::size_t{16384}, std::size_t{65536}, std::size_t{262144}, std::size_t{1'000'000}}) {
    for (int round = 0; round < 2; ++round) {
      Buffer buffer = Buffer::take(bytes);
      std::memset(buffer.data(), 'x', buffer.capacity());
      const char* const padding = buffer.data() + buffer.capacity();
      CHECK(std::all_of(padding, padding + BufferPadding, [](char c) { return c == 0; }));
    }
  }
}

TEST_CASE("a buffer keeps its contents when it is moved, and leaves nothing in the one it came from") {
  Buffer first = Buffer::take();
  std::memcpy(first.data(), "hello", 5);
  Buffer second = std::move(first);
  CHECK(!first);  // NOLINT: that is the claim
  CHECK(first.capacity() == 0);
  CHECK(second.view(1, 3) == "ell");
  Buffer third = Buffer::take(100'000);
  third = std::move(second);
  CHECK(third.view(0, 5) == "hello");
  CHECK(third.capacity() == BlockBytes);
}

TEST_CASE("from() is the rest of the buffer, down to nothing") {
  Buffer buffer = Buffer::take();
  CHECK(buffer.from(0).size() == BlockBytes);
  CHECK(buffer.from(BlockBytes - 1).size() == 1);
  CHECK(buffer.from(BlockBytes).empty());
  CHECK(buffer.from(100).data() == buffer.data() + 100);
}

TEST_CASE("a released buffer is empty, and its block is the next to be used") {
  Buffer buffer = Buffer::take();
  const char* const block = buffer.data();
  buffer.release();
  buffer.release();
  CHECK(!buffer);
  CHECK(buffer.capacity() == 0);
  const Buffer next = Buffer::take();
  CHECK(next.data() == block);
}

TEST_CASE("a thread keeps 512 KiB of free blocks of 16 KiB and gives the rest back") {
  // In a thread of its own, because the lists are: 32 blocks of 16 KiB fit, and the last one kept is the first one taken again.
  std::thread([] {
    std::vector<Buffer> buffers(200);
    std::vector<const char*> blocks;
    for (Buffer& buffer : buffers) {
      buffer = Buffer::take();
      blocks.push_back(buffer.data());
    }
    for (Buffer& buffer : buffers) buffer.release();
    std::vector<Buffer> again(32);
    for (std::size_t i = 0; i < again.size(); ++i) {
      again[i] = Buffer::take();
      CHECK(again[i].data() == blocks[31 - i]);
    }
  }).join();
}

thread_local Buffer outlives_the_lists;

TEST_CASE("a buffer that is released after its thread's free lists have gone is freed") {
  // Thread-local objects end in reverse order of construction: this one is made first and so ends last.
  std::thread([] {
    outlives_the_lists.release();
    outlives_the_lists = Buffer::take();
    CHECK(outlives_the_lists.capacity() == BlockBytes);
  }).join();
}

}  // namespace
}  // namespace evener::net
