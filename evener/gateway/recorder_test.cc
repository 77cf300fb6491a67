#include "evener/gateway/recorder.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>

using namespace evener;
using namespace evener::gateway;

namespace {

/// A disk in memory, which may be out of order.
class MemorySink final : public BatchSink {
 public:
  MemorySink(std::string& bytes, std::atomic<bool>& works) : bytes_(bytes), works_(works) {}
  std::int64_t write(std::string_view bytes) override {
    if (!works_) return -EAGAIN;
    bytes_ += bytes;
    return static_cast<std::int64_t>(bytes.size());
  }
  bool reopen() override { return true; }
  void pause(Duration) override {}

 private:
  std::string& bytes_;
  std::atomic<bool>& works_;
};

struct Disk {
  std::string bytes;
  std::atomic<bool> works{true};
  std::unique_ptr<BatchSink> sink() { return std::make_unique<MemorySink>(bytes, works); }

  /// The chunks of the file, without its head.
  std::vector<route::ChunkHead> chunks() const {
    const auto head = route::read_recording_head(bytes);
    REQUIRE(head);
    CHECK(head->program == "a program");
    std::string_view rest = std::string_view(bytes).substr(head->bytes);
    std::vector<route::ChunkHead> all;
    while (!rest.empty()) {
      const auto chunk = route::read_chunk_head(rest);
      REQUIRE(chunk);
      rest.remove_prefix(route::ChunkHead::Bytes);
      CHECK(route::is_payload_of(*chunk, rest.substr(0, chunk->bytes)));
      rest.remove_prefix(chunk->bytes);
      all.push_back(*chunk);
    }
    return all;
  }
  /// How it ends.
  route::RecordingEnd end() const {
    const auto all = chunks();
    REQUIRE(!all.empty());
    REQUIRE(all.back().kind == route::ChunkHead::Kind::End);
    return static_cast<route::RecordingEnd>(all.back().pool);
  }
};

}  // namespace

TEST_CASE("a recording has the chunks of all pools in their order, and an end") {
  Disk disk;
  {
    Recorder recorder(disk.sink(), Recorder::BytesMaxDefault, "a program");
    const auto one = recorder.pool_sink(), other = recorder.pool_sink();
    CHECK(one->take("first"));
    CHECK(other->take("second"));
    CHECK(one->take("third"));
  }
  const auto chunks = disk.chunks();
  REQUIRE(chunks.size() == 4);
  CHECK(chunks[0].pool == 1);
  CHECK(chunks[1].pool == 2);
  CHECK(chunks[2].pool == 1);
  CHECK(disk.end() == route::RecordingEnd::Stopped);
}

TEST_CASE("a recording ends before it grows beyond its limit") {
  Disk disk;
  {
    Recorder recorder(disk.sink(), 1000, "a program");
    const auto pool = recorder.pool_sink();
    int taken = 0;
    while (pool->take(std::string(100, 'x'))) ++taken;
    CHECK(taken > 5);
    CHECK_FALSE(pool->take("x"));
    CHECK(recorder.status().ended == route::RecordingEnd::SizeLimit);
    CHECK(recorder.status().bytes <= 1000);
  }
  CHECK(disk.bytes.size() <= 1000);
  CHECK(disk.end() == route::RecordingEnd::SizeLimit);
}

TEST_CASE("a recording that the disk cannot keep up with ends instead of going on with a hole") {
  Disk disk;
  {
    Recorder recorder(disk.sink(), Recorder::BytesMaxDefault, "a program", {.pending_bytes_max = 1000});
    const auto pool = recorder.pool_sink();
    disk.works = false;
    int taken = 0;
    while (pool->take(std::string(100, 'x'))) ++taken;
    CHECK(taken < 10);
    CHECK(recorder.status().ended == route::RecordingEnd::Lost);
    disk.works = true;
    CHECK_FALSE(pool->take("x"));
  }
  CHECK(disk.end() == route::RecordingEnd::Lost);
}

TEST_CASE("a file that has something in it is not recorded over") {
  const auto refused = Recorder::open("/proc/self/exe", Recorder::BytesMaxDefault, "a program");
  REQUIRE(!refused);
  CHECK(refused.error().fault == Fault::Client);
}
