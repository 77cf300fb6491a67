#include "evener/protocol/msgpack.h"

#include <array>
#include <bit>

namespace evener::protocol {
namespace {

std::uint8_t byte_of(char c) { return static_cast<std::uint8_t>(c); }

// Bytes of the length that follows a tag, by tag; the tags of one family stand in order of size.
constexpr unsigned length_bytes(std::uint8_t tag, std::uint8_t first_of_family, unsigned smallest) {
  return smallest << (tag - first_of_family);
}

}  // namespace

MsgpackReader::Kind MsgpackReader::next() const {
  if (rest_.empty()) return Kind::End;
  const std::uint8_t tag = byte_of(rest_.front());
  if (tag <= 0x7f) return Kind::Unsigned;
  if (tag <= 0x8f) return Kind::Map;
  if (tag <= 0x9f) return Kind::Array;
  if (tag <= 0xbf) return Kind::String;
  if (tag >= 0xe0) return Kind::Negative;
  switch (tag) {
    case 0xc0: return Kind::Nil;
    case 0xc2:
    case 0xc3: return Kind::Bool;
    case 0xc4:
    case 0xc5:
    case 0xc6: return Kind::Binary;
    case 0xca:
    case 0xcb: return Kind::Float;
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf: return Kind::Unsigned;
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: {
      // The signed forms may hold a number of 0 or more as well.
      const unsigned bytes = length_bytes(tag, 0xd0, 1);
      return !has(1 + bytes) || (byte_of(rest_[1]) & 0x80U) != 0 ? Kind::Negative : Kind::Unsigned;
    }
    case 0xd9:
    case 0xda:
    case 0xdb: return Kind::String;
    case 0xdc:
    case 0xdd: return Kind::Array;
    case 0xde:
    case 0xdf: return Kind::Map;
    case 0xc1: return Kind::Bad;
    default: return Kind::Extension;  // c7, c8, c9 and d4 to d8
  }
}

std::uint64_t MsgpackReader::big_endian(std::size_t at, std::size_t bytes) const {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = (value << 8) | byte_of(rest_[at + i]);
  return value;
}

bool MsgpackReader::read_nil() {
  if (next() != Kind::Nil) return false;
  rest_.remove_prefix(1);
  return true;
}

bool MsgpackReader::read_bool(bool& value) {
  if (next() != Kind::Bool) return false;
  value = byte_of(rest_.front()) == 0xc3;
  rest_.remove_prefix(1);
  return true;
}

bool MsgpackReader::read_unsigned(std::uint64_t& value) { return next() == Kind::Unsigned && read_bits(value); }

bool MsgpackReader::read_bits(std::uint64_t& value) {
  const Kind kind = next();
  if (kind != Kind::Unsigned && kind != Kind::Negative) return false;
  const std::uint8_t tag = byte_of(rest_.front());
  if (tag <= 0x7f || tag >= 0xe0) {
    value = static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int8_t>(tag)));
    rest_.remove_prefix(1);
    return true;
  }
  const bool is_signed = tag >= 0xd0;
  const unsigned bytes = length_bytes(tag, is_signed ? 0xd0 : 0xcc, 1);
  if (!has(1 + bytes)) return false;
  value = big_endian(1, bytes);
  const unsigned bits = bytes * 8;
  if (is_signed && bits < 64 && (value >> (bits - 1)) != 0) value |= ~std::uint64_t{0} << bits;
  rest_.remove_prefix(1 + bytes);
  return true;
}

bool MsgpackReader::read_number(double& value) {
  const Kind kind = next();
  if (kind == Kind::Unsigned || kind == Kind::Negative) {
    std::uint64_t bits = 0;
    if (!read_bits(bits)) return false;
    value = kind == Kind::Unsigned ? static_cast<double>(bits) : static_cast<double>(static_cast<std::int64_t>(bits));
    return true;
  }
  if (kind != Kind::Float) return false;
  const unsigned bytes = byte_of(rest_.front()) == 0xca ? 4 : 8;
  if (!has(1 + bytes)) return false;
  const std::uint64_t bits = big_endian(1, bytes);
  value = bytes == 4 ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits))) : std::bit_cast<double>(bits);
  rest_.remove_prefix(1 + bytes);
  return true;
}

bool MsgpackReader::read_sized(std::size_t head, std::uint64_t length, std::string_view& value) {
  if (rest_.size() - head < length) return false;
  value = rest_.substr(head, length);
  rest_.remove_prefix(head + length);
  return true;
}

bool MsgpackReader::read_string(std::string_view& value) {
  if (next() != Kind::String) return false;
  const std::uint8_t tag = byte_of(rest_.front());
  if (tag <= 0xbf) return read_sized(1, tag & 0x1fU, value);
  const unsigned bytes = length_bytes(tag, 0xd9, 1);
  return has(1 + bytes) && read_sized(1 + bytes, big_endian(1, bytes), value);
}

bool MsgpackReader::read_binary(std::string_view& value) {
  if (next() != Kind::Binary) return false;
  const unsigned bytes = length_bytes(byte_of(rest_.front()), 0xc4, 1);
  return has(1 + bytes) && read_sized(1 + bytes, big_endian(1, bytes), value);
}

