#pragma once
// Reads one HTTP/1.1 message after another from the pieces that recv() yields, requests and responses alike, framed by Content-Length or
// chunks. It is meant for peers under our own control: it refuses what it does not understand but is no model of a strict parser.

#include <strings.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace proxy_bench {

class MessageReader {
 public:
  /// Takes bytes up to the end of the message and hands every piece of its body to `on_body`. Returns how many bytes it took.
  template <class OnBody>
  std::size_t feed(std::string_view bytes, OnBody&& on_body) {
    std::size_t taken = 0;
    while (taken < bytes.size() && state_ != State::Done && state_ != State::Bad) {
      const std::string_view rest = bytes.substr(taken);
      switch (state_) {
        case State::Head:
          taken += take_head(rest);
          break;
        case State::Body:
        case State::ChunkData: {
          const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size()));
          on_body(rest.substr(0, size));
          taken += size;
          left_ -= size;
          if (left_ == 0) {
            state_ = state_ == State::Body ? State::Done : State::ChunkEnd;
          }
          break;
        }
        case State::ChunkSize:
        case State::ChunkEnd:
        case State::Trailer:
          taken += take_line(rest);
          break;
        case State::Done:
        case State::Bad:
          break;
      }
    }
    return taken;
  }

  bool done() const { return state_ == State::Done; }
  bool bad() const { return state_ == State::Bad; }
  /// Nothing of the next message has arrived.
  bool untouched() const { return state_ == State::Head && text_.empty(); }
  bool in_body() const { return state_ != State::Head && state_ != State::Done && state_ != State::Bad; }

  // Valid from the end of the head until next().
  std::string_view head() const { return text_; }
  std::string_view first_line() const { return std::string_view(text_).substr(0, text_.find("\r\n")); }
  bool close() const { return close_; }
  /// The status of a response; 0 for a request.
  int status() const {
    if (text_.size() < 12 || !text_.starts_with("HTTP/1.")) {
      return 0;
    }
    return (text_[9] - '0') * 100 + (text_[10] - '0') * 10 + (text_[11] - '0');
  }

  void next() {
    state_ = State::Head;
    text_.clear();
    line_.clear();
    left_ = 0;
    close_ = false;
  }

 private:
  enum class State : std::uint8_t { Head, Body, ChunkSize, ChunkData, ChunkEnd, Trailer, Done, Bad };

  static constexpr std::size_t HeadBytesMax = 64 << 10;
  static constexpr std::size_t LineBytesMax = 4096;

  std::size_t take_head(std::string_view rest) {
    const std::size_t before = text_.size();
    const std::size_t overlap = std::min<std::size_t>(before, 3);  // the blank line may lie across two pieces
    if (before == 0) {
      const std::size_t end = rest.find("\r\n\r\n");
      text_.assign(rest.substr(0, end == std::string_view::npos ? rest.size() : end + 4));
    } else {
      text_.append(rest);
      const std::size_t end = text_.find("\r\n\r\n", before - overlap);
      if (end != std::string::npos) {
        text_.resize(end + 4);
      }
    }
    if (text_.size() > HeadBytesMax) {
      state_ = State::Bad;
    } else if (text_.ends_with("\r\n\r\n")) {
      understand_head();
    }
    return text_.size() - before;
  }

  void understand_head() {
    bool has_length = false;
    bool chunked = false;
    std::uint64_t length = 0;
    std::string_view lines = text_;
    lines.remove_prefix(lines.find("\r\n") + 2);
    while (lines.size() > 2) {
      const std::size_t end = lines.find("\r\n");
      const std::string_view line = lines.substr(0, end);
      lines.remove_prefix(end + 2);
      // Only three fields matter, so the first letter sends most lines away at once.
      if (const char first = static_cast<char>(line.front() | 0x20); first != 'c' && first != 't') {
        continue;
      }
      if (std::string_view value; field(line, "content-length:", value)) {
        has_length = true;
        for (const char c : value) {
          if (c < '0' || c > '9') {
            state_ = State::Bad;
            return;
          }
          length = length * 10 + static_cast<std::uint64_t>(c - '0');
        }
      } else if (field(line, "transfer-encoding:", value)) {
        chunked = value == "chunked";
      } else if (field(line, "connection:", value)) {
        close_ = value.size() == 5 && strncasecmp(value.data(), "close", 5) == 0;
      }
    }
    const int code = status();
    if (chunked) {
      state_ = State::ChunkSize;
    } else if (has_length && length > 0) {
      left_ = length;
      state_ = State::Body;
    } else if (has_length || code == 0 || code == 204 || code == 304) {
      state_ = State::Done;
    } else {
      state_ = State::Bad;  // a response that only the close would end; nothing we measure sends one
    }
  }

  static bool field(std::string_view line, std::string_view name, std::string_view& value) {
    if (line.size() < name.size() || strncasecmp(line.data(), name.data(), name.size()) != 0) {
      return false;
    }
    value = line.substr(name.size());
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) {
      value.remove_prefix(1);
    }
    return true;
  }

  std::size_t take_line(std::string_view rest) {
    const std::size_t end = rest.find('\n');
    const std::size_t size = end == std::string_view::npos ? rest.size() : end + 1;
    line_.append(rest.substr(0, size));
    if (line_.size() > LineBytesMax) {
      state_ = State::Bad;
    } else if (line_.ends_with("\r\n")) {
      understand_line(std::string_view(line_).substr(0, line_.size() - 2));
      line_.clear();
    } else if (end != std::string_view::npos) {
      state_ = State::Bad;
    }
    return size;
  }

  void understand_line(std::string_view line) {
    if (state_ == State::ChunkEnd) {
      state_ = line.empty() ? State::ChunkSize : State::Bad;
      return;
    }
    if (state_ == State::Trailer) {
      state_ = line.empty() ? State::Done : State::Trailer;
      return;
    }
    left_ = 0;
    for (const char c : line.substr(0, line.find(';'))) {
      const char lower = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9') {
        left_ = left_ * 16 + static_cast<std::uint64_t>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        left_ = left_ * 16 + static_cast<std::uint64_t>(lower - 'a') + 10;
      } else {
        state_ = State::Bad;
        return;
      }
    }
    state_ = line.empty() ? State::Bad : left_ == 0 ? State::Trailer : State::ChunkData;
  }

  State state_ = State::Head;
  bool close_ = false;
  std::uint64_t left_ = 0;
  std::string text_;
  std::string line_;
};

}  // namespace proxy_bench
