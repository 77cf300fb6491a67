#pragma once
// The terminal on standard output: what it can show, how large it is, and a screen of its own for the live view that gives the old one
// back when it ends.

#include <cstddef>
#include <span>
#include <string>

#include "evener/cli/demo/styled_text.h"

namespace evener::cli::demo {

/// A terminal that can be redrawn: not a file or a pipe, not TERM=dumb.
[[nodiscard]] bool can_redraw();
/// Asked anew for every frame, because windows change their size. NO_COLOR and the locale are honoured; without a terminal 80 columns.
[[nodiscard]] TextStyle terminal_style();

/// Not thread-safe.
class LiveScreen {
 public:
  LiveScreen();
  ~LiveScreen();
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;

  /// Replaces what is shown; lines below the last row are left out.
  void draw(std::span<const std::string> lines);
};

/// The bytes of one frame on a screen of so many rows: each line is cleared and written anew, not the whole screen, so that nothing
/// flickers.
[[nodiscard]] std::string frame_bytes(std::span<const std::string> lines, std::size_t rows);

/// For the variables LC_ALL, LC_CTYPE and LANG, in this order; null = not set. The first that is set and not empty decides.
[[nodiscard]] bool is_utf8_locale(const char* lc_all, const char* lc_ctype, const char* lang);

}  // namespace evener::cli::demo
