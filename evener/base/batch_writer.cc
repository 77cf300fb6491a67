#include "evener/base/batch_writer.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace evener {
namespace {

constexpr std::size_t SpareBuffersMax = 8;  // emptied buffers kept for producers, so that handing over allocates nothing
constexpr std::size_t LineSlack = 4096;     // the last line may go this far beyond a full buffer before it grows

struct Batch {
  std::string bytes;
  std::uint64_t lines = 0;
};

std::uint64_t count_lines(std::string_view bytes) { return static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n')); }

}  // namespace

struct BatchWriter::State {
  State(std::unique_ptr<BatchSink> target, const BatchWriterSettings& limits) : sink(std::move(target)), settings(limits) {}

  const std::unique_ptr<BatchSink> sink;
  const BatchWriterSettings settings;

  mutable std::mutex mutex;
  std::condition_variable work;  // for the writer thread
  std::condition_variable idle;  // for drain()
  std::deque<Batch> pending;
  std::size_t pending_bytes = 0;  // of pending and of the batch being written
  std::uint64_t taken = 0;        // batches handed over
  std::uint64_t settled = 0;      // batches written or given up
  std::vector<std::string> spare;
  Stats stats;
  bool reopen_asked = false;
  bool stopping = false;

  std::uint32_t attempts_left = 0;  // while stopping; the writer thread's own
  std::thread thread;

  std::string spare_buffer() {  // with the mutex held
    if (spare.empty()) return {};
    std::string buffer = std::move(spare.back());
    spare.pop_back();
    return buffer;
  }

  bool take_reopen_request() {
    const std::lock_guard lock(mutex);
    return std::exchange(reopen_asked, false);
  }

  void open_anew() {
    if (sink->reopen()) return;
    const std::lock_guard lock(mutex);
    ++stats.reopen_errors;
  }

  // After a failed write: false when the writer is stopping and has tried often enough.
  bool bear(std::int64_t error) {
    {
      const std::lock_guard lock(mutex);
      if (error != -EAGAIN) ++stats.write_errors;
      if (stopping && attempts_left == 0) return false;
      if (stopping) --attempts_left;
    }
    sink->pause(settings.retry_pause);
    return true;
  }

  // Writes one batch. Returns the bytes that were written.
  std::size_t write_batch(std::string_view bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const bool at_line_start = done == 0 || bytes[done - 1] == '\n';
      if (at_line_start && take_reopen_request()) open_anew();
      std::string_view rest = bytes.substr(done);
      // In the middle of a line only that line is written, so that a waiting reopen cannot split one over two files.
      const std::size_t line_end = rest.find('\n');
      if (!at_line_start && line_end != std::string_view::npos) rest = rest.substr(0, line_end + 1);
      const std::int64_t taken_now = sink->write(rest);
      if (taken_now > 0) {
        done += static_cast<std::size_t>(taken_now);
      } else if (taken_now != -EINTR && !bear(taken_now)) {
        break;
      }
    }
    return done;
  }

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      work.wait(lock, [&] { return stopping || reopen_asked || !pending.empty(); });
      if (std::exchange(reopen_asked, false)) {
        lock.unlock();
        open_anew();
        lock.lock();
        continue;
      }
      if (pending.empty()) return;  // stopping, and nothing is left
      Batch batch = std::move(pending.front());
      pending.pop_front();
      lock.unlock();
      const std::size_t done = write_batch(batch.bytes);
      const std::uint64_t lines = done == batch.bytes.size() ? batch.lines : count_lines(std::string_view(batch.bytes).substr(0, done));
      lock.lock();
      stats.bytes_written += done;
      stats.lines_written += lines;
      stats.lines_dropped += batch.lines - lines;
      pending_bytes -= batch.bytes.size();
      ++settled;
      // A buffer that one giant line has blown up is not kept.
      if (spare.size() < SpareBuffersMax && batch.bytes.capacity() <= 2 * (settings.buffer_bytes + LineSlack)) {
        batch.bytes.clear();
        spare.push_back(std::move(batch.bytes));
      }
      idle.notify_all();
    }
  }
};

BatchWriter::BatchWriter(std::unique_ptr<BatchSink> sink, BatchWriterSettings settings)
    : state_(std::make_unique<State>(std::move(sink), settings)) {
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

BatchWriter::~BatchWriter() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->attempts_left = state_->settings.stop_attempts_max;
  }
  state_->work.notify_one();
  state_->thread.join();
}

void BatchWriter::reopen() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->reopen_asked = true;
  }
  state_->work.notify_one();
}

void BatchWriter::drain() {
  std::unique_lock lock(state_->mutex);
  const std::uint64_t goal = state_->taken;
  state_->idle.wait(lock, [&] { return state_->settled >= goal; });
}

BatchWriter::Stats BatchWriter::stats() const {
  const std::lock_guard lock(state_->mutex);
  return state_->stats;
}

BatchWriter::Producer::Producer(BatchWriter& writer)
    : writer_(writer), buffer_bytes_(writer.state_->settings.buffer_bytes), buffer_age_max_(writer.state_->settings.buffer_age_max) {}

void BatchWriter::Producer::flush() {
  if (lines_ == 0) return;
  State& state = *writer_.state_;
  {
    const std::lock_guard lock(state.mutex);
    if (state.pending_bytes + buffer_.size() > state.settings.pending_bytes_max) {
      state.stats.lines_dropped += lines_;
      lines_ = 0;
      buffer_.clear();
      return;
    }
    state.pending_bytes += buffer_.size();
    ++state.taken;
    state.pending.push_back(Batch{.bytes = std::move(buffer_), .lines = lines_});
    buffer_ = state.spare_buffer();
  }
  state.work.notify_one();
  lines_ = 0;
  // The first hand-overs of a producer pay for memory, those after it reuse what the writer has emptied.
  buffer_.reserve(buffer_bytes_ + LineSlack);
}

}  // namespace evener
