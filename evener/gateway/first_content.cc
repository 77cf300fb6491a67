#include "evener/gateway/first_content.h"

#include <algorithm>

namespace evener::gateway {

FirstContent::Seen FirstContent::feed(std::string_view bytes) {
  using net::http1::Framing;
  using Kind = net::http1::ChunkedDecoder::Kind;
  held_ += bytes.size();
  bool ended = false;
  if (framing_ == Framing::Chunked) {
    for (;;) {
      const auto step = chunks_.next(bytes);
      bytes.remove_prefix(step.bytes.size());
      if (step.kind == Kind::Bad) return Seen::Bad;
      if (step.kind == Kind::Data) events_.feed(step.bytes);
      ended = step.kind == Kind::End;
      if (ended || step.kind == Kind::NeedMore) break;
    }
  } else if (framing_ == Framing::Length) {
    events_.feed(bytes.substr(0, left_));
    left_ -= std::min<std::uint64_t>(left_, bytes.size());
    ended = left_ == 0;
  } else {
    events_.feed(bytes);
    ended = framing_ == Framing::None;
  }
  return ended || events_.saw_content() || held_ >= HeldBytesMax ? Seen::Content : Seen::Nothing;
}

}  // namespace evener::gateway
