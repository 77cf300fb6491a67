#pragma once
// Recording: the bytes of recorded events, and of the file they make. A file is a head, then chunks, each with whole events of one pool and a
// checksum, then an end that says why it ends; the chunks of a pool follow each other in the order in which its Scheduler saw the events. A
// file that was cut off is good up to its last whole chunk. Numbers are LEB128, signed ones zigzag first; floats are as IEEE 754 has them,
// little endian. Pure: whoever has a file or a socket moves the bytes.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evener/route/recorded_events.h"

namespace evener::route {

inline constexpr std::uint32_t RecordingVersion = 2;
inline constexpr std::size_t ChunkBytes = std::size_t{64} << 10;     // a chunk is closed when it holds this much
inline constexpr std::size_t ChunkBytesMax = std::size_t{16} << 20;  // with one event that is larger; nothing bigger is read
inline constexpr std::size_t RecordedTextMax = 1024;                 // bytes of a name

/// Appends the event. Nothing can fail.
void write_event(std::string& out, const recorded::Event& event);

/// Takes events out of the payload of a chunk.
class EventReader {
 public:
  explicit EventReader(std::string_view payload) : rest_(payload) {}

  /// The next event; nothing at the end and where the bytes are none of ours, see bad(). What it borrows is valid until the next call.
  [[nodiscard]] std::optional<recorded::Event> next();
  [[nodiscard]] bool bad() const { return bad_; }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool bad_ = false;
  std::vector<std::uint64_t> blocks_;
  std::vector<EndpointId> tried_;
};

// The file ------------------------------------------------------------------------------------------------------------------------------

/// `program` names the build whose decisions are recorded: another one may decide otherwise.
[[nodiscard]] std::string recording_head(std::string_view program);

enum class RecordingEnd : std::uint8_t {
  Stopped,    // the gateway ended
  SizeLimit,  // the file has become as large as it may
  Lost,       // the disk was too slow or full: what came after would have had a hole
};

struct ChunkHead {
  static constexpr std::size_t Bytes = 17;

  enum class Kind : std::uint8_t { Events = 1, End = 2 };
  Kind kind = Kind::Events;
  std::uint32_t pool = 0;      // counted up from 1 as pools began; of an end, its RecordingEnd
  std::uint32_t bytes = 0;     // of the payload; of an end 0
  std::uint64_t checksum = 0;  // of the payload, see hash64(); of an end that of nothing
};

[[nodiscard]] std::string chunk_of(std::uint32_t pool, std::string_view payload);
[[nodiscard]] std::string end_chunk(RecordingEnd end);

/// Of the first bytes of a file. Nothing when they are no recording of this version; `bytes` is how long it is.
struct RecordingHead {
  std::uint32_t version = 0;  // another one than ours cannot be read further
  std::string program;
  std::size_t bytes = 0;
};
inline constexpr std::size_t RecordingHeadBytesMax = 32 + RecordedTextMax;
[[nodiscard]] std::optional<RecordingHead> read_recording_head(std::string_view bytes);
/// Of ChunkHead::Bytes bytes.
[[nodiscard]] std::optional<ChunkHead> read_chunk_head(std::string_view bytes);
[[nodiscard]] bool is_payload_of(const ChunkHead& head, std::string_view payload);

}  // namespace evener::route
