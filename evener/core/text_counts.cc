#include "evener/core/text_counts.h"

#include <algorithm>
#include <cstring>

namespace evener {

namespace {

// Counts of all classes in one word, eight bits each, so that a byte costs one load and one addition whatever it is. A window cannot overflow it.
static_assert(TextWindow < 256 && TextCompleteMax < 256 && TextClasses == 8);
using Lanes = std::uint64_t;

constexpr Lanes one(TextClass text_class) { return Lanes{1} << (8 * static_cast<unsigned>(text_class)); }

constexpr TextClass class_of_ascii(unsigned c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return TextClass::Letter;
  if (c >= '0' && c <= '9') return TextClass::Digit;
  return c == ' ' ? TextClass::Space : TextClass::Symbol;
}

/// Bytes of UTF-8 that begin a character count as it, those that continue one as nothing.
constexpr auto LanesOfByte = [] {
  std::array<Lanes, 256> table{};
  for (unsigned c = 0; c < 0x80; ++c) table[c] = one(class_of_ascii(c));
  for (unsigned c = 0xc2; c <= 0xf4; ++c) {
    TextClass text_class = TextClass::Other;
    if (c <= 0xcd) {
      text_class = TextClass::Latin;
    } else if (c <= 0xd3) {
      text_class = TextClass::Cyrillic;
    } else if ((c >= 0xe3 && c <= 0xed) || c == 0xef) {
      text_class = TextClass::Cjk;
    }
    table[c] = one(text_class);
  }
  return table;
}();

/// The class of a UTF-16 unit behind \u; the same borders as above. Nothing for the second half of a pair.
constexpr Lanes lanes_of_unit(unsigned unit) {
  if (unit < 0x80) return one(TextClass::Symbol);
  if (unit < 0x370) return one(TextClass::Latin);
  if (unit < 0x530) return one(TextClass::Cyrillic);
  if (unit >= 0xdc00 && unit < 0xe000) return 0;
  if ((unit >= 0x3000 && unit < 0xd800) || unit >= 0xf000) return one(TextClass::Cjk);
  return one(TextClass::Other);
}

unsigned hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a' + 10) & 15U;
}

struct Counted {
  Lanes lanes = 0;
  std::size_t bytes = 0;  // that they stand for
};

constexpr std::size_t UnitBytes = 6;  // \u4e2d

/// Corrects the count of a window that has backslashes: a unit in hexadecimal is one character, and so is every other escape.
void mend_escapes(std::string_view text, std::size_t begin, std::size_t end, Counted& counted) {
  for (std::size_t at = begin; at < end;) {
    const void* const found = std::memchr(text.data() + at, '\\', end - at);
    if (found == nullptr) return;
    at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    if (at + 1 >= text.size()) return;
    if (text[at + 1] != 'u' || at + UnitBytes > text.size()) {
      if (at + 1 < end) counted.lanes -= LanesOfByte[static_cast<unsigned char>(text[at + 1])];
      at += 2;
      continue;
    }
    unsigned unit = 0;
    for (std::size_t i = 2; i < UnitBytes; ++i) unit = unit << 4 | hex_value(text[at + i]);
    for (std::size_t i = at; i < std::min(at + UnitBytes, end); ++i) counted.lanes -= LanesOfByte[static_cast<unsigned char>(text[i])];
    counted.lanes += lanes_of_unit(unit);
    at += UnitBytes;
    if (at > end) counted.bytes += at - end;
  }
}

Counted count_window(std::string_view text, std::size_t begin, std::size_t end) {
  // One that starts inside of \u4e2d would take its rest for letters and digits.
  for (std::size_t back = 1; back < UnitBytes && back <= begin; ++back) {
    if (text[begin - back] != '\\') continue;
    if (text[begin - back + 1] == 'u') begin = std::min(begin - back + UnitBytes, end);
    break;
  }
  Counted counted{.lanes = 0, .bytes = end - begin};
  for (std::size_t i = begin; i < end; ++i) counted.lanes += LanesOfByte[static_cast<unsigned char>(text[i])];
  if ((counted.lanes >> (8 * static_cast<unsigned>(TextClass::Symbol)) & 0xff) != 0) mend_escapes(text, begin, end, counted);
  return counted;
}

using Sums = std::array<std::int32_t, TextClasses>;  // signed, for which SSE2 has a conversion to float

void add_lanes(Sums& sums, Lanes lanes) {
  for (std::size_t i = 0; i < TextClasses; ++i) sums[i] += static_cast<std::int32_t>(lanes >> (8 * i) & 0xff);
}

}  // namespace

void count_text(std::string_view text, TextCounts& counts) {
  Sums sums{};
  std::size_t bytes = 0;
  if (text.size() <= TextCompleteMax) {
    add_lanes(sums, count_window(text, 0, text.size()).lanes);
    for (std::size_t i = 0; i < TextClasses; ++i) counts.chars[i] += static_cast<float>(sums[i]);
    return;
  }
  const std::size_t distance = std::max(TextWindowDistance, (text.size() + TextWindowsMax - 1) / TextWindowsMax);
  for (std::size_t i = 0; i * distance < text.size(); ++i) {
    // Moved about, so that a text that repeats itself at the windows' distance is seen at all its places.
    const std::size_t begin = i * distance + i * 61 % (distance - TextWindow);
    if (begin >= text.size()) break;
    const Counted counted = count_window(text, begin, std::min(begin + TextWindow, text.size()));
    add_lanes(sums, counted.lanes);
    bytes += counted.bytes;
  }
  const float scale = static_cast<float>(text.size()) / static_cast<float>(std::max<std::size_t>(bytes, 1));
  for (std::size_t i = 0; i < TextClasses; ++i) counts.chars[i] += scale * static_cast<float>(sums[i]);
}

}  // namespace evener
