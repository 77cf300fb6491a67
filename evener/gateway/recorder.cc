#include "evener/gateway/recorder.h"

#include <filesystem>
#include <utility>

#include "evener/base/log.h"

namespace evener::gateway {

class Recorder::PoolSink final : public route::RecordingSink {
 public:
  PoolSink(Recorder& recorder, std::uint32_t pool) : recorder_(recorder), pool_(pool) {}
  bool take(std::string_view payload) override { return recorder_.take(pool_, payload); }

 private:
  Recorder& recorder_;
  std::uint32_t pool_;
};

Result<std::unique_ptr<Recorder>> Recorder::open(const std::string& path, std::uint64_t bytes_max, std::string_view program) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored) && std::filesystem::file_size(path, ignored) != 0) {
    return fail("--record " + path + ": there is something already; name a new file", Fault::Client);
  }
  auto sink = open_batch_sink(path);
  if (!sink) return fail("--record: " + sink.error().message, Fault::Client);
  return std::make_unique<Recorder>(std::move(*sink), bytes_max, program);
}

Recorder::Recorder(std::unique_ptr<BatchSink> sink, std::uint64_t bytes_max, std::string_view program, BatchWriterSettings settings)
    : bytes_max_(bytes_max), writer_(std::move(sink), settings), producer_(writer_) {
  append(route::recording_head(program));
}

Recorder::~Recorder() {
  const std::lock_guard lock(mutex_);
  if (!ended_) end(route::RecordingEnd::Stopped);
}

std::unique_ptr<route::RecordingSink> Recorder::pool_sink() {
  const std::lock_guard lock(mutex_);
  return std::make_unique<PoolSink>(*this, ++pools_);
}

Recorder::Status Recorder::status() const {
  const std::lock_guard lock(mutex_);
  return {.bytes = bytes_, .bytes_max = bytes_max_, .ended = ended_};
}

bool Recorder::take(std::uint32_t pool, std::string_view payload) {
  const std::lock_guard lock(mutex_);
  if (ended_) return false;
  // There is always room left for the end.
  if (bytes_ + payload.size() + 2 * route::ChunkHead::Bytes > bytes_max_) {
    end(route::RecordingEnd::SizeLimit);
  } else {
    append(route::chunk_of(pool, payload));
    if (writer_.stats().lines_dropped > 0) end(route::RecordingEnd::Lost);
  }
  return !ended_;
}

void Recorder::append(std::string_view bytes) {
  producer_.buffer() += bytes;
  producer_.line_done({});
  producer_.flush();  // alone, so that what is dropped is a whole chunk
  bytes_ += bytes.size();
}

void Recorder::end(route::RecordingEnd why) {
  ended_ = why;
  append(route::end_chunk(why));
  if (why == route::RecordingEnd::Stopped) return;
  log::warn("the recording has ended", {{"reason", recording_end_name(why)}, {"bytes", bytes_}});
}

std::string_view recording_end_name(route::RecordingEnd end) {
  switch (end) {
    case route::RecordingEnd::Stopped: return "stopped";
    case route::RecordingEnd::SizeLimit: return "size_limit";
    case route::RecordingEnd::Lost: return "lost";
  }
  return "unknown";
}

}  // namespace evener::gateway
