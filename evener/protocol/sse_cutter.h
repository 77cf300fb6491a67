#pragma once
// Cuts a stream of server-sent events into whole ones, bytes unchanged: what has been taken out so far always ends between two events. Works
// for any split of the bytes into pieces. Understands line ends and data lines; what the data means is for others.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace evener::protocol {

struct SseEvent {
  std::string_view bytes;                // with the blank line that ends it
  std::optional<std::string_view> data;  // of its one data line; nothing if it has none or several
  bool several = false;                  // it has more than one data line
};

class SseCutter {
 public:
  /// Of an event that has not ended. A larger one is not cut: overflown() from then on.
  static constexpr std::size_t EventBytesMax = 64 * 1024;

  /// The next bytes of the stream; they must stay until next() has returned nothing.
  void feed(std::string_view piece) { piece_ = piece; }
  /// The next event that is whole; valid until the next call. Nothing when more bytes are needed: the rest of the piece is kept then.
  [[nodiscard]] std::optional<SseEvent> next();
  /// What is kept of an event that has not ended; once it has become too large, everything that was fed behind the last whole one.
  [[nodiscard]] std::string_view unfinished() const { return held_; }
  [[nodiscard]] bool overflown() const { return overflown_; }
  /// Forgets what is kept, as at the begin of another stream.
  void restart() { *this = SseCutter(); }

 private:
  [[nodiscard]] std::size_t end_of_event();

  std::string held_;        // the begin of the current event, from earlier pieces
  std::string_view piece_;  // what has not been looked at
  bool line_empty_ = true;  // the line that is being read has no bytes yet
  bool after_cr_ = false;   // the last byte was a CR that ended a line: an LF belongs to it
  bool taken_ = false;      // held_ is the event that was returned last
  bool overflown_ = false;
};

}  // namespace evener::protocol
