#include "evener/net/http1/chunked.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "evener/net/http1/fields.h"

namespace evener::net::http1 {

namespace {

/// -1 where the character is no hex digit.
constexpr auto HexValues = [] {
  std::array<std::int8_t, 256> table{};
  for (auto& value : table) value = -1;
  for (std::size_t i = 0; i < 10; ++i) table['0' + i] = static_cast<std::int8_t>(i);
  for (std::size_t i = 0; i < 6; ++i) table['a' + i] = table['A' + i] = static_cast<std::int8_t>(10 + i);
  return table;
}();

constexpr bool is_extension_char(char c) { return c == '\t' || (c >= 0x20 && c < 0x7f); }

/// RFC 9110 section 6.5.1: what decides about framing, routing, authentication, conditions or how content is read cannot come after it.
bool may_come_in_trailer(const Header& field) {
  if (field.id != HeaderId::Other) return false;
  constexpr std::array<std::string_view, 22> Excluded = {"accept",
                                                         "accept-encoding",
                                                         "age",
                                                         "cache-control",
                                                         "content-encoding",
                                                         "content-range",
                                                         "cookie",
                                                         "set-cookie",
                                                         "if-match",
                                                         "if-none-match",
                                                         "if-modified-since",
                                                         "if-unmodified-since",
                                                         "if-range",
                                                         "range",
                                                         "location",
                                                         "max-forwards",
                                                         "pragma",
                                                         "expires",
                                                         "vary",
                                                         "www-authenticate",
                                                         "authentication-info",
                                                         "x-api-key"};
  return std::none_of(Excluded.begin(), Excluded.end(), [&](std::string_view name) { return equals_ignoring_case(field.name, name); });
}

}  // namespace

ChunkedDecoder::Step ChunkedDecoder::fail() {
  state_ = State::Failed;
  return {Kind::Bad, {}};
}

ChunkedDecoder::Step ChunkedDecoder::next(std::string_view input) {
  switch (state_) {
    case State::Failed: return {Kind::Bad, {}};
    case State::Done: return {Kind::End, {}};
    default: break;
  }
  if (input.empty()) return {Kind::NeedMore, {}};
  switch (state_) {
    case State::Data: {
      const std::size_t bytes = remaining_ < input.size() ? static_cast<std::size_t>(remaining_) : input.size();
      remaining_ -= bytes;
      if (remaining_ == 0) state_ = State::DataCr;
      return {Kind::Data, input.substr(0, bytes)};
    }
    case State::Semicolon:
    case State::ExtensionStart:
    case State::Extension: return read_extension(input);
    case State::TrailerLine: return read_trailer(input);
    default: return read_framing(input);
  }
}

/// From the end of one chunk's data to the begin of the next one's, in one step if it is all there and has no extension.
ChunkedDecoder::Step ChunkedDecoder::read_framing(std::string_view input) {
  std::size_t at = 0;
  for (; at < input.size(); ++at) {
    const char c = input[at];
    switch (state_) {
      case State::DataCr:
        if (c != '\r') return fail();
        state_ = State::DataLf;
        break;
      case State::DataLf:
        if (c != '\n') return fail();
        state_ = State::SizeStart;
        break;
      case State::SizeStart:
        remaining_ = 0;
        digits_ = 0;
        state_ = State::Size;
        [[fallthrough]];
      case State::Size: {
        const std::int8_t value = HexValues[static_cast<unsigned char>(c)];
        if (value >= 0) {
          if (++digits_ > ChunkSizeDigitsMax) return fail();
          remaining_ = remaining_ << 4 | static_cast<std::uint64_t>(value);
          break;
        }
        if (digits_ == 0 || remaining_ >> 63 != 0) return fail();
        if (c == '\r') {
          state_ = State::SizeLf;
          break;
        }
        if (c != ';') return fail();
        state_ = State::Semicolon;
        // The digits go through, the extension does not.
        return at > 0 ? Step{Kind::Framing, input.substr(0, at)} : read_extension(input);
      }
      case State::SizeLf:
        if (c != '\n') return fail();
        state_ = remaining_ > 0 ? State::Data : State::TrailerLine;
        return {Kind::Framing, input.substr(0, at + 1)};
      default: return fail();
    }
  }
  return {Kind::Framing, input};
}

/// ";name=value;..." up to the CR, which is framing again. Behind the first ';' must come a name; the rest is checked by character only: what
/// matters is that no reader can see a line end in it.
ChunkedDecoder::Step ChunkedDecoder::read_extension(std::string_view input) {
  for (std::size_t at = 0; at < input.size(); ++at) {
    const char c = input[at];
    if (state_ == State::Extension && c == '\r') {
      state_ = State::Size;  // digits were seen, so read_framing takes the CR from here
      return at > 0 ? Step{Kind::Dropped, input.substr(0, at)} : read_framing(input);
    }
    if (state_ == State::ExtensionStart ? !is_token_char(c) : !is_extension_char(c)) return fail();
    if (++extension_bytes_ > ChunkExtensionBytesMax) return fail();
    state_ = state_ == State::Semicolon ? State::ExtensionStart : State::Extension;
  }
  return {Kind::Dropped, input};
}

ChunkedDecoder::Step ChunkedDecoder::read_trailer(std::string_view input) {
  const auto* lf = static_cast<const char*>(std::memchr(input.data(), '\n', input.size()));
  const std::size_t bytes = lf == nullptr ? input.size() : static_cast<std::size_t>(lf - input.data()) + 1;
  if (!section_) {
    if (input.starts_with("\r\n")) {  // the usual end
      state_ = State::Done;
      return {Kind::End, input.substr(0, 2)};
    }
    section_ = std::make_unique<TrailerSection>();
  }
  if (bytes > TrailerBytesMax - section_->bytes) return fail();
  section_->bytes += static_cast<std::uint32_t>(bytes);
  section_->line.append(input.substr(0, bytes));
  if (lf == nullptr) return {Kind::Dropped, input};
  if (section_->line == "\r\n") {
    state_ = State::Done;
    return {Kind::End, input.substr(0, bytes)};
  }
  if (!end_trailer_line()) return fail();
  section_->line.clear();
  return {Kind::Dropped, input.substr(0, bytes)};
}

bool ChunkedDecoder::end_trailer_line() {
  if (++section_->count > TrailersMax) return false;
  const char* p = section_->line.data();
  const char* const end = p + section_->line.size();
  Header field;
  if (parse_field(p, end, field) != nullptr || p != end) return false;
  if (!may_come_in_trailer(field)) return true;
  section_->kept.append(field.name).append(": ").append(field.value).append("\r\n");
  return true;
}

}  // namespace evener::net::http1
