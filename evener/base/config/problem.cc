#include "evener/base/config/problem.h"

#include <algorithm>

#include "evener/base/utf8.h"

namespace evener::config {
namespace {

constexpr std::size_t SourceLineBytesMax = 200;
constexpr std::size_t WordBytesMax = 64;  // longer keys are nobody's typing errors

std::string line_of(std::string_view text, std::uint32_t number) {
  std::size_t begin = 0;
  for (std::uint32_t line = 1; line < number; ++line) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) return {};
    begin = end + 1;
  }
  std::string_view line = text.substr(begin, text.find('\n', begin) - begin);
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::string out;
  append_valid_utf8(out, line.substr(0, SourceLineBytesMax));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t') c = '?';  // the terminal is not for the file to steer
  }
  return out;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Optimal string alignment distance: Levenshtein plus swaps of neighbours.
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1])) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string one_line(const ConfigError& error) {
  std::string out = error.file;
  if (error.line > 0) out += ':' + std::to_string(error.line) + ':' + std::to_string(error.column);
  return out + ": " + error.message;
}

std::string with_caret(const ConfigError& error) {
  std::string out = one_line(error) + '\n';
  if (error.line == 0 || error.source_line.empty()) return out;
  const std::string number = std::to_string(error.line);
  out += "  " + number + " | " + error.source_line + '\n';
  if (error.column > error.source_line.size() + 1) return out;
  out += "  " + std::string(number.size(), ' ') + " | ";
  for (std::size_t i = 0; i + 1 < error.column; ++i) {
    const char c = error.source_line[i];
    if (c == '\t') {
      out += '\t';
    } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80) {  // one place per character, not per byte
      out += ' ';
    }
  }
  return out + "^\n";
}

void Problems::add(Mark mark, const Path& path, std::string message) {
  if (errors_.size() >= ErrorsMax) {
    ++more_;
    return;
  }
  const auto place = std::upper_bound(errors_.begin(), errors_.end(), mark, [](const Mark& a, const ConfigError& b) {
    return a.line != b.line ? a.line < b.line : a.column < b.column;
  });
  errors_.insert(place, {.file = file_,
                         .line = mark.line,
                         .column = mark.column,
                         .path = path.text(),
                         .message = std::move(message),
                         .source_line = mark.line > 0 ? line_of(text_, mark.line) : std::string()});
}

bool Problems::has(const Path& path) const {
  const std::string text = path.text();
  return std::any_of(errors_.begin(), errors_.end(), [&](const ConfigError& error) { return error.path == text; });
}

std::vector<ConfigError> Problems::take() {
  if (more_ > 0) {
    errors_.push_back({.file = file_, .line = 0, .column = 0, .path = {}, .message = std::to_string(more_) + " more problems are not shown", .source_line = {}});
    more_ = 0;
  }
  return std::move(errors_);
}

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.size() > WordBytesMax) return {};
  const std::size_t allowed = std::max<std::size_t>(1, std::min<std::size_t>(3, word.size() / 3));
  std::string_view best;
  std::size_t best_edits = allowed + 1;
  bool tie = false;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edits(word, candidate);
    if (distance < best_edits) {
      best = candidate;
      best_edits = distance;
      tie = false;
    } else if (distance == best_edits) {
      tie = true;
    }
  }
  return tie || best_edits > allowed ? std::string_view() : best;
}

}  // namespace evener::config
