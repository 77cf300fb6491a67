#include "evener/route/recording.h"

#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <utility>

#include "evener/core/hashing.h"
#include "evener/route/recording_fields.h"

namespace evener::route {
namespace {

using recorded::fields;

constexpr std::string_view Magic = "EVENER RECORDING";
static_assert(std::endian::native == std::endian::little, "floats are copied as they are");

// Writing -------------------------------------------------------------------------------------------------------------------------------

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void number(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<char>(value));
  }

  template <class T>
  void put(const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      out_.push_back(value ? '\1' : '\0');
    } else if constexpr (std::is_same_v<T, EndpointId>) {
      number(static_cast<std::uint32_t>(value));
    } else if constexpr (std::is_enum_v<T>) {
      assert(value <= recorded::Last<T>);
      out_.push_back(static_cast<char>(value));
    } else if constexpr (std::is_floating_point_v<T>) {
      raw(&value, sizeof value);
    } else if constexpr (std::is_unsigned_v<T>) {
      number(value);
    } else {
      fields_of(value);
    }
  }

 private:
  void raw(const void* bytes, std::size_t count) { out_.append(static_cast<const char*>(bytes), count); }
  void fields_of(std::int64_t value) { number((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63)); }
  void fields_of(Duration value) { fields_of(static_cast<std::int64_t>(value.count())); }
  void fields_of(Instant value) { fields_of(value.time_since_epoch()); }
  void fields_of(const std::string& text) {
    number(std::min(text.size(), RecordedTextMax));
    raw(text.data(), std::min(text.size(), RecordedTextMax));
  }
  void fields_of(std::span<const std::uint64_t> hashes) {
    number(hashes.size());
    raw(hashes.data(), hashes.size_bytes());
  }
  void fields_of(std::span<const EndpointId> ids) {
    number(ids.size());
    for (const EndpointId id : ids) put(id);
  }
  template <class T>
  void fields_of(const std::vector<T>& items) {
    number(items.size());
    for (const T& item : items) put(item);
  }
  template <class T, std::size_t Size>
  void fields_of(const std::array<T, Size>& items) {
    for (const T& item : items) put(item);
  }
  template <class T>
  void fields_of(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class... T>
  void fields_of(const std::variant<T...>& value) {
    out_.push_back(static_cast<char>(value.index()));
    std::visit([&](const auto& one) { put(one); }, value);
  }
  template <recorded::Struct T>
  void fields_of(const T& value) {
    std::apply([&](const auto&... field) { (put(field), ...); }, fields(value));
  }

  std::string& out_;
};

// Reading -------------------------------------------------------------------------------------------------------------------------------

/// Every get() takes one value and returns true, or returns false for ever.
class Reader {
 public:
  Reader(std::string_view& rest, std::vector<std::uint64_t>& blocks, std::vector<EndpointId>& tried)
      : rest_(rest), blocks_(blocks), tried_(tried) {}

  template <class T>
  bool get(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t byte = 0;
      if (!raw(&byte, 1) || byte > 1) return false;
      value = byte == 1;
      return true;
    } else if constexpr (std::is_same_v<T, EndpointId>) {
      std::uint32_t id = 0;
      if (!get(id)) return false;
      value = EndpointId{id};
      return true;
    } else if constexpr (std::is_enum_v<T>) {
      std::uint8_t byte = 0;
      if (!raw(&byte, 1) || byte > static_cast<std::uint8_t>(recorded::Last<T>)) return false;
      value = static_cast<T>(byte);
      return true;
    } else if constexpr (std::is_floating_point_v<T>) {
      return raw(&value, sizeof value);
    } else if constexpr (std::is_unsigned_v<T>) {
      std::uint64_t wide = 0;
      if (!number(wide) || wide > std::numeric_limits<T>::max()) return false;
      value = static_cast<T>(wide);
      return true;
    } else {
      return fields_of(value);
    }
  }

 private:
  bool raw(void* bytes, std::size_t count) {
    if (rest_.size() < count) return false;
    if (count > 0) std::memcpy(bytes, rest_.data(), count);
    rest_.remove_prefix(count);
    return true;
  }
  bool number(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      if (shift == 63 && byte > 1) return false;
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }
  /// Of items that take at least so many bytes each, so that nobody reserves memory for what cannot be there.
  bool count(std::size_t& items, std::size_t item_bytes_min) {
    std::uint64_t announced = 0;
    if (!number(announced) || announced > rest_.size() / item_bytes_min) return false;
    items = static_cast<std::size_t>(announced);
    return true;
  }
  bool fields_of(std::int64_t& value) {
    std::uint64_t coded = 0;
    if (!number(coded)) return false;
    value = static_cast<std::int64_t>((coded >> 1) ^ (~(coded & 1) + 1));
    return true;
  }
  bool fields_of(Duration& value) {
    std::int64_t count = 0;
    if (!fields_of(count)) return false;
    value = Duration(count);
    return true;
  }
  bool fields_of(Instant& value) {
    Duration since{};
    if (!fields_of(since)) return false;
    value = Instant(since);
    return true;
  }
  bool fields_of(std::string& text) {
    std::size_t length = 0;
    if (!count(length, 1) || length > RecordedTextMax) return false;
    text.assign(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return true;
  }
  bool fields_of(std::span<const std::uint64_t>& hashes) {
    std::size_t items = 0;
    if (!count(items, sizeof(std::uint64_t))) return false;
    blocks_.resize(items);
    hashes = blocks_;
    return raw(blocks_.data(), items * sizeof(std::uint64_t));
  }
  bool fields_of(std::span<const EndpointId>& ids) {
    if (!fields_of(tried_)) return false;
    ids = tried_;
    return true;
  }
  template <class T>
  bool fields_of(std::vector<T>& items) {
    std::size_t size = 0;
    if (!count(size, 1)) return false;
    items.clear();
    for (std::size_t i = 0; i < size; ++i) {
      if (!get(items.emplace_back())) return false;
    }
    return true;
  }
  template <class T, std::size_t Size>
  bool fields_of(std::array<T, Size>& items) {
    for (T& item : items) {
      if (!get(item)) return false;
    }
    return true;
  }
  template <class T>
  bool fields_of(std::optional<T>& value) {
    bool there = false;
    if (!get(there)) return false;
    value.reset();
    return !there || get(value.emplace());
  }
  template <class... T>
  bool fields_of(std::variant<T...>& value) {
    std::uint8_t index = 0;
    if (!raw(&index, 1)) return false;
    bool good = false;
    std::uint8_t at = 0;
    ((at++ == index ? void(good = get(value.template emplace<T>())) : void()), ...);
    return good;
  }
  template <recorded::Struct T>
  bool fields_of(T& value) {
    return std::apply([&](auto&... field) { return (get(field) && ...); }, fields(value));
  }

  std::string_view& rest_;
  std::vector<std::uint64_t>& blocks_;
  std::vector<EndpointId>& tried_;
};