bool MsgpackReader::read_array(std::uint32_t& count) {
  if (next() != Kind::Array) return false;
  const std::uint8_t tag = byte_of(rest_.front());
  const unsigned bytes = tag <= 0x9f ? 0 : length_bytes(tag, 0xdc, 2);
  if (!has(1 + bytes)) return false;
  const std::uint64_t announced = bytes == 0 ? tag & 0x0fU : big_endian(1, bytes);
  if (announced > rest_.size() - 1 - bytes) return false;
  count = static_cast<std::uint32_t>(announced);
  rest_.remove_prefix(1 + bytes);
  return true;
}

bool MsgpackReader::read_map(std::uint32_t& count) {
  if (next() != Kind::Map) return false;
  const std::uint8_t tag = byte_of(rest_.front());
  const unsigned bytes = tag <= 0x8f ? 0 : length_bytes(tag, 0xde, 2);
  if (!has(1 + bytes)) return false;
  const std::uint64_t announced = bytes == 0 ? tag & 0x0fU : big_endian(1, bytes);
  if (announced * 2 > rest_.size() - 1 - bytes) return false;
  count = static_cast<std::uint32_t>(announced);
  rest_.remove_prefix(1 + bytes);
  return true;
}

/// One value; of a container only its head, and `inside` is what follows.
bool MsgpackReader::skip_one(std::uint64_t& inside) {
  std::string_view text;
  std::uint64_t bits = 0;
  std::uint32_t count = 0;
  double number = 0;
  inside = 0;
  switch (next()) {
    case Kind::End:
    case Kind::Bad: return false;
    case Kind::Nil:
    case Kind::Bool: rest_.remove_prefix(1); return true;
    case Kind::Unsigned:
    case Kind::Negative: return read_bits(bits);
    case Kind::Float: return read_number(number);
    case Kind::String: return read_string(text);
    case Kind::Binary: return read_binary(text);
    case Kind::Array:
      if (!read_array(count)) return false;
      inside = count;
      return true;
    case Kind::Map:
      if (!read_map(count)) return false;
      inside = std::uint64_t{count} * 2;
      return true;
    case Kind::Extension: {
      const std::uint8_t tag = byte_of(rest_.front());
      if (tag >= 0xd4) return has(2) && read_sized(2, std::uint64_t{1} << (tag - 0xd4), text);
      const unsigned bytes = length_bytes(tag, 0xc7, 1);
      return has(2 + bytes) && read_sized(2 + bytes, big_endian(1, bytes), text);
    }
  }
  return false;
}

bool MsgpackReader::skip() {
  const std::string_view before = rest_;
  std::array<std::uint64_t, MsgpackDepthMax> open{};  // values still to come, per container that is open
  std::size_t depth = 0;
  for (;;) {
    std::uint64_t inside = 0;
    if (!skip_one(inside) || (inside > 0 && depth == open.size())) {
      rest_ = before;
      return false;
    }
    if (inside > 0) {
      open[depth++] = inside;
      continue;
    }
    while (depth > 0 && --open[depth - 1] == 0) --depth;
    if (depth == 0) return true;
  }
}

void MsgpackWriter::put(std::uint8_t tag, std::uint64_t value, unsigned bytes) {
  out_ += static_cast<char>(tag);
  for (unsigned i = bytes; i-- > 0;) out_ += static_cast<char>(static_cast<std::uint8_t>(value >> (8 * i)));
}

MsgpackWriter& MsgpackWriter::nil() {
  put(0xc0, 0, 0);
  return *this;
}

MsgpackWriter& MsgpackWriter::whole(std::uint64_t value) {
  if (value <= 0x7f) {
    put(static_cast<std::uint8_t>(value), 0, 0);
  } else if (value <= 0xff) {
    put(0xcc, value, 1);
  } else if (value <= 0xffff) {
    put(0xcd, value, 2);
  } else if (value <= 0xffffffff) {
    put(0xce, value, 4);
  } else {
    put(0xcf, value, 8);
  }
  return *this;
}

MsgpackWriter& MsgpackWriter::number(double value) {
  put(0xcb, std::bit_cast<std::uint64_t>(value), 8);
  return *this;
}

MsgpackWriter& MsgpackWriter::string(std::string_view value) {
  if (value.size() <= 31) {
    put(static_cast<std::uint8_t>(0xa0U | value.size()), 0, 0);
  } else if (value.size() <= 0xff) {
    put(0xd9, value.size(), 1);
  } else if (value.size() <= 0xffff) {
    put(0xda, value.size(), 2);
  } else {
    put(0xdb, value.size(), 4);
  }
  out_ += value;
  return *this;
}

MsgpackWriter& MsgpackWriter::binary(std::string_view value) {
  if (value.size() <= 0xff) {
    put(0xc4, value.size(), 1);
  } else if (value.size() <= 0xffff) {
    put(0xc5, value.size(), 2);
  } else {
    put(0xc6, value.size(), 4);
  }
  out_ += value;
  return *this;
}

MsgpackWriter& MsgpackWriter::array(std::uint32_t count) {
  if (count <= 15) {
    put(static_cast<std::uint8_t>(0x90U | count), 0, 0);
  } else if (count <= 0xffff) {
    put(0xdc, count, 2);
  } else {
    put(0xdd, count, 4);
  }
  return *this;
}

MsgpackWriter& MsgpackWriter::map(std::uint32_t count) {
  if (count <= 15) {
    put(static_cast<std::uint8_t>(0x80U | count), 0, 0);
  } else if (count <= 0xffff) {
    put(0xde, count, 2);
  } else {
    put(0xdf, count, 4);
  }
  return *this;
}

}  // namespace evener::protocol
