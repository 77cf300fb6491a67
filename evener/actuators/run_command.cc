#include "evener/actuators/run_command.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "evener/base/clock.h"

namespace evener::actuators {
namespace {

constexpr std::size_t ErrorBytesKept = 1024;
constexpr int BlocksPerTurn = 64;  // of one output, before the time is looked at: 1 MiB, the most that a pipe holds
constexpr int PollMs = 50;         // how late an end is noticed that closes no pipe
constexpr int ClosedPollMs = 2;    // with both closed it is about to end, or waits for nobody

/// One output of the program: read here without waiting.
class Pipe {
 public:
  Pipe() { opened_ = ::pipe2(ends_.data(), O_CLOEXEC) == 0 && ::fcntl(ends_[0], F_SETFL, O_NONBLOCK) == 0; }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    for (const int end : ends_) {
      if (end >= 0) ::close(end);
    }
  }
  [[nodiscard]] bool opened() const { return opened_; }
  [[nodiscard]] int reader() const { return ends_[0]; }
  [[nodiscard]] int writer() const { return ends_[1]; }
  void close_writer() {
    ::close(ends_[1]);
    ends_[1] = -1;
  }
  /// What is there, up to BlocksPerTurn; false at the end.
  template <class Keep>
  bool drain(Keep keep) {
    std::array<char, 16 * 1024> block;
    for (int blocks = 0; blocks < BlocksPerTurn; ++blocks) {
      const ssize_t got = ::read(ends_[0], block.data(), block.size());
      if (got > 0) {
        keep(std::string_view(block.data(), static_cast<std::size_t>(got)));
      } else if (got == 0) {
        return false;
      } else if (errno != EINTR) {
        return errno == EAGAIN;
      }
    }
    return true;
  }

 private:
  std::array<int, 2> ends_ = {-1, -1};
  bool opened_ = false;
};

}  // namespace

Result<CommandEnd> run_command(ChildCommand command, Duration most) {
  Pipe output, errors;
  if (!output.opened() || !errors.opened()) return fail(std::string("pipe: ") + std::strerror(errno), Fault::Us, MayRetry::Yes);
  command.output = output.writer();
  command.errors = errors.writer();
  auto child = Child::start(command);
  if (!child) return tl::unexpected(child.error());
  output.close_writer();
  errors.close_writer();

  CommandEnd end;
  const auto keep_output = [&](std::string_view block) {
    end.output += block.substr(0, OutputBytesMax - std::min(end.output.size(), OutputBytesMax));
  };
  const auto keep_errors = [&](std::string_view block) {
    end.errors += block;
    if (end.errors.size() > ErrorBytesKept) end.errors.erase(0, end.errors.size() - ErrorBytesKept);
  };
  const Instant deadline = monotonic_now() + most;
  // Its end counts, not that of its pipes: something it left in the background may hold those.
  std::optional<std::string> how;
  bool output_open = true, errors_open = true;
  while (!how) {
    if (monotonic_now() >= deadline) {
      child->kill();
      return fail(command.words.front() + " was killed: it took longer than " +
                      std::to_string(std::chrono::duration_cast<std::chrono::seconds>(most).count()) + " s",
                  Fault::Us, MayRetry::Yes);
    }
    // One that is closed would be ready again and again.
    std::array<pollfd, 2> readers = {pollfd{.fd = output_open ? output.reader() : -1, .events = POLLIN, .revents = 0},
                                     pollfd{.fd = errors_open ? errors.reader() : -1, .events = POLLIN, .revents = 0}};
    ::poll(readers.data(), readers.size(), output_open || errors_open ? PollMs : ClosedPollMs);
    how = child->ended();
    output_open = output_open && output.drain(keep_output);
    errors_open = errors_open && errors.drain(keep_errors);
  }
  end.how = *how;
  end.succeeded = child->succeeded();
  return end;
}

}  // namespace evener::actuators
