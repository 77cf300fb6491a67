// Any bytes as a recording: its head, its chunks, the events in them. What is read as an event is written again to the same meaning.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "evener/route/recording.h"
#include "evener/route/replay.h"

using namespace evener::route;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void read_events(std::string_view payload) {
  EventReader reader(payload);
  std::string written, again;
  while (const auto event = reader.next()) {
    require(!describe(*event).empty());
    written.clear();
    write_event(written, *event);
    EventReader second(written);
    const auto same = second.next();
    require(same.has_value() && second.left() == 0);
    again.clear();
    write_event(again, *same);
    require(again == written);
  }
  require(reader.bad() || reader.left() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  read_events(rest);
  const auto head = read_recording_head(rest);
  if (!head || head->version != RecordingVersion) return 0;
  require(head->bytes <= rest.size());
  rest.remove_prefix(head->bytes);
  while (const auto chunk = read_chunk_head(rest)) {
    rest.remove_prefix(ChunkHead::Bytes);
    if (rest.size() < chunk->bytes) break;
    const std::string_view payload = rest.substr(0, chunk->bytes);
    rest.remove_prefix(chunk->bytes);
    (void)is_payload_of(*chunk, payload);
    read_events(payload);
  }
  return 0;
}
