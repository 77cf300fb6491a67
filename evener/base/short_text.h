#pragma once
// ShortText: a text of at most Capacity bytes, for names that every request carries; what is longer is cut. The usual ones, of at most Inline
// bytes, lie where it is declared. Longer ones are allocated, because room for the longest would be held by every stream for all its minutes.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace evener {

template <std::size_t Capacity, std::size_t Inline = 46>
class ShortText {
  static_assert(Capacity <= UINT16_MAX);

 public:
  ShortText() = default;
  ShortText(const ShortText&) = delete;
  ShortText& operator=(std::string_view text) {
    size_ = static_cast<std::uint16_t>(std::min(text.size(), Capacity));
    if (size_ > Inline) long_ = std::make_unique_for_overwrite<char[]>(size_);
    std::memcpy(size_ > Inline ? long_.get() : short_, text.data(), size_);
    return *this;
  }
  operator std::string_view() const { return {size_ > Inline ? long_.get() : short_, size_}; }  // NOLINT: it is a text
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  std::unique_ptr<char[]> long_;
  char short_[Inline];  // meaningless behind size_, and when the text is long
  std::uint16_t size_ = 0;
};

}  // namespace evener
