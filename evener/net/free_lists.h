#pragma once
// Free lists of blocks from malloc, one list per size, for the use of one thread. FreeLists is plain data, so that a thread_local one is reached
// without asking each time whether this thread has made it already; FreeListsLife, made when a thread first goes to the heap, lets them keep
// blocks and gives those back when the thread ends.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace evener::net {

template <std::size_t Sizes>
struct FreeLists {
  struct Block {
    Block* next;
  };
  struct List {
    Block* first = nullptr;
    std::uint32_t count = 0;
    std::uint32_t count_max = 0;  // 0 before and after the life of this thread's lists: blocks go to the heap then
  };
  std::array<List, Sizes> lists{};

  /// nullptr when there is none.
  void* take(std::size_t size) {
    List& list = lists[size];
    Block* const block = list.first;
    if (block != nullptr) {
      list.first = block->next;
      --list.count;
    }
    return block;
  }

  /// False when there are enough: then the block is the caller's to free.
  [[nodiscard]] bool keep(std::size_t size, void* memory) {
    List& list = lists[size];
    if (list.count >= list.count_max) return false;
    auto* const block = static_cast<Block*>(memory);
    block->next = list.first;
    list.first = block;
    ++list.count;
    return true;
  }
};

template <std::size_t Sizes>
class FreeListsLife {
 public:
  FreeListsLife(FreeLists<Sizes>& lists, const std::array<std::uint32_t, Sizes>& count_max) : lists_(lists) {
    for (std::size_t size = 0; size < Sizes; ++size) lists_.lists[size].count_max = count_max[size];
  }
  ~FreeListsLife() {
    for (auto& list : lists_.lists) {
      while (list.first != nullptr) {
        auto* const block = list.first;
        list.first = block->next;
        std::free(block);
      }
      list = {};
    }
  }
  FreeListsLife(const FreeListsLife&) = delete;
  FreeListsLife& operator=(const FreeListsLife&) = delete;

 private:
  FreeLists<Sizes>& lists_;
};

}  // namespace evener::net
