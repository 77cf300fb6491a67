#pragma once
// Chunked transfer coding: finds the data, the chunk boundaries and the end in bytes that arrive in pieces, strictly (RFC 9112 section 7.1).
// It never copies data: each step names a range of the input. Extensions are validated and dropped; bare LF, signs, 0x, empty sizes, more than
// 16 hex digits or 2^63 bytes, blanks around the size, and an extension or trailer section beyond the limits are refused.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace evener::net::http1 {

/// Digits of a chunk size, leading zeros included.
inline constexpr std::uint32_t ChunkSizeDigitsMax = 16;
/// All extensions of one message together: many one-byte chunks with long extensions are an attack on whoever forwards them.
inline constexpr std::uint32_t ChunkExtensionBytesMax = 8192;
/// The whole trailer section, fields that are left out included.
inline constexpr std::uint32_t TrailerBytesMax = 8192;
inline constexpr std::uint32_t TrailersMax = 100;

class ChunkedDecoder {
 public:
  enum class Kind : std::uint8_t {
    NeedMore,  // all input consumed
    Framing,   // bytes of framing that may be forwarded as they are (size digits, CRLF, the last chunk); nothing to observe
    Dropped,   // bytes that must not be forwarded (extensions, trailers)
    Data,      // payload
    End,       // the message is complete; `trailers()` holds the trailer section. Bytes after it belong to the next message.
    Bad,
  };
  struct Step {
    Kind kind = Kind::NeedMore;
    std::string_view bytes;  // the range of the input this step covers
  };

  /// Next step over `input`; remove step.bytes.size() bytes from the front of the input before the next call.
  /// Framing steps, Data steps and the trailers re-written by the caller (each line, then an empty one) form a valid chunked body:
  /// the last-chunk line "0\r\n" is a Framing step, the final empty line is not (the caller writes trailers and it).
  /// A step is never empty, except NeedMore, Bad, and End when it is asked for again.
  Step next(std::string_view input);

  /// Valid header lines of the trailer section, "name: value\r\n" each, without the final empty line; at most 8 KiB.
  /// Fields that may not come in trailers (framing, routing, authentication, content handling) have been left out.
  [[nodiscard]] std::string_view trailers() const { return section_ ? std::string_view(section_->kept) : std::string_view(); }

  /// No chunk has begun that has not ended: bytes of our own, framed as a chunk, may come in here.
  [[nodiscard]] bool between_chunks() const { return state_ == State::SizeStart; }

 private:
  enum class State : std::uint8_t {
    SizeStart,
    Size,
    Semicolon,
    ExtensionStart,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerLine,
    Done,
    Failed
  };

  struct TrailerSection {
    std::uint32_t bytes = 0, count = 0;
    std::string kept;  // what trailers() gives
    std::string line;  // as much of the current one as has come
  };

  Step read_framing(std::string_view input);
  Step read_extension(std::string_view input);
  Step read_trailer(std::string_view input);
  bool end_trailer_line();
  Step fail();

  State state_ = State::SizeStart;
  std::uint64_t remaining_ = 0;
  std::uint32_t digits_ = 0;
  std::uint32_t extension_bytes_ = 0;
  std::unique_ptr<TrailerSection> section_;  // when there is one that is not empty, which is rare
};

}  // namespace evener::net::http1
