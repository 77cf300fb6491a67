#pragma once
// Recorder: the file of `evener serve --record`, with the events of all pools. It is bounded, and it has no hole: where something cannot be
// kept, the recording ends there and says so. Writing is the batch writer's; nobody waits for the disk.

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "evener/base/batch_writer.h"
#include "evener/core/result.h"
#include "evener/route/recorded_scheduler.h"
#include "evener/route/recording.h"

namespace evener::gateway {

/// Thread-safe. Outlives the pools that it gave sinks to.
class Recorder {
 public:
  static constexpr std::uint64_t BytesMaxDefault = std::uint64_t{4} << 30;
  static constexpr std::uint64_t BytesMaxLeast = std::uint64_t{1} << 20;

  /// A new file: one that has something in it already is not touched.
  [[nodiscard]] static Result<std::unique_ptr<Recorder>> open(const std::string& path, std::uint64_t bytes_max, std::string_view program);
  Recorder(std::unique_ptr<BatchSink> sink, std::uint64_t bytes_max, std::string_view program, BatchWriterSettings settings = {});
  /// The end is written, if there was none.
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// For one more pool.
  [[nodiscard]] std::unique_ptr<route::RecordingSink> pool_sink();

  struct Status {
    std::uint64_t bytes = 0, bytes_max = 0;
    std::optional<route::RecordingEnd> ended;
  };
  [[nodiscard]] Status status() const;

 private:
  class PoolSink;
  bool take(std::uint32_t pool, std::string_view payload);
  void append(std::string_view bytes);
  void end(route::RecordingEnd why);

  const std::uint64_t bytes_max_;
  BatchWriter writer_;
  mutable std::mutex mutex_;
  BatchWriter::Producer producer_;
  std::uint64_t bytes_ = 0;
  std::uint32_t pools_ = 0;
  std::optional<route::RecordingEnd> ended_;
};

[[nodiscard]] std::string_view recording_end_name(route::RecordingEnd end);  // "stopped", "size_limit", "lost"

}  // namespace evener::gateway
