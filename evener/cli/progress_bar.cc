#include "evener/cli/progress_bar.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace evener::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto Quiet = std::chrono::milliseconds(700), Between = std::chrono::milliseconds(100);
constexpr std::size_t BarColumns = 30;

std::size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string time_text(double seconds) {
  const auto whole = static_cast<long>(seconds + .5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

}  // namespace

ProgressBar::ProgressBar() : begin_(Clock::now()) {
  const char* term = std::getenv("TERM");
  const char* no_color = std::getenv("NO_COLOR");
  terminal_ = ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
  colour_ = no_color == nullptr || *no_color == '\0';
}

ProgressBar::~ProgressBar() { hide(); }

void ProgressBar::show(std::size_t done, std::size_t total) {
  const auto now = Clock::now();
  if (!terminal_ || now - begin_ < Quiet || now - shown_ < Between) return;
  shown_ = now;
  visible_ = true;
  const double elapsed_s = std::chrono::duration<double>(now - begin_).count();
  fmt::print(stderr, "\r{}\x1b[K", progress_line(done, total, elapsed_s, terminal_columns() - 1, colour_ ? Colour::Yes : Colour::No));
  std::fflush(stderr);
}

void ProgressBar::hide() {
  if (visible_) std::fputs("\r\x1b[K", stderr);
  visible_ = false;
}

std::string progress_line(std::size_t done, std::size_t total, double elapsed_s, std::size_t columns, Colour colour) {
  const double rate = elapsed_s > 0 ? static_cast<double>(done) / elapsed_s : 0;
  const std::string speed = rate >= 10 ? fmt::format("{:.0f}/s", rate) : fmt::format("{:.2g}/s", rate);
  if (total == 0) return fmt::format("{} runs, {}", done, speed).substr(0, columns);
  std::string text = fmt::format(" {} of {} runs, {}", done, total, speed);
  if (rate > 0 && done < total) text += fmt::format(", {} left", time_text(static_cast<double>(total - done) / rate));
  if (columns < text.size() + 8) return text.substr(1, columns);
  const std::size_t width = std::min(BarColumns, columns - text.size() - 2);
  const std::size_t full = std::min(done, total) * width / total;
  const bool coloured = colour == Colour::Yes;
  return fmt::format("[{}{}{}{}]{}", coloured ? "\x1b[32m" : "", std::string(full, '#'), coloured ? "\x1b[0m" : "",
                     std::string(width - full, '.'), text);
}

}  // namespace evener::cli