template <class Number>
void append(std::string& out, Number number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}
template <class Number>
Number number_at(std::string_view bytes, std::size_t at) {
  Number number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

std::string chunk_head(ChunkHead::Kind kind, std::uint32_t pool, std::string_view payload) {
  std::string out;
  out.reserve(ChunkHead::Bytes + payload.size());
  out.push_back(static_cast<char>(kind));
  append(out, pool);
  append(out, static_cast<std::uint32_t>(payload.size()));
  append(out, hash64(payload));
  return out;
}

}  // namespace

void write_event(std::string& out, const recorded::Event& event) { Writer(out).put(event); }

std::optional<recorded::Event> EventReader::next() {
  if (rest_.empty() || bad_) return std::nullopt;
  recorded::Event event;
  bad_ = !Reader(rest_, blocks_, tried_).get(event);
  if (bad_) return std::nullopt;
  return event;
}

std::string recording_head(std::string_view program) {
  std::string out(Magic);
  append(out, RecordingVersion);
  Writer(out).put(std::string(program));
  return out;
}

std::string chunk_of(std::uint32_t pool, std::string_view payload) {
  std::string out = chunk_head(ChunkHead::Kind::Events, pool, payload);
  out += payload;
  return out;
}

std::string end_chunk(RecordingEnd end) { return chunk_head(ChunkHead::Kind::End, static_cast<std::uint32_t>(end), {}); }

std::optional<RecordingHead> read_recording_head(std::string_view bytes) {
  RecordingHead head;
  if (!bytes.starts_with(Magic) || bytes.size() < Magic.size() + sizeof head.version) return std::nullopt;
  head.version = number_at<std::uint32_t>(bytes, Magic.size());
  if (head.version != RecordingVersion) return head;
  std::string_view rest = bytes.substr(Magic.size() + sizeof head.version);
  std::vector<std::uint64_t> blocks;
  std::vector<EndpointId> tried;
  if (!Reader(rest, blocks, tried).get(head.program)) return std::nullopt;
  head.bytes = bytes.size() - rest.size();
  return head;
}

std::optional<ChunkHead> read_chunk_head(std::string_view bytes) {
  if (bytes.size() < ChunkHead::Bytes) return std::nullopt;
  const ChunkHead head{.kind = static_cast<ChunkHead::Kind>(bytes[0]),
                       .pool = number_at<std::uint32_t>(bytes, 1),
                       .bytes = number_at<std::uint32_t>(bytes, 5),
                       .checksum = number_at<std::uint64_t>(bytes, 9)};
  switch (head.kind) {
    case ChunkHead::Kind::Events: return head.bytes <= ChunkBytesMax ? std::optional(head) : std::nullopt;
    case ChunkHead::Kind::End:
      return head.bytes == 0 && head.pool <= static_cast<std::uint32_t>(RecordingEnd::Lost) ? std::optional(head) : std::nullopt;
  }
  return std::nullopt;
}

bool is_payload_of(const ChunkHead& head, std::string_view payload) {
  return payload.size() == head.bytes && hash64(payload) == head.checksum;
}

}  // namespace evener::route
