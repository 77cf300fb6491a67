#include "evener/cli/demo/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace evener::cli::demo {
namespace {

constexpr std::size_t ColumnsMax = 400;

struct Size {
  std::size_t columns = 80, rows = 24;
};

Size terminal_size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {.columns = std::min<std::size_t>(size.ws_col, ColumnsMax), .rows = size.ws_row};
}

void write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return;  // a terminal that has gone cannot be told
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

bool can_redraw() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

TextStyle terminal_style() {
  const char* no_color = std::getenv("NO_COLOR");
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  return {.color = terminal && (no_color == nullptr || *no_color == '\0'),
          .unicode = is_utf8_locale(std::getenv("LC_ALL"), std::getenv("LC_CTYPE"), std::getenv("LANG")),
          .width = terminal ? terminal_size().columns : Size{}.columns};
}

bool is_utf8_locale(const char* lc_all, const char* lc_ctype, const char* lang) {
  for (const char* variable : {lc_all, lc_ctype, lang}) {
    if (variable == nullptr || *variable == '\0') continue;
    std::string name(variable);
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return name.find("utf-8") != std::string::npos || name.find("utf8") != std::string::npos;
  }
  return false;
}

std::string frame_bytes(std::span<const std::string> lines, std::size_t rows) {
  std::string bytes = "\x1b[H";
  const std::size_t shown = std::min(lines.size(), rows);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) bytes += "\r\n";
    // Cleared before and not after: behind a line as wide as the screen the cursor stands on its last character.
    bytes.append("\x1b[2K").append(lines[i]);
  }
  return shown < rows ? bytes += "\r\n\x1b[J" : bytes;
}

// The alternate screen without a cursor, and back.
LiveScreen::LiveScreen() { write_all("\x1b[?1049h\x1b[?25l\x1b[2J"); }
LiveScreen::~LiveScreen() { write_all("\x1b[?25h\x1b[?1049l"); }

void LiveScreen::draw(std::span<const std::string> lines) { write_all(frame_bytes(lines, terminal_size().rows)); }

}  // namespace evener::cli::demo
