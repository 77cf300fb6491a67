#pragma once
// ShortText: a text of at most Capacity bytes that lies where it is declared, for names that every request carries. What is longer is cut.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace evener {

template <std::size_t Capacity>
class ShortText {
  static_assert(Capacity <= UINT16_MAX);

 public:
  ShortText() = default;
  ShortText(const ShortText&) = delete;
  ShortText& operator=(std::string_view text) {
    size_ = static_cast<std::uint16_t>(std::min(text.size(), Capacity));
    std::memcpy(bytes_, text.data(), size_);
    return *this;
  }
  operator std::string_view() const { return {bytes_, size_}; }  // NOLINT: it is a text
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  char bytes_[Capacity];  // meaningless behind size_
  std::uint16_t size_ = 0;
};

}  // namespace evener
