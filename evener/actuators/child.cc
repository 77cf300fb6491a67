#include "evener/actuators/child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace evener::actuators {
namespace {

constexpr int LastPlainSignal = 31;

std::vector<std::string> environment_of(const ChildCommand& command) {
  std::vector<std::string> all;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view entry = *each;
    const bool replaced = std::any_of(command.environment.begin(), command.environment.end(), [&](const auto& own) {
      return entry.size() > own.first.size() && entry.starts_with(own.first) && entry[own.first.size()] == '=';
    });
    if (!replaced) all.emplace_back(entry);
  }
  for (const auto& [name, value] : command.environment) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));  // exec takes them so and changes nothing
  all.push_back(nullptr);
  return all;
}

/// In the new process, before the program: only what may be called between fork and exec in a program with threads. Gives the error.
int become(const ChildCommand& command, char* const* words, char* const* environment, pid_t parent) {
  ::setpgid(0, 0);
  // A parent that is killed cannot end its children. The kernel does it, if the parent has not ended before this line.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) return ESRCH;
  for (int number = 1; number <= LastPlainSignal; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing < 0 || ::dup2(nothing, STDIN_FILENO) < 0) return errno;
  // The second must not take the place of the first before that was copied.
  const int errors = ::fcntl(command.errors, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (errors < 0 || ::dup2(command.output, STDOUT_FILENO) < 0 || ::dup2(errors, STDERR_FILENO) < 0) return errno;
  if (::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) return errno;
  if (!command.directory.empty() && ::chdir(command.directory.c_str()) != 0) return errno;
  ::execvpe(words[0], words, environment);
  return errno;
}

/// What the child wrote before its program ran: nothing when it does run.
int read_error(int from) {
  int error = 0;
  ssize_t got = 0;
  do { got = ::read(from, &error, sizeof error); } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof error) ? error : 0;
}

std::string how(const siginfo_t& end) {
  return end.si_code == CLD_EXITED ? "exit status " + std::to_string(end.si_status) : "signal " + std::to_string(end.si_status);
}

}  // namespace

Result<Child> Child::start(const ChildCommand& command) {
  if (command.words.empty()) return fail("there is no program to start");
  const std::vector<std::string> environment_texts = environment_of(command);
  const std::vector<char*> words = pointers(command.words), environment = pointers(environment_texts);
  int told[2];
  if (::pipe2(told, O_CLOEXEC) != 0) return fail(std::string("pipe: ") + std::strerror(errno));
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int error = become(command, words.data(), environment.data(), parent);
    [[maybe_unused]] const ssize_t sent = ::write(told[1], &error, sizeof error);
    ::_exit(127);
  }
  const int fork_error = pid < 0 ? errno : 0;
  ::close(told[1]);
  const int error = pid < 0 ? fork_error : read_error(told[0]);
  ::close(told[0]);
  if (pid < 0) return fail(std::string("fork: ") + std::strerror(error), Fault::Us, MayRetry::Yes);
  if (error == 0) return Child(pid);
  ::waitpid(pid, nullptr, 0);
  return fail(command.words.front() + ": " + std::strerror(error));
}

std::optional<std::string> Child::ended() {
  siginfo_t end{};
  if (pid_ == 0 || ::waitid(P_PID, static_cast<id_t>(pid_), &end, WEXITED | WNOHANG | WNOWAIT) != 0 || end.si_pid == 0) return std::nullopt;
  kill();  // while its number still is that of its group
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
  succeeded_ = end.si_code == CLD_EXITED && end.si_status == 0;
  return how(end);
}

void Child::terminate() const {
  if (pid_ > 0) ::kill(-pid_, SIGTERM);
}

void Child::kill() const {
  if (pid_ > 0) ::kill(-pid_, SIGKILL);
}

Child::~Child() {
  if (pid_ == 0) return;
  kill();
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace evener::actuators
