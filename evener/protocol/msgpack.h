#pragma once
// Msgpack, as far as engines use it to publish events: a strict reader that steps through bytes it does not own and copies nothing, and a
// writer that appends. A container's announced length is checked against the bytes that are left before anyone could reserve memory for
// it. Leaves out extension types beyond skipping them, and timestamps.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace evener::protocol {

/// Containers within containers that skip() follows; deeper ones are refused.
inline constexpr std::uint32_t MsgpackDepthMax = 32;

/// Every read_*() either takes one value of that type and returns true, or takes nothing and returns false. What is not whole or not msgpack is
/// Kind::Bad for ever.
class MsgpackReader {
 public:
  explicit MsgpackReader(std::string_view bytes) : rest_(bytes) {}

  enum class Kind : std::uint8_t { End, Bad, Nil, Bool, Unsigned, Negative, Float, String, Binary, Array, Map, Extension };
  /// Of the next value, from its first byte; a value that is cut off shows only when it is read.
  [[nodiscard]] Kind next() const;

  bool read_nil();
  bool read_bool(bool& value);
  /// A whole number of 0 or more, however it is written.
  bool read_unsigned(std::uint64_t& value);
  /// Any whole number, as the 64 bits of its two's complement: what engines do with hashes that some languages keep signed.
  bool read_bits(std::uint64_t& value);
  /// Floats, and whole numbers as well: some writers shorten 3.0 to 3.
  bool read_number(double& value);
  bool read_string(std::string_view& value);
  bool read_binary(std::string_view& value);
  /// Takes the head of an array; its elements follow. `count` is never more than the bytes that are left.
  bool read_array(std::uint32_t& count);
  /// Takes the head of a map; `count` pairs follow.
  bool read_map(std::uint32_t& count);
  /// Passes over one value of any type with all that is in it. O(bytes), no recursion.
  bool skip();

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }

 private:
  [[nodiscard]] bool has(std::size_t bytes) const { return rest_.size() >= bytes; }
  [[nodiscard]] std::uint64_t big_endian(std::size_t at, std::size_t bytes) const;
  bool read_sized(std::size_t head, std::uint64_t length, std::string_view& value);
  bool skip_one(std::uint64_t& inside);

  std::string_view rest_;
};

/// Appends values in their shortest form. The caller keeps the counts of containers true.
class MsgpackWriter {
 public:
  explicit MsgpackWriter(std::string& out) : out_(out) {}

  MsgpackWriter& nil();
  MsgpackWriter& whole(std::uint64_t value);
  MsgpackWriter& number(double value);
  MsgpackWriter& string(std::string_view value);
  MsgpackWriter& binary(std::string_view value);
  MsgpackWriter& array(std::uint32_t count);
  MsgpackWriter& map(std::uint32_t count);

 private:
  void put(std::uint8_t tag, std::uint64_t value, unsigned bytes);
  std::string& out_;
};

}  // namespace evener::protocol
