#pragma once
// The searches that every byte of a head goes through, 16 or 32 bytes at a step on x86-64 (SSE2 is part of its base) and one by one elsewhere.
// Nothing here reads outside [p, end).

#include <bit>
#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace evener::net::http1 {

/// Control characters may not stand in values; a tab may.
constexpr bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

/// First control character other than tab, or end.
inline const char* find_control(const char* p, const char* end) {
#if defined(__SSE2__)
  if (end - p >= 16) {
    const char* const last = end - 16;
    do {
      // One more than a byte is less than 0x21, with signs, for control characters, for 0x7f and from 0x80 on.
      const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
      const auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmplt_epi8(_mm_add_epi8(v, _mm_set1_epi8(1)), _mm_set1_epi8(0x21))));
      if (hits != 0) {
        p += std::countr_zero(hits);
        if (is_control(*p)) return p;
        break;  // a tab or no ASCII, so there may be many of them: the rest byte by byte
      }
      p += 16;
    } while (p <= last);
  }
#endif
  while (p != end && !is_control(*p)) ++p;
  return p;
}

/// First CR or LF, or end.
inline const char* find_line_end(const char* p, const char* end) {
#if defined(__SSE2__)
  for (; end - p >= 16; p += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i cr = _mm_cmpeq_epi8(v, _mm_set1_epi8('\r'));
    const __m128i lf = _mm_cmpeq_epi8(v, _mm_set1_epi8('\n'));
    const auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(cr, lf)));
    if (hits != 0) return p + std::countr_zero(hits);
  }
#endif
  while (p != end && *p != '\r' && *p != '\n') ++p;
  return p;
}

/// Passes over whole lines and parts of them, 32 bytes at a step, as long as every CR has its LF, every LF its CR, and no line is empty. Stops in
/// front of the step where that is not so, or where fewer than 34 bytes are left.
inline const char* skip_good_lines(const char* p, const char* end) {
#if defined(__SSE2__)
  if (end - p < 34) return p;
  const char* const last = end - 34;
  const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n');
  const auto odd = [cr, lf](const char* at) {
    const auto is = [at](int offset, __m128i c) { return _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at + offset)), c); };
    const __m128i here = is(0, cr);
    return _mm_or_si128(_mm_xor_si128(here, is(1, lf)), _mm_and_si128(here, is(2, cr)));
  };
  do {
    if (_mm_movemask_epi8(_mm_or_si128(odd(p), odd(p + 16))) != 0) return p;
    p += 32;
  } while (p <= last);
#else
  static_cast<void>(end);
#endif
  return p;
}

/// First byte that may not stand in a request target, or end: visible ASCII may, without what is never legal in a URI and read differently by
/// different servers: a fragment, quotes, angle brackets, and the backslash, which some take for '/'. The rest of RFC 3986's exclusions
/// ({}|^`) only ever reach an endpoint as data.
constexpr bool is_target_char(char c) { return c > 0x20 && c < 0x7f && c != '#' && c != '"' && c != '<' && c != '>' && c != '\\'; }

inline const char* find_target_end(const char* p, const char* end) {
#if defined(__SSE2__)
  for (; end - p >= 16; p += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const auto is = [v](char c) { return _mm_cmpeq_epi8(v, _mm_set1_epi8(c)); };
    const __m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8(0x21));  // signed, and so from 0x80 on as well
    const __m128i angles = _mm_cmpeq_epi8(_mm_or_si128(v, _mm_set1_epi8(2)), _mm_set1_epi8('>'));
    const __m128i hash = _mm_or_si128(is('#'), is('"'));
    const auto hits = static_cast<unsigned>(
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(low, angles), _mm_or_si128(hash, _mm_or_si128(is('\\'), is(0x7f))))));
    if (hits != 0) return p + std::countr_zero(hits);
  }
#endif
  while (p != end && is_target_char(*p)) ++p;
  return p;
}

/// How many of the first 16 bytes are letters, digits or '-', the characters of all header names in common use. On the way their lower case
/// is written to `folded` (16 bytes). Needs 16 readable bytes.
inline unsigned fold_plain_name(const char* p, char* folded) {
#if defined(__SSE2__)
  const auto at_most = [](__m128i v, char limit) { return _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(limit)), v); };
  const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m128i lower = _mm_or_si128(v, _mm_set1_epi8(0x20));  // leaves digits and '-' as they are
  const __m128i letter = at_most(_mm_sub_epi8(lower, _mm_set1_epi8('a')), 25);
  const __m128i digit = at_most(_mm_sub_epi8(v, _mm_set1_epi8('0')), 9);
  const __m128i dash = _mm_cmpeq_epi8(v, _mm_set1_epi8('-'));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(folded), lower);
  const auto plain = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(letter, digit), dash)));
  return static_cast<unsigned>(std::countr_zero(~plain | 0x10000U));
#else
  for (unsigned i = 0; i < 16; ++i) {
    const auto lower = static_cast<unsigned char>(static_cast<unsigned char>(p[i]) | 0x20U);
    const bool letter = lower >= 'a' && lower <= 'z';
    const bool digit = p[i] >= '0' && p[i] <= '9';
    if (!letter && !digit && p[i] != '-') return i;
    folded[i] = static_cast<char>(lower);
  }
  return 16;
#endif
}

}  // namespace evener::net::http1
