#include "evener/base/log.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "evener/base/clock.h"
#include "evener/base/json_writer.h"
#include "evener/base/utc_time.h"

namespace evener::log {
namespace {

constexpr std::size_t TextEventWidth = 32;  // fields begin in one column where the event is short

std::string_view cut(std::string_view text) {
  if (text.size() <= TextBytesMax) return text;
  std::size_t end = TextBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;  // not inside a character
  return text.substr(0, end);
}

std::string_view colour(Level level) {
  switch (level) {
    case Level::Debug: return "\x1b[2m";
    case Level::Info: return "\x1b[32m";
    case Level::Warn: return "\x1b[33m";
    case Level::Error: return "\x1b[31m";
  }
  return "";
}

// Quoted and escaped where it could be misread or could steer the terminal.
void append_text_value(std::string& out, const Value& value) {
  const auto* text = std::get_if<std::string_view>(&value.get());
  if (text == nullptr) {
    JsonWriter json(out);
    std::visit([&](auto v) { json.value(v); }, value.get());
    return;
  }
  bool plain = !text->empty() && text->size() <= TextBytesMax;
  for (const char c : *text) plain = plain && c > ' ' && c < 0x7F && c != '"' && c != '\\' && c != '=';
  if (plain) {
    out += *text;
  } else {
    append_json_string(out, cut(*text));
  }
}

struct Global {
  std::mutex mutex;
  LineSink sink{STDERR_FILENO};
  std::string line;
  std::uint64_t dropped = 0;
  Format format = default_format();

  static Format default_format() {
    if (::isatty(STDERR_FILENO) == 0) return Format::Json;
    const char* no_colour = std::getenv("NO_COLOR");
    return no_colour != nullptr && *no_colour != 0 ? Format::Text : Format::ColouredText;
  }
};

Global& global() {
  static Global* const instance = new Global;  // never destroyed: threads may log until the process is gone
  return *instance;
}

std::atomic<Level> lowest_level{Level::Info};

}  // namespace

std::string_view level_name(Level level) {
  switch (level) {
    case Level::Debug: return "debug";
    case Level::Info: return "info";
    case Level::Warn: return "warn";
    case Level::Error: return "error";
  }
  return "unknown";
}

void append_line(std::string& out, Format format, std::int64_t wall_ns, Level level, std::string_view event, Fields fields) {
  UtcTimeText buffer;
  const std::string_view time = utc_time(wall_ns, buffer);
  if (format == Format::Json) {
    JsonWriter json(out);
    json.begin_object().member("time", time).member("level", level_name(level)).member("event", cut(event));
    for (const Field& field : fields) {
      json.key(field.key);
      if (const auto* text = std::get_if<std::string_view>(&field.value.get())) {
        json.value(cut(*text));
      } else {
        std::visit([&](auto v) { json.value(v); }, field.value.get());
      }
    }
    json.end_object();
    out += '\n';
    return;
  }
  out += time;
  const bool coloured = format == Format::ColouredText;
  out += ' ';
  if (coloured) out += colour(level);
  const std::string_view name = level_name(level);
  out.append(name).append(5 - name.size(), ' ');
  if (coloured) out += "\x1b[0m";
  out += ' ';
  const std::size_t event_begin = out.size();
  for (const char c : cut(event)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  const std::size_t event_width = out.size() - event_begin;
  if (fields.size() > 0 && event_width < TextEventWidth) out.append(TextEventWidth - event_width, ' ');
  for (const Field& field : fields) {
    out += ' ';
    if (coloured) out += "\x1b[2m";
    out.append(field.key).append("=");
    if (coloured) out += "\x1b[0m";
    append_text_value(out, field.value);
  }
  out += '\n';
}

void write(Level level, std::string_view event, Fields fields) {
  if (!enabled(level)) return;
  const std::int64_t now = wall_clock_ns();
  Global& g = global();
  const std::lock_guard lock(g.mutex);
  g.line.clear();
  if (g.dropped > 0) {
    append_line(g.line, g.format, now, Level::Warn, "log lines dropped", {{"lines", g.dropped}});
    if (g.sink.put(g.line) == LineSink::Outcome::Written) g.dropped = 0;
    g.line.clear();
  }
  append_line(g.line, g.format, now, level, event, fields);
  if (g.sink.put(g.line) == LineSink::Outcome::Dropped) ++g.dropped;
}

LineSink::Outcome LineSink::put(std::string_view line) {
  const auto give_up = [&](std::string_view rest) {
    stuck_ = true;
    mid_line_ = mid_line_ || rest.size() < line.size();
    return Outcome::Dropped;
  };
  std::string_view rest = mid_line_ ? std::string_view("\n") : line;
  while (!rest.empty()) {
    // No more than PIPE_BUF bytes: poll promises room for those, so that the write does not block, and they are not mixed with others'.
    pollfd waiting{.fd = fd_, .events = POLLOUT, .revents = 0};
    const int ready = ::poll(&waiting, 1, stuck_ ? 0 : DropAfterMs);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return give_up(mid_line_ ? line : rest);
    const ssize_t taken = ::write(fd_, rest.data(), std::min<std::size_t>(rest.size(), PIPE_BUF));
    if (taken < 0 && errno == EINTR) continue;
    if (taken <= 0) return give_up(mid_line_ ? line : rest);
    rest.remove_prefix(static_cast<std::size_t>(taken));
    if (rest.empty() && std::exchange(mid_line_, false)) rest = line;
  }
  stuck_ = false;
  return Outcome::Written;
}

void set_level(Level level) { lowest_level.store(level, std::memory_order_relaxed); }
bool enabled(Level level) { return level >= lowest_level.load(std::memory_order_relaxed); }

void set_format(Format format) {
  Global& g = global();
  const std::lock_guard lock(g.mutex);
  g.format = format;
}

}  // namespace evener::log
