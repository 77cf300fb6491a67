#include "evener/protocol/kv_events.h"

#include <doctest/doctest.h>

#include <functional>

#include "evener/protocol/msgpack.h"

using namespace evener::protocol;
using Kind = KvEvent::Kind;

namespace {

KvBatch read(const std::string& payload) {
  auto batch = read_kv_batch(payload);
  REQUIRE_MESSAGE(batch.has_value(), (batch ? "" : batch.error().message));
  return *batch;
}

std::string refusal(const std::string& payload) {
  const auto batch = read_kv_batch(payload);
  REQUIRE_FALSE(batch.has_value());
  return batch.error().message;
}

/// A batch of arrays with one event that `write` writes.
std::string with_event(const std::function<void(MsgpackWriter&)>& write) {
  std::string text;
  MsgpackWriter out(text);
  out.array(2).number(12.5).array(1);
  write(out);
  return text;
}

}  // namespace

TEST_CASE("kv events: what an engine of a year ago sends, with numbers and without the later fields") {
  const KvBatch batch = read(with_event([](MsgpackWriter& out) {
    out.array(6).string("BlockStored").array(2).whole(11).whole(12).whole(10).array(4).whole(1).whole(2).whole(3).whole(4).whole(2).nil();
  }));
  CHECK(batch.published_at_s == 12.5);
  REQUIRE(batch.events.size() == 1);
  CHECK(batch.events[0] == KvEvent{.blocks = {11, 12}, .parent = 10, .tokens = {1, 2, 3, 4}, .block_tokens = 2});
}

TEST_CASE("kv events: hashes of 32 bytes count by their last eight") {
  std::string hash(24, 'x');
  hash += std::string("\x01\x02\x03\x04\x05\x06\x07\x08", 8);
  const KvBatch batch =
      read(with_event([&](MsgpackWriter& out) { out.array(2).string("BlockRemoved").array(2).binary(hash).binary("\x07"); }));
  REQUIRE(batch.events.size() == 1);
  CHECK(batch.events[0].kind == Kind::Removed);
  CHECK(batch.events[0].blocks == std::vector<std::uint64_t>{0x0102030405060708, 7});
}

TEST_CASE("kv events: signed hashes are their 64 bits") {
  const std::string payload = with_event([](MsgpackWriter& out) { out.array(2).string("BlockRemoved").array(1); }) + "\xff";
  CHECK(read(payload).events[0].blocks == std::vector<std::uint64_t>{~std::uint64_t{0}});
}

TEST_CASE("kv events: both forms are read, with every field") {
  const KvBatch batch{.published_at_s = 1.5,
                      .events = {{.kind = Kind::Stored,
                                  .blocks = {1, 2},
                                  .parent = 77,
                                  .tokens = {5, 6, 7, 8},
                                  .block_tokens = 2,
                                  .medium = "GPU",
                                  .adapter = "sql",
                                  .group = 1,
                                  .attention = "sliding_window",
                                  .extra_keys = true},
                                 {.kind = Kind::Removed, .blocks = {1}, .medium = "CPU", .group = 0},
                                 {.kind = Kind::Cleared}},
                      .rank = 3};
  CHECK(read(write_kv_batch(batch, KvEncoding::Arrays)) == batch);
  CHECK(read(write_kv_batch(batch, KvEncoding::Maps)) == batch);
}

TEST_CASE("kv events: unknown kinds, fields and elements are passed over") {
  std::string text;
  MsgpackWriter out(text);
  out.array(4).number(1).array(3);
  out.array(3).string("BlockMoved").array(1).whole(1).map(0);
  out.array(3).string("AllBlocksCleared").whole(1).whole(2);
  out.map(4)
      .string("colour")
      .string("red")
      .string("type")
      .string("BlockRemoved")
      .string("block_hashes")
      .array(1)
      .whole(9)
      .string("x")
      .nil();
  out.nil().string("more");
  const KvBatch batch = read(text);
  CHECK(batch.unknown_events == 1);
  REQUIRE(batch.events.size() == 2);
  CHECK(batch.events[0].kind == Kind::Cleared);
  CHECK(batch.events[1].blocks == std::vector<std::uint64_t>{9});
}

TEST_CASE("kv events: tokens that are no numbers or do not match their blocks count as not said") {
  const auto stored = [](const std::function<void(MsgpackWriter&)>& tokens) {
    return read(with_event([&](MsgpackWriter& out) {
             out.array(6).string("BlockStored").array(1).whole(1).nil();
             tokens(out);
             out.whole(2).nil();
           }))
        .events[0]
        .tokens;
  };
  CHECK(stored([](MsgpackWriter& out) { out.array(2).whole(5).whole(6); }) == std::vector<std::uint32_t>{5, 6});
  CHECK(stored([](MsgpackWriter& out) { out.array(1).whole(5); }).empty());
  CHECK(stored([](MsgpackWriter& out) { out.array(2).array(2).whole(5).whole(6).array(2).whole(6).whole(7); }).empty());
  CHECK(stored([](MsgpackWriter& out) { out.nil(); }).empty());
}

