#pragma once
// Where a JSON string ends: the search that nearly every byte of a prompt goes through. Looks at 16 bytes at a step, and at 32 where the CPU
// has AVX2; half an instruction per byte. Escapes are passed over, not read. Nothing is read behind `end`.

#include <bit>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace evener::protocol {

/// What strings that were passed over contain. Invalid UTF-8 is for the caller to find, once for all of them.
struct StringTraits {
  bool escaped = false;    // a backslash
  bool non_ascii = false;  // a byte from 0x80 on
};

/// `p` is behind the opening quote. Returns where the closing one is, or nullptr if there is none or a control character comes before it.
[[nodiscard]] const char* end_of_long_string(const char* p, const char* end, StringTraits& traits);

/// The same; keys and other short plain strings end here.
[[nodiscard]] inline const char* end_of_string(const char* p, const char* end, StringTraits& traits) {
#if defined(__SSE2__)
  if (end - p >= 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    const __m128i backslash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
    const __m128i control_or_high = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));  // signed, and so from 0x80 on as well
    const auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control_or_high)));
    if (hits != 0) {
      p += std::countr_zero(hits);
      if (*p == '"') return p;
    } else {
      p += 16;
    }
  }
#endif
  return end_of_long_string(p, end, traits);
}

}  // namespace evener::protocol
