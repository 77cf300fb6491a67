#pragma once
// BatchWriter: many threads append lines (the access log), one thread writes them. Each producing thread fills a buffer of its own without
// a lock; a full or old buffer is handed to the writer thread. A producer never waits for the disk: when more than a set number of bytes
// is waiting, whole buffers are dropped and their lines counted. A line is never cut nor mixed with another, whatever write() does.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "evener/core/result.h"
#include "evener/core/time.h"

namespace evener {

struct BatchWriterSettings {
  std::size_t buffer_bytes = 64U << 10;            // a producer's buffer is handed over when it holds this much ...
  Duration buffer_age_max = std::chrono::milliseconds(200);  // ... or when its first line is this old
  std::size_t pending_bytes_max = 16U << 20;       // handed over and not written yet; beyond it buffers are dropped
  Duration retry_pause = std::chrono::milliseconds(100);     // after an error of write()
  std::uint32_t stop_attempts_max = 20;            // failed writes that a stopping writer bears before it drops the rest
};

/// Where the bytes go. Only the writer thread calls it.
class BatchSink {
 public:
  virtual ~BatchSink() = default;
  /// As write(2): bytes taken (at least 1), or -errno. Never blocks longer than about a second; -EAGAIN means try again after a pause.
  virtual std::int64_t write(std::string_view bytes) = 0;
  /// Opens the target anew (after logrotate moved it). On failure the old one stays in use.
  [[nodiscard]] virtual bool reopen() = 0;
  /// Waits between attempts.
  virtual void pause(Duration length) = 0;
};

/// "-" is standard output, anything else a file that is appended to (made with mode 0640 when absent).
[[nodiscard]] Result<std::unique_ptr<BatchSink>> open_batch_sink(const std::string& path);

/// Thread-safe. Must outlive its producers. SIGPIPE has to be ignored by the program.
class BatchWriter {
 public:
  struct Stats {
    std::uint64_t lines_written = 0;
    std::uint64_t lines_dropped = 0;
    std::uint64_t bytes_written = 0;
    std::uint64_t write_errors = 0;   // failed calls of write(), other than EINTR and EAGAIN
    std::uint64_t reopen_errors = 0;
  };

  explicit BatchWriter(std::unique_ptr<BatchSink> sink, BatchWriterSettings settings = {});
  /// Writes what is pending (bounded by stop_attempts_max), then ends its thread.
  ~BatchWriter();
  BatchWriter(const BatchWriter&) = delete;
  BatchWriter& operator=(const BatchWriter&) = delete;

  /// Asks the writer thread to open the file anew before its next line.
  void reopen();
  /// Waits until everything handed over before the call was written; as long as the disk is full, if it is. For tests and tools.
  void drain();
  [[nodiscard]] Stats stats() const;

  /// One thread's end of the writer. Not thread-safe. Write whole lines with their '\n' into buffer(), then call line_done(). The reactor
  /// calls flush_if_older() once per turn, which costs a comparison.
  class Producer {
   public:
    explicit Producer(BatchWriter& writer);
    ~Producer() { flush(); }
    Producer(const Producer&) = delete;
    Producer& operator=(const Producer&) = delete;

    std::string& buffer() { return buffer_; }

    void line_done(Instant now) {
      if (lines_++ == 0) oldest_ = now;
      if (buffer_.size() >= buffer_bytes_) [[unlikely]] flush();
    }

    void flush_if_older(Instant now) {
      if (lines_ != 0 && now - oldest_ >= buffer_age_max_) [[unlikely]] flush();
    }

    /// Hands over what there is.
    void flush();

   private:
    BatchWriter& writer_;
    std::string buffer_;
    std::uint64_t lines_ = 0;
    Instant oldest_{};
    const std::size_t buffer_bytes_;
    const Duration buffer_age_max_;
  };

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace evener
