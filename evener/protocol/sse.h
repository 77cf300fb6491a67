#pragma once
// Watches a stream of server-sent events go by, without changing or holding back a byte: when the first content came, how many events,
// the usage, and whether the stream ended as the protocol says. Works for any split of the bytes into pieces. At most 1 us per event.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "evener/protocol/openai.h"

namespace evener::protocol {

/// Bytes of an event that are kept until it is complete. A longer event still counts, but only the last bytes of its data line are kept, for the
/// usage: the last event of a Responses stream repeats the whole answer and ends with it. So a stream holds less than 3 * SseEventBytesMax here,
/// however large its events are and however slowly its reader takes them.
inline constexpr std::size_t SseEventBytesMax = 16 * 1024;
inline constexpr std::size_t SseEndBytes = 8 * 1024;

class SseObserver {
 public:
  /// The next bytes of the body, as they pass.
  void feed(std::string_view bytes);
  /// The body has ended: a last line or event without its line ends counts as if it had them. Optional, at most once, nothing to feed after it.
  void finish();

  [[nodiscard]] std::uint64_t events() const { return events_; }  // events with data, [DONE] not counted
  /// Something came that a client waits for, see StreamChunk::content; not comments, a chunk with the role alone, or a Responses event that only
  /// says that the answer has begun. An event whose kind is not known counts.
  [[nodiscard]] bool saw_content() const { return content_ || done_ || error_event_; }
  /// A whole data line equal to [DONE], or a terminal Responses event (response.completed, .incomplete, .failed, .cancelled, error).
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] bool error_event() const { return error_event_; }  // the engine sent an error in the stream
  /// Events larger than SseEventBytesMax: an error in one of them was not seen, nor a usage that stands far from its end.
  [[nodiscard]] std::uint64_t too_large() const { return too_large_; }
  /// The stream stands between two events (or at its begin): what is written now is not taken for the rest of a line.
  [[nodiscard]] bool between_events() const { return after_blank_ && line_.empty() && !line_overflow_; }
  /// Usage of the last event that carried one (chat: the usage chunk; Responses: response.completed). Parsed only then.
  [[nodiscard]] std::optional<Usage> usage() const { return usage_; }

 private:
  enum class EventType : std::uint8_t { Other, Begun, Terminal, Failed };

  void take_line(std::string_view line, bool lasts);
  void take_data(std::string_view data, bool lasts);
  void end_of_event();
  void read_event(std::string_view data);
  void keep_data();
  void append_line(std::string_view bytes);

  std::string line_;            // the current line, from earlier pieces; of an overlong one its begin and its end
  std::string data_;            // data of the current event, once it cannot be a view into the piece any more
  std::string_view data_view_;  // the same while it can: one data line that lies in the current piece
  std::optional<Usage> usage_;
  std::uint64_t events_ = 0, too_large_ = 0;
  EventType type_ = EventType::Other;
  bool first_line_ = true;
  bool after_blank_ = true;
  bool overflow_ = false;  // of line_ or data_: this event is too large
  bool only_end_ = false;  // data_ is the end of one overlong line
  bool line_overflow_ = false;
  bool last_was_cr_ = false;
  bool has_data_ = false;
  bool content_ = false, done_ = false, error_event_ = false;
};

}  // namespace evener::protocol
