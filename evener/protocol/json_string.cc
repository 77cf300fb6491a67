#include "evener/protocol/json_string.h"

#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace evener::protocol {

namespace {

/// Whether bytes from 0x80 on stop the search. They do until the first one of a string was seen: ASCII is what most texts are, and for it
/// one comparison finds them together with quotes and control characters.
enum class High : std::uint8_t { Stops, Passes };

constexpr bool is_special(char c, High high) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == '"' || byte == '\\' || (high == High::Stops && byte >= 0x80);
}

template <High Rule>
const char* find_special_bytewise(const char* p, const char* end) {
  while (p != end && !is_special(*p, Rule)) ++p;
  return p;
}

// With bit 1 flipped the quote (0x22) comes down to 0x20, directly above the control characters, which stay among themselves, and no other
// byte gets there: blank becomes 0x22 and '!' 0x23. So one comparison finds both.

#if defined(__SSE2__)
template <High Rule>
const char* find_special_sse2(const char* p, const char* end) {
  for (; end - p >= 16; p += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i flipped = _mm_xor_si128(v, _mm_set1_epi8(2));
    const __m128i low = Rule == High::Stops ? _mm_cmplt_epi8(flipped, _mm_set1_epi8(0x21))  // signed
                                            : _mm_cmpeq_epi8(_mm_min_epu8(flipped, _mm_set1_epi8(0x20)), flipped);
    const auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(low, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')))));
    if (hits != 0) return p + std::countr_zero(hits);
  }
  return find_special_bytewise<Rule>(p, end);
}

template <High Rule>
[[gnu::target("avx2")]] const char* find_special_avx2(const char* p, const char* end) {
  const __m256i two = _mm256_set1_epi8(2), limit = _mm256_set1_epi8(Rule == High::Stops ? 0x21 : 0x20), slash = _mm256_set1_epi8('\\');
  for (; end - p >= 32; p += 32) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    const __m256i flipped = _mm256_xor_si256(v, two);
    const __m256i low = Rule == High::Stops ? _mm256_cmpgt_epi8(limit, flipped) : _mm256_cmpeq_epi8(_mm256_min_epu8(flipped, limit), flipped);
    const auto hits = static_cast<unsigned>(_mm256_movemask_epi8(_mm256_or_si256(low, _mm256_cmpeq_epi8(v, slash))));
    if (hits != 0) return p + std::countr_zero(hits);
  }
  return find_special_sse2<Rule>(p, end);
}

const bool HasAvx2 = [] {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") != 0;
}();
#endif

template <High Rule>
const char* find_special(const char* p, const char* end) {
#if defined(__SSE2__)
  return HasAvx2 ? find_special_avx2<Rule>(p, end) : find_special_sse2<Rule>(p, end);
#else
  return find_special_bytewise<Rule>(p, end);
#endif
}

}  // namespace

const char* end_of_long_string(const char* p, const char* end, StringTraits& traits) {
  bool high = false;
  for (;;) {
    p = high ? find_special<High::Passes>(p, end) : find_special<High::Stops>(p, end);
    if (p == end) return nullptr;
    if (*p == '"') {
      traits.non_ascii |= high;
      return p;
    }
    if (*p == '\\') {
      traits.escaped = true;
      if (end - p < 2) return nullptr;
      ++p;  // the escaped character takes part in no comparison but that for control characters
      if (static_cast<unsigned char>(*p) < 0x20) return nullptr;
      high |= static_cast<unsigned char>(*p) >= 0x80;
      ++p;
    } else if (static_cast<unsigned char>(*p) < 0x20) {
      return nullptr;
    } else {
      high = true;
      ++p;
    }
  }
}

}  // namespace evener::protocol
