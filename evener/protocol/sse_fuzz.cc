// Any bytes as an event stream: however it is cut, the same is seen; and a line end may be written in any of its forms.

#include <cstdint>
#include <string>
#include <string_view>

#include "evener/protocol/sse.h"
#include "evener/protocol/testing.h"

using namespace evener::protocol;
using testing::require;

namespace {

SseObserver watch(std::string_view stream, std::size_t piece) {
  SseObserver observer;
  for (std::size_t at = 0; at < stream.size(); at += piece) observer.feed(std::string(stream.substr(at, piece)));
  observer.finish();
  return observer;
}

void same(const SseObserver& a, const SseObserver& b) {
  require(a.events() == b.events() && a.done() == b.done() && a.error_event() == b.error_event());
  require(a.usage().has_value() == b.usage().has_value());
  if (!a.usage()) return;
  require(a.usage()->prompt_tokens == b.usage()->prompt_tokens && a.usage()->completion_tokens == b.usage()->completion_tokens);
  require(a.usage()->cached_tokens == b.usage()->cached_tokens);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  const SseObserver whole = watch(stream, size + 1);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{17}}) same(watch(stream, piece), whole);
  if (stream.find('\r') == std::string_view::npos) {
    std::string other;
    for (const char c : stream) {
      if (c == '\n') other += '\r';
      other += c;
    }
    same(watch(other, 5), whole);
  }
  require(!whole.done() || stream.find("[DONE]") != std::string_view::npos || stream.find("event") != std::string_view::npos);
  return 0;
}
