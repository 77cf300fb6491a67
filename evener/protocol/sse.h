#pragma once
// Watches a stream of server-sent events go by, without changing or holding back a byte: when the first content came, how many events,
// the usage, and whether the stream ended as the protocol says. Works for any split of the bytes into pieces. At most 1 us per event.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "evener/protocol/openai.h"

namespace evener::protocol {

class SseObserver {
 public:
  /// The next bytes of the body, as they pass.
  void feed(std::string_view bytes);

  [[nodiscard]] std::uint64_t events() const { return events_; }        // events with data, [DONE] not counted
  [[nodiscard]] bool saw_content() const { return events_ > 0; }        // comments do not count
  [[nodiscard]] bool done() const { return done_; }                     // a whole data line equal to [DONE], or a terminal Responses event
  [[nodiscard]] bool error_event() const { return error_event_; }       // the engine sent {"error":...} in the stream
  /// Usage of the last event that carried one (chat: the usage chunk; Responses: response.completed). Parsed only then.
  [[nodiscard]] std::optional<Usage> usage() const { return usage_; }

 private:
  void end_of_line();
  void end_of_event();

  // The bytes of the current data line are kept only up to this limit; a longer event still counts, but its usage is not read.
  static constexpr std::size_t LineBytesMax = 64 * 1024;
  std::string line_;
  bool line_overflow_ = false;
  bool last_was_cr_ = false;
  bool event_has_data_ = false;
  bool done_ = false, error_event_ = false;
  std::uint64_t events_ = 0;
  std::optional<Usage> usage_;
};

}  // namespace evener::protocol
