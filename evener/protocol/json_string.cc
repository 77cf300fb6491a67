#include "evener/protocol/json_string.h"

#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace evener::protocol {

namespace {

/// Goes on byte by byte; the end of a text, and all of it on other CPUs.
const char* scan_bytewise(const char* p, const char* end, StringTraits& traits) {
  bool high = false;
  for (; p != end && *p != '"'; ++p) {
    if (*p == '\\') {
      traits.escaped = true;
      if (++p == end) return nullptr;
    }
    const auto byte = static_cast<unsigned char>(*p);
    if (byte < 0x20) return nullptr;
    high |= byte >= 0x80;
  }
  traits.non_ascii |= high;
  return p == end ? nullptr : p;
}

// With bit 1 flipped the quote (0x22) comes down to 0x20, directly above the control characters, which stay among themselves, and no other
// byte gets there: blank becomes 0x22 and '!' 0x23. So one comparison finds both. The backslashes of a step are taken from its mask one after the
// other instead of beginning anew behind each: program text has one in thirty bytes, and Chinese written as \u4e2d one in six.

#if defined(__SSE2__)
constexpr int Passed = -1;  // the string goes on behind these bytes
constexpr int Bad = -2;

/// Looks at what a step of `Width` bytes at `p` has found: where the closing quote is, or one of the above. `over` is set if the last byte
/// escapes the first one of the next step.
template <int Width>
inline int take_hits(const char* p, unsigned hits, StringTraits& traits, bool& over) {
  while (hits != 0) {
    const int at = std::countr_zero(hits);
    if (p[at] == '"') return at;
    if (p[at] != '\\') return Bad;
    traits.escaped = true;
    if (at == Width - 1) {
      over = true;
      break;
    }
    if (static_cast<unsigned char>(p[at + 1]) < 0x20) return Bad;
    hits &= ~(3U << at);
  }
  return Passed;
}

/// The escaped character that a step left to the next one takes part in no comparison but that for control characters.
inline bool take_escaped(const char*& p, const char* end, StringTraits& traits, bool& over) {
  over = false;
  if (p == end || static_cast<unsigned char>(*p) < 0x20) return false;
  traits.non_ascii |= static_cast<unsigned char>(*p) >= 0x80;
  ++p;
  return true;
}

constexpr unsigned below(int bit) { return (1U << bit) - 1; }

const char* scan_sse2(const char* p, const char* end, StringTraits& traits) {
  __m128i all = _mm_setzero_si128();
  bool over = false;
  while (end - p >= 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i flipped = _mm_xor_si128(v, _mm_set1_epi8(2));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(flipped, _mm_set1_epi8(0x20)), flipped);
    const auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(low, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')))));
    if (hits != 0) {
      const int quote = take_hits<16>(p, hits, traits, over);
      if (quote == Bad) return nullptr;
      if (quote >= 0) {
        traits.non_ascii |= _mm_movemask_epi8(all) != 0 || (static_cast<unsigned>(_mm_movemask_epi8(v)) & below(quote)) != 0;
        return p + quote;
      }
    }
    all = _mm_or_si128(all, v);
    p += 16;
    if (over && !take_escaped(p, end, traits, over)) return nullptr;
  }
  traits.non_ascii |= _mm_movemask_epi8(all) != 0;
  return scan_bytewise(p, end, traits);
}

[[gnu::target("avx2")]] const char* scan_avx2(const char* p, const char* end, StringTraits& traits) {
  const __m256i two = _mm256_set1_epi8(2), limit = _mm256_set1_epi8(0x20), slash = _mm256_set1_epi8('\\');
  __m256i all = _mm256_setzero_si256();
  bool over = false;
  while (end - p >= 32) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    const __m256i flipped = _mm256_xor_si256(v, two);
    const __m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(flipped, limit), flipped);
    const auto hits = static_cast<unsigned>(_mm256_movemask_epi8(_mm256_or_si256(low, _mm256_cmpeq_epi8(v, slash))));
    if (hits != 0) {
      const int quote = take_hits<32>(p, hits, traits, over);
      if (quote == Bad) return nullptr;
      if (quote >= 0) {
        traits.non_ascii |= _mm256_movemask_epi8(all) != 0 || (static_cast<unsigned>(_mm256_movemask_epi8(v)) & below(quote)) != 0;
        return p + quote;
      }
    }
    all = _mm256_or_si256(all, v);
    p += 32;
    if (over && !take_escaped(p, end, traits, over)) return nullptr;
  }
  traits.non_ascii |= _mm256_movemask_epi8(all) != 0;
  return scan_sse2(p, end, traits);
}

const bool HasAvx2 = [] {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") != 0;
}();
#endif

}  // namespace

const char* end_of_long_string(const char* p, const char* end, StringTraits& traits) {
#if defined(__SSE2__)
  return HasAvx2 ? scan_avx2(p, end, traits) : scan_sse2(p, end, traits);
#else
  return scan_bytewise(p, end, traits);
#endif
}

}  // namespace evener::protocol
