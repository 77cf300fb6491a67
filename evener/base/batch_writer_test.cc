#include "evener/base/batch_writer.h"

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace evener {
namespace {

using std::chrono::milliseconds;

Instant at(int ms) { return Instant(milliseconds(ms)); }

// What the fake disk has seen; shared by the test and the writer thread.
struct Disk {
  std::mutex mutex;
  std::condition_variable opened;
  std::vector<std::string> files = {""};  // one per (re)open
  std::deque<std::int64_t> answers;       // scripted: at most so many bytes, or -errno; then everything is taken
  int pauses = 0;
  bool gate_closed = false;               // write() waits while it is
  bool reopen_works = true;
  bool dead = false;                      // every write() is ENOSPC
  int writes = 0;
  std::function<void(int)> after_write;   // told the number of writes so far; set before the first

  void open_gate() {
    const std::lock_guard lock(mutex);
    gate_closed = false;
    opened.notify_all();
  }
};

class FakeSink final : public BatchSink {
 public:
  explicit FakeSink(Disk& disk) : disk_(disk) {}

  std::int64_t write(std::string_view bytes) override {
    std::unique_lock lock(disk_.mutex);
    disk_.opened.wait(lock, [&] { return !disk_.gate_closed; });
    if (disk_.dead) return -ENOSPC;
    if (!disk_.answers.empty()) {
      const std::int64_t answer = disk_.answers.front();
      disk_.answers.pop_front();
      if (answer < 0) return answer;
      bytes = bytes.substr(0, static_cast<std::size_t>(answer));
    }
    disk_.files.back() += bytes;
    const int writes = ++disk_.writes;
    lock.unlock();
    if (disk_.after_write) disk_.after_write(writes);
    return static_cast<std::int64_t>(bytes.size());
  }
  bool reopen() override {
    const std::lock_guard lock(disk_.mutex);
    if (disk_.reopen_works) disk_.files.emplace_back();
    return disk_.reopen_works;
  }
  void pause(Duration) override {
    const std::lock_guard lock(disk_.mutex);
    ++disk_.pauses;
  }

 private:
  Disk& disk_;
};

void put(BatchWriter::Producer& producer, std::string_view line, Instant now = at(0)) {
  producer.buffer() += line;
  producer.buffer() += '\n';
  producer.line_done(now);
}

TEST_CASE("lines arrive whole and in the order of their producer") {
  Disk disk;
  BatchWriter writer(std::make_unique<FakeSink>(disk));
  BatchWriter::Producer producer(writer);
  put(producer, "one");
  put(producer, "two");
  producer.flush();
  put(producer, "three");
  producer.flush();
  writer.drain();
  CHECK(disk.files.back() == "one\ntwo\nthree\n");
  CHECK(writer.stats().lines_written == 3);
  CHECK(writer.stats().bytes_written == 14);
  CHECK(writer.stats().lines_dropped == 0);
}

TEST_CASE("a buffer is handed over when it is full") {
  Disk disk;
  BatchWriter writer(std::make_unique<FakeSink>(disk), {.buffer_bytes = 10});
  BatchWriter::Producer producer(writer);
  put(producer, "12345678");  // nine bytes with the line end
  CHECK(producer.buffer().size() == 9);
  put(producer, "");
  CHECK(producer.buffer().empty());
  writer.drain();
  CHECK(disk.files.back() == "12345678\n\n");
}

TEST_CASE("a line waits no longer than the age limit, counted from the first line of its buffer") {
  Disk disk;
  BatchWriter writer(std::make_unique<FakeSink>(disk), {.buffer_age_max = milliseconds(200)});
  BatchWriter::Producer producer(writer);
  producer.flush_if_older(at(1000));  // nothing to flush
  put(producer, "a", at(1000));
  put(producer, "b", at(1150));
  producer.flush_if_older(at(1199));
  CHECK(producer.buffer() == "a\nb\n");
  producer.flush_if_older(at(1200));
  CHECK(producer.buffer().empty());
  writer.drain();
  CHECK(disk.files.back() == "a\nb\n");
}

TEST_CASE("a producer hands its last lines over when it goes") {
  Disk disk;
  BatchWriter writer(std::make_unique<FakeSink>(disk));
  { BatchWriter::Producer producer(writer); put(producer, "last"); }
  writer.drain();
  CHECK(disk.files.back() == "last\n");
}

TEST_CASE("short writes, interrupts and errors cut no line") {
  Disk disk;
  disk.answers = {2, -EINTR, 1, -EIO, -ENOSPC, 4, -EAGAIN, 1};
  BatchWriter writer(std::make_unique<FakeSink>(disk));
  BatchWriter::Producer producer(writer);
  put(producer, "alpha");
  put(producer, "beta");
  producer.flush();
  writer.drain();
  CHECK(disk.files.back() == "alpha\nbeta\n");
  CHECK(writer.stats().write_errors == 2);  // EIO and ENOSPC; interrupts and full pipes are no errors
  CHECK(disk.pauses == 3);                  // EIO, ENOSPC, EAGAIN
  CHECK(writer.stats().lines_written == 2);
}

TEST_CASE("beyond the pending limit whole buffers are dropped and their lines counted") {
  Disk disk;
  disk.gate_closed = true;
  BatchWriter writer(std::make_unique<FakeSink>(disk), {.pending_bytes_max = 11});
  BatchWriter::Producer producer(writer);
  for (const char* line : {"first", "second", "third"}) {
    put(producer, line);
    producer.flush();
  }
  put(producer, "4");
  put(producer, "5");
  producer.flush();  // 6 + 4 bytes fit, while "second" and "third" did not
  disk.open_gate();
  writer.drain();
  CHECK(disk.files.back() == "first\n4\n5\n");
  CHECK(writer.stats().lines_dropped == 2);
  CHECK(writer.stats().lines_written == 3);
}

TEST_CASE("reopening sends the following lines to the new file") {
  Disk disk;
  BatchWriter writer(std::make_unique<FakeSink>(disk));
  BatchWriter::Producer producer(writer);
  put(producer, "old");
  producer.flush();
  writer.drain();
  writer.reopen();
  put(producer, "new");
  producer.flush();
  writer.drain();
  CHECK(disk.files == std::vector<std::string>{"old\n", "new\n"});
}

TEST_CASE("a line that is half written when reopen is asked ends in its own file") {
  Disk disk;
  disk.answers = {3, 1};
  BatchWriter writer(std::make_unique<FakeSink>(disk));
  disk.after_write = [&](int writes) {
    if (writes == 1) writer.reopen();
  };
  BatchWriter::Producer producer(writer);
  put(producer, "half");
  put(producer, "next");
  producer.flush();
  writer.drain();
  CHECK(disk.files == std::vector<std::string>{"half\n", "next\n"});
}

TEST_CASE("when reopening fails the old file stays in use and the failure is counted") {
  Disk disk;
  disk.reopen_works = false;
  BatchWriter writer(std::make_unique<FakeSink>(disk));
  BatchWriter::Producer producer(writer);
  writer.reopen();
  put(producer, "kept");
  producer.flush();
  writer.drain();
  // The request is served before or after that line, but before the writer takes another batch.
  put(producer, "too");
  producer.flush();
  writer.drain();
  CHECK(disk.files == std::vector<std::string>{"kept\ntoo\n"});
  CHECK(writer.stats().reopen_errors == 1);
}

TEST_CASE("a stopping writer gives up on a dead disk after its attempts") {
  Disk disk;
  disk.dead = true;
  {
    BatchWriter writer(std::make_unique<FakeSink>(disk), {.stop_attempts_max = 5});
    BatchWriter::Producer producer(writer);
    for (int i = 0; i < 3; ++i) {
      put(producer, "lost");
      producer.flush();
    }
  }  // would never return if it insisted, for one buffer or for each
  CHECK(disk.files.back().empty());
}

TEST_CASE("many producers mix whole lines only, and none is lost") {
  Disk disk;
  constexpr int threads = 4;
  constexpr int lines = 2000;
  BatchWriter writer(std::make_unique<FakeSink>(disk), {.buffer_bytes = 100});
  std::vector<std::thread> producers;
  for (int t = 0; t < threads; ++t) {
    producers.emplace_back([&writer, t] {
      BatchWriter::Producer producer(writer);
      for (int i = 0; i < lines; ++i) put(producer, std::to_string(t) + " " + std::to_string(i));
    });
  }
  for (std::thread& producer : producers) producer.join();
  writer.drain();
  std::map<int, int> next;  // per producer
  std::istringstream all(disk.files.back());
  int t = 0;
  int i = 0;
  bool in_order = true;
  while (all >> t >> i) in_order = in_order && i == next[t]++;
  CHECK(in_order);
  CHECK(next == std::map<int, int>{{0, lines}, {1, lines}, {2, lines}, {3, lines}});
  CHECK(writer.stats().lines_written == threads * lines);
}

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

TEST_CASE("a real file is appended to, follows a rotation, and is not readable by everybody") {
  char folder[] = "/tmp/evener-batch-XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  const std::string path = std::string(folder) + "/access.log";
  {
    auto sink = open_batch_sink(path);
    REQUIRE(sink.has_value());
    BatchWriter writer(std::move(*sink));
    BatchWriter::Producer producer(writer);
    put(producer, "before");
    producer.flush();
    writer.drain();
    REQUIRE(std::rename(path.c_str(), (path + ".1").c_str()) == 0);
    writer.reopen();
    put(producer, "after");
  }
  CHECK(contents(path + ".1") == "before\n");
  CHECK(contents(path) == "after\n");
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07U) == 0);
  std::remove(path.c_str());
  std::remove((path + ".1").c_str());
  ::rmdir(folder);
}

TEST_CASE("a log file that cannot be opened is an error that names it") {
  const auto sink = open_batch_sink("/proc/no/such/folder/access.log");
  REQUIRE(!sink.has_value());
  CHECK(sink.error().message.find("/proc/no/such/folder/access.log") != std::string::npos);
}

TEST_CASE("a pipe whose reader has stopped reading is a wait, not a block") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const int saved = ::dup(STDOUT_FILENO);
  std::fflush(stdout);
  REQUIRE(::dup2(ends[1], STDOUT_FILENO) >= 0);
  auto sink = open_batch_sink("-");
  REQUIRE(sink.has_value());
  const std::string line = std::string(999, 'x') + "\n";
  std::string lines;
  for (int i = 0; i < 10; ++i) lines += line;
  bool whole_lines = true;
  std::int64_t taken = 1;
  while (taken > 0) {
    taken = (*sink)->write(lines);
    if (taken > 0) whole_lines = whole_lines && taken % 1000 == 0;
  }
  ::dup2(saved, STDOUT_FILENO);
  ::close(saved);
  ::close(ends[0]);
  ::close(ends[1]);
  CHECK(taken == -EAGAIN);
  CHECK(whole_lines);
}

}  // namespace
}  // namespace evener
