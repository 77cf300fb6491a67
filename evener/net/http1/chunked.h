#pragma once
// Chunked transfer coding: finds the data, the chunk boundaries and the end in bytes that arrive in pieces, strictly (RFC 9112 section 7.1).
// It never copies: each step names a range of the input. Extensions are validated and dropped; bare LF, signs, 0x, empty sizes, more than
// 16 hex digits, and an extension or trailer section beyond the limits are refused.

#include <cstdint>
#include <string>
#include <string_view>

namespace evener::net::http1 {

class ChunkedDecoder {
 public:
  enum class Kind : std::uint8_t {
    NeedMore,   // all input consumed
    Framing,    // bytes of framing that may be forwarded as they are (size digits, CRLF, the last chunk); nothing to observe
    Dropped,    // bytes that must not be forwarded (extensions, trailers)
    Data,       // payload
    End,        // the message is complete; `trailers()` holds the trailer section. Bytes after it belong to the next message.
    Bad,
  };
  struct Step {
    Kind kind = Kind::NeedMore;
    std::string_view bytes;    // the range of the input this step covers
  };

  /// Next step over `input`; remove step.bytes.size() bytes from the front of the input before the next call.
  /// Framing steps, Data steps and the trailers re-written by the caller (each line, then an empty one) form a valid chunked body:
  /// the last-chunk line "0\r\n" is a Framing step, the final empty line is not (the caller writes trailers and it).
  Step next(std::string_view input);

  /// Valid header lines of the trailer section, "name: value\r\n" each, without the final empty line; at most 8 KiB.
  /// Fields that may not come in trailers (framing, routing, authentication) have been left out.
  [[nodiscard]] const std::string& trailers() const { return trailers_; }

 private:
  enum class State : std::uint8_t { SizeStart, Size, ExtensionStart, Extension, SizeLf, Data, DataCr, DataLf, TrailerLine, Done, Failed };
  State state_ = State::SizeStart;
  std::uint64_t remaining_ = 0;
  std::uint32_t digits_ = 0;
  std::uint32_t extension_bytes_ = 0;
  std::string trailers_;
  std::string line_;
};

}  // namespace evener::net::http1
