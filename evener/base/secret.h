#pragma once
// Secret: a text that nobody is meant to read: a token, a password, a private key. It cannot be streamed, formatted, logged or written as JSON by
// accident, because it turns into text only where somebody asks for that by name, and its memory is wiped when it goes. It does not
// protect from somebody who can read the memory of this process.

#include <cstring>
#include <ostream>
#include <string>
#include <utility>

namespace evener {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) { wipe(text); }
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { wipe(other.text_); }
  Secret& operator=(Secret other) noexcept {
    text_.swap(other.text_);
    return *this;
  }
  ~Secret() { wipe(text_); }

  /// For whoever sends it or signs with it, and for nobody else.
  [[nodiscard]] const std::string& reveal() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }

  friend std::ostream& operator<<(std::ostream&, const Secret&) = delete;

 private:
  // Also what a short text leaves behind in the string that it was moved from.
  static void wipe(std::string& text) {
    text.resize(text.capacity());
    ::explicit_bzero(text.data(), text.size());
    text.clear();
  }

  std::string text_;
};

}  // namespace evener