TEST_CASE("kv events: an adapter's number stands in for its name") {
  const auto adapter = [](bool named) {
    return read(with_event([&](MsgpackWriter& out) {
             out.array(8).string("BlockStored").array(0).nil().array(0).whole(16).whole(4).nil();
             named ? out.string("law") : out.nil();
           }))
        .events[0]
        .adapter;
  };
  CHECK(adapter(false) == "4");
  CHECK(adapter(true) == "law");
}

TEST_CASE("kv events: extra keys that are all empty are none") {
  const auto extra = [](bool any) {
    return read(with_event([&](MsgpackWriter& out) {
             out.array(9).string("BlockStored").array(2).whole(1).whole(2).nil().array(0).whole(16).nil().nil().nil().array(2).nil();
             any ? out.array(1).string("salt") : out.nil();
           }))
        .events[0]
        .extra_keys;
  };
  CHECK_FALSE(extra(false));
  CHECK(extra(true));
}

TEST_CASE("kv events: garbage is refused with a reason") {
  CHECK(refusal("").find("neither an array nor a map") != std::string::npos);
  CHECK(refusal("hello").find("neither an array nor a map") != std::string::npos);
  const std::string good = write_kv_batch({.published_at_s = 1, .events = {{.blocks = {1}, .block_tokens = 16}}}, KvEncoding::Maps);
  CHECK(refusal(good + "x").find("behind the batch") != std::string::npos);
  for (std::size_t length = 0; length < good.size(); ++length)
    CHECK_FALSE(read_kv_batch(std::string_view(good).substr(0, length)).has_value());
  CHECK(refusal(with_event([](MsgpackWriter& out) { out.array(1).whole(3); })).find("no tag") != std::string::npos);
  CHECK(refusal(with_event([](MsgpackWriter& out) { out.array(2).string("BlockRemoved").nil(); })).find("no array") != std::string::npos);
  CHECK(refusal(with_event([](MsgpackWriter& out) { out.array(2).string("BlockStored").array(0); })).find("no block size") !=
        std::string::npos);
}

TEST_CASE("kv events: every bound of a batch holds") {
  CHECK(refusal(std::string(KvPayloadBytesMax + 1, 'x')).find("larger than 8 MiB") != std::string::npos);

  const auto events = [](std::uint32_t count) {
    std::string text;
    MsgpackWriter out(text);
    out.array(2).number(1).array(count);
    for (std::uint32_t i = 0; i < count; ++i) out.array(1).string("AllBlocksCleared");
    return text;
  };
  CHECK(read(events(KvEventsMax)).events.size() == KvEventsMax);
  CHECK(refusal(events(KvEventsMax + 1)).find("too many events") != std::string::npos);

  const auto blocks = [](std::uint32_t count) {
    return with_event([&](MsgpackWriter& out) {
      out.array(2).string("BlockRemoved").array(count);
      for (std::uint32_t i = 0; i < count; ++i) out.whole(1);
    });
  };
  CHECK(read(blocks(KvBlocksMax)).events[0].blocks.size() == KvBlocksMax);
  CHECK(refusal(blocks(KvBlocksMax + 1)).find("too many blocks") != std::string::npos);

  const auto tokens = [](std::uint32_t count) {
    return with_event([&](MsgpackWriter& out) {
      out.array(5).string("BlockStored").array(0).nil().array(count);
      for (std::uint32_t i = 0; i < count; ++i) out.whole(1);
      out.whole(16);
    });
  };
  CHECK(read(tokens(KvTokensMax)).events.size() == 1);
  CHECK(refusal(tokens(KvTokensMax + 1)).find("too many tokens") != std::string::npos);

  const auto block_size = [](std::uint64_t size) {
    return with_event([&](MsgpackWriter& out) { out.array(5).string("BlockStored").array(0).nil().array(0).whole(size); });
  };
  CHECK(read(block_size(KvBlockTokensMax)).events.size() == 1);
  CHECK(refusal(block_size(KvBlockTokensMax + 1)).find("block size") != std::string::npos);
  CHECK(refusal(block_size(0)).find("block size") != std::string::npos);

  const auto medium = [](std::size_t length) {
    return with_event([&](MsgpackWriter& out) { out.array(3).string("BlockRemoved").array(0).string(std::string(length, 'm')); });
  };
  CHECK(read(medium(256)).events[0].medium.size() == 256);
  CHECK(refusal(medium(257)).find("longer than 256") != std::string::npos);
}
