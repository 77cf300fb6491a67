#include "evener/protocol/sse_cutter.h"

#include <algorithm>
#include <cstring>

namespace evener::protocol {
namespace {

SseEvent event_of(std::string_view bytes) {
  SseEvent event{.bytes = bytes, .data = std::nullopt};
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.starts_with("data")) continue;
    line.remove_prefix(4);
    if (!line.empty() && line.front() != ':') continue;  // another field
    if (!line.empty()) line.remove_prefix(1);
    if (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    event.several = event.data.has_value();
    if (event.several) break;
    event.data = line;
  }
  if (event.several) event.data.reset();
  return event;
}

}  // namespace

/// How many bytes of the piece belong to the event that ends in it; 0 if none does.
std::size_t SseCutter::end_of_event() {
  const char* const begin = piece_.data();
  const char* const end = begin + piece_.size();
  for (const char* p = begin; p != end;) {
    if (after_cr_) {
      after_cr_ = false;
      if (*p == '\n') {
        ++p;
        continue;
      }
    }
    if (*p == '\n' || *p == '\r') {
      const bool cr = *p++ == '\r';
      const bool ends = line_empty_;
      line_empty_ = true;
      // The LF of a CRLF goes with it if it is here, and else with what comes next.
      if (cr && p != end && *p == '\n') {
        ++p;
      } else {
        after_cr_ = cr;
      }
      if (ends) return static_cast<std::size_t>(p - begin);
      continue;
    }
    line_empty_ = false;
    const auto left = static_cast<std::size_t>(end - p);
    const auto* lf = static_cast<const char*>(std::memchr(p, '\n', left));
    const auto* cr = static_cast<const char*>(std::memchr(p, '\r', lf == nullptr ? left : static_cast<std::size_t>(lf - p)));
    p = cr != nullptr ? cr : lf != nullptr ? lf : end;
  }
  return 0;
}

std::optional<SseEvent> SseCutter::next() {
  if (taken_) held_.clear();
  taken_ = false;
  if (overflown_) return std::nullopt;
  const std::size_t size = end_of_event();
  const std::string_view bytes = piece_.substr(0, size == 0 ? piece_.size() : size);
  piece_.remove_prefix(bytes.size());
  if (size != 0 && held_.empty()) return event_of(bytes);
  if (bytes.size() > EventBytesMax - std::min(held_.size(), EventBytesMax)) overflown_ = true;
  held_ += bytes;
  if (overflown_) {
    held_ += piece_;
    piece_ = {};
  }
  if (size == 0 || overflown_) return std::nullopt;
  taken_ = true;
  return event_of(held_);
}

}  // namespace evener::protocol
