#pragma once
// For tests of what runs programs: waiting for conditions, and folders that go.

#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "evener/base/clock.h"

namespace evener::actuators::testing {

/// The first true value of the condition, looked at again and again for at most so long.
template <class Condition>
bool comes_true(Condition condition, Duration most = std::chrono::seconds(10)) {
  const Instant deadline = monotonic_now() + most;
  while (!condition()) {
    if (monotonic_now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "evener-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace evener::actuators::testing
