#include "evener/protocol/msgpack.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

using namespace evener::protocol;
using Kind = MsgpackReader::Kind;

namespace {

std::string bytes(std::initializer_list<unsigned> values) {
  std::string out;
  for (const unsigned value : values) out += static_cast<char>(static_cast<unsigned char>(value));
  return out;
}

}  // namespace

TEST_CASE("msgpack: whole numbers are read in all their forms, the signed ones by their bits") {
  struct Case {
    std::string text;
    std::uint64_t bits;
    Kind kind;
  };
  const std::vector<Case> cases = {
      {bytes({0x00}), 0, Kind::Unsigned},
      {bytes({0x7f}), 127, Kind::Unsigned},
      {bytes({0xcc, 0xff}), 255, Kind::Unsigned},
      {bytes({0xcd, 0x01, 0x02}), 0x102, Kind::Unsigned},
      {bytes({0xce, 1, 2, 3, 4}), 0x1020304, Kind::Unsigned},
      {bytes({0xcf, 0xff, 1, 2, 3, 4, 5, 6, 7}), 0xff01020304050607, Kind::Unsigned},
      {bytes({0xff}), ~std::uint64_t{0}, Kind::Negative},
      {bytes({0xe0}), static_cast<std::uint64_t>(-32), Kind::Negative},
      {bytes({0xd0, 0x80}), static_cast<std::uint64_t>(-128), Kind::Negative},
      {bytes({0xd0, 0x05}), 5, Kind::Unsigned},
      {bytes({0xd1, 0xff, 0xfe}), static_cast<std::uint64_t>(-2), Kind::Negative},
      {bytes({0xd2, 0x80, 0, 0, 0}), static_cast<std::uint64_t>(std::int64_t{-2147483648}), Kind::Negative},
      {bytes({0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfd}), static_cast<std::uint64_t>(-3), Kind::Negative},
  };
  for (const Case& one : cases) {
    MsgpackReader reader(one.text);
    CHECK(reader.next() == one.kind);
    std::uint64_t value = 0;
    MsgpackReader unsigned_only(one.text);
    CHECK(unsigned_only.read_unsigned(value) == (one.kind == Kind::Unsigned));
    CHECK(reader.read_bits(value));
    CHECK(value == one.bits);
    CHECK(reader.at_end());
  }
}

TEST_CASE("msgpack: floats, and whole numbers where a float is expected") {
  for (const auto& [text, wanted] : std::vector<std::pair<std::string, double>>{{bytes({0xca, 0x3f, 0xc0, 0, 0}), 1.5},
                                                                                {bytes({0xcb, 0xc0, 0x04, 0, 0, 0, 0, 0, 0}), -2.5},
                                                                                {bytes({0x07}), 7.0},
                                                                                {bytes({0xfe}), -2.0}}) {
    MsgpackReader reader(text);
    double value = 0;
    CHECK(reader.read_number(value));
    CHECK(value == wanted);
    CHECK(reader.at_end());
  }
}

TEST_CASE("msgpack: what was written is read back") {
  for (const std::size_t length : {0U, 31U, 32U, 255U, 256U, 65535U, 65536U}) {
    const std::string text(length, 'x');
    std::string out;
    MsgpackWriter(out).string(text).binary(text).whole(length).nil().number(0.25);
    MsgpackReader reader(out);
    std::string_view read;
    std::uint64_t number = 0;
    double fraction = 0;
    CHECK(reader.read_string(read));
    CHECK(read == text);
    CHECK(reader.read_binary(read));
    CHECK(read == text);
    CHECK(reader.read_unsigned(number));
    CHECK(number == length);
    CHECK(reader.read_nil());
    CHECK(reader.read_number(fraction));
    CHECK(fraction == 0.25);
    CHECK(reader.at_end());
  }
  for (const std::uint32_t count : {0U, 15U, 16U, 65535U, 65536U}) {
    std::string out;
    MsgpackWriter writer(out);
    writer.array(count);
    for (std::uint32_t i = 0; i < count; ++i) writer.whole(1);
    writer.map(count);
    for (std::uint32_t i = 0; i < count * 2; ++i) writer.nil();
    MsgpackReader reader(out);
    CHECK(reader.skip());
    std::uint32_t read = 1;
    CHECK(reader.read_map(read));
    CHECK(read == count);
  }
}

TEST_CASE("msgpack: a value that is cut off is not read, and nothing is taken") {
  std::string whole;
  MsgpackWriter(whole).array(4).string("abcdefgh").whole(70'000).binary("12").map(1).whole(1).number(2.5);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    MsgpackReader reader(std::string_view(whole).substr(0, length));
    CHECK_FALSE(reader.skip());
    CHECK(reader.left() == length);
  }
  MsgpackReader reader(whole);
  CHECK(reader.skip());
  CHECK(reader.at_end());
}

TEST_CASE("msgpack: a container that announces more than could follow is refused before memory is taken for it") {
  std::uint32_t count = 0;
  CHECK_FALSE(MsgpackReader(bytes({0xdd, 0xff, 0xff, 0xff, 0xff, 1, 2})).read_array(count));
  CHECK_FALSE(MsgpackReader(bytes({0x93, 1, 2})).read_array(count));
  CHECK_FALSE(MsgpackReader(bytes({0xdf, 0xff, 0xff, 0xff, 0xff, 1})).read_map(count));
  CHECK_FALSE(MsgpackReader(bytes({0x82, 1, 2, 3})).read_map(count));
  std::string_view text;
  CHECK_FALSE(MsgpackReader(bytes({0xdb, 0xff, 0xff, 0xff, 0xff, 'a'})).read_string(text));
}

TEST_CASE("msgpack: nesting is followed to MsgpackDepthMax and no further") {
  const auto nested = [](std::size_t depth) { return std::string(depth, static_cast<char>(0x91)) + bytes({0xc0}); };
  const std::string deepest = nested(MsgpackDepthMax), deeper = nested(MsgpackDepthMax + 1);
  MsgpackReader reader(deepest);
  CHECK(reader.skip());
  MsgpackReader refused(deeper);
  CHECK_FALSE(refused.skip());
}

TEST_CASE("msgpack: extensions are passed over, the unused tag is refused") {
  for (const std::string& text : {bytes({0xd4, 1, 2}), bytes({0xd8, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}),
                                  bytes({0xc7, 2, 5, 1, 2}), bytes({0xc9, 0, 0, 0, 1, 5, 1})}) {
    MsgpackReader reader(text);
    CHECK(reader.next() == Kind::Extension);
    CHECK(reader.skip());
    CHECK(reader.at_end());
  }
  CHECK_FALSE(MsgpackReader(bytes({0xc1})).skip());
  CHECK_FALSE(MsgpackReader("").skip());
}
