#pragma once
// A line on a terminal that says how far a long run is, how fast it goes and how long it may still take. It goes to standard error, and only
// where that is a terminal that can be redrawn; it appears after a moment, so that short runs stay quiet.

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace evener::cli {

/// Not thread-safe. The line is gone when it is.
class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// So many of so many; a total of 0 = nobody knows.
  void show(std::size_t done, std::size_t total);
  /// Takes the line away so that something else can be printed; the next show() brings it back.
  void hide();

 private:
  std::chrono::steady_clock::time_point begin_, shown_{};
  bool terminal_ = false, colour_ = false, visible_ = false;
};

enum class Colour : bool { No, Yes };
/// "[#######.....] 58 of 100 runs, 12.1/s, 3.5 s left", in at most `columns` characters beside the colours.
[[nodiscard]] std::string progress_line(std::size_t done, std::size_t total, double elapsed_s, std::size_t columns, Colour colour);

}  // namespace evener::cli
