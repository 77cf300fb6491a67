#include "evener/cli/demo/styled_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace evener::cli::demo {
namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

std::string_view first_columns(std::string_view text, std::size_t columns) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (begins_character(text[i]) && ++seen > columns) return text.substr(0, i);
  }
  return text;
}

std::string_view escape_of(Ink ink) {
  switch (ink) {
    case Ink::Plain: return "";
    case Ink::Bold: return "\x1b[1m";
    case Ink::Dim: return "\x1b[2m";
    case Ink::Good: return "\x1b[32m";
    case Ink::Warn: return "\x1b[33m";
    case Ink::Bad: return "\x1b[31m";
    case Ink::Accent: return "\x1b[36m";
  }
  return "";
}

}  // namespace

std::size_t columns_of(std::string_view text) { return static_cast<std::size_t>(std::ranges::count_if(text, begins_character)); }

StyledLine& StyledLine::add(std::string_view text, Ink ink) {
  const std::string_view shown = first_columns(text, style_.width - std::min(style_.width, column_));
  if (shown.empty()) return *this;
  column_ += columns_of(shown);
  if (!style_.color || ink == Ink::Plain) {
    text_ += shown;
  } else {
    text_.append(escape_of(ink)).append(shown).append("\x1b[0m");
  }
  return *this;
}

StyledLine& StyledLine::add_right(std::string_view text, std::size_t width, Ink ink) {
  const std::size_t columns = columns_of(text);
  add(std::string(width - std::min(width, columns), ' '));
  return add(text, ink);
}

StyledLine& StyledLine::add_left(std::string_view text, std::size_t width, Ink ink) {
  const std::size_t columns = columns_of(text);
  add(text, ink);
  return add(std::string(width - std::min(width, columns), ' '));
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    if (!lines.empty() && columns_of(lines.back()) + 1 + columns_of(word) <= width) {
      lines.back().append(" ").append(word);
    } else {
      lines.emplace_back(word);
    }
  }
  return lines;
}

std::string bar(double cells, std::size_t width, const TextStyle& style) {
  const double filled = std::clamp(cells, 0.0, static_cast<double>(width));
  std::string out;
  if (!style.unicode) {
    out.append(static_cast<std::size_t>(std::lround(filled)), '#');
    return out;
  }
  static constexpr std::array<std::string_view, 8> Parts = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<std::size_t>(std::lround(filled * 8));
  for (std::size_t i = 0; i < eighths / 8; ++i) out += "█";
  return out.append(Parts[eighths % 8]);
}

std::string time_text(double seconds) {
  if (seconds < 0) return "-";
  if (seconds < 0.0995) return fmt::format("{:.1f} ms", seconds * 1000);
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1000);
  return fmt::format("{:.2f} s", seconds);
}

}  // namespace evener::cli::demo
