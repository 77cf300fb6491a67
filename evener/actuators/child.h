#pragma once
// Child: one program that was started here, with all that it starts in turn (its process group). It is told to end when the thread that
// started it ends, so it does not outlive a gateway that was killed. It knows nothing of what the program is for.

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "evener/core/result.h"

namespace evener::actuators {

struct ChildCommand {
  std::vector<std::string> words;                                // the program, found by PATH, and its arguments
  std::vector<std::pair<std::string, std::string>> environment;  // beside what this process has; these win
  std::string directory;                                         // empty = this process's
  int output = 2, errors = 2;                                    // descriptors of this process that become its output
};

/// For the thread that started it. The destructor kills what is left.
class Child {
 public:
  /// Returns when the program runs; the error says why it does not.
  [[nodiscard]] static Result<Child> start(const ChildCommand& command);
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)), succeeded_(other.succeeded_) {}
  Child& operator=(Child&&) = delete;
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// How it ended ("exit status 1", "signal 9"), once it has; the rest of its group is killed then.
  [[nodiscard]] std::optional<std::string> ended();
  /// Exit status 0; of one that has ended.
  [[nodiscard]] bool succeeded() const { return succeeded_; }
  /// Asks it to end, as a shell's kill does.
  void terminate() const;
  void kill() const;

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_ = 0;  // 0 = it has ended and was waited for
  bool succeeded_ = false;
};

}  // namespace evener::actuators
