#define CCCD_LEVEL avx512
#include "score.ipp"

#include <immintrin.h>

namespace cccd::matching::avx512 {

// As in similarities.ipp, sixteen cylinders of B at a time; padded ones have no bits and so similarity 0.
static void similarities(Work& w) {
  const Finger &a = w.a, &b = w.b;
  const int c16 = padded(b.cylinders);
  for (int j = 0; j < c16; j += lanes) _mm512_store_si512(w.column_best + j, _mm512_setzero_si512());
  const __m512i down = _mm512_setr_epi32(255, 254, 253, 252, 251, 250, 249, 248, 247, 246, 245, 244, 243, 242, 241, 240);
  for (int i = 0; i < a.cylinders; ++i) {
    __m512i word[code_words];
    for (int k = 0; k < code_words; ++k) word[k] = _mm512_set1_epi64(static_cast<long long>(a.code[k][i]));
    const __m512 scale = _mm512_set1_ps(a.scale[i] * steps);
    const __m512i row = _mm512_set1_epi32(255 - i);
    __m512i best = _mm512_setzero_si512(), column = down;
    for (int j = 0; j < c16; j += lanes) {
      auto common = [&](int at) {
        auto bits = [&](int k) { return _mm512_popcnt_epi64(_mm512_and_si512(word[k], _mm512_load_si512(b.code[k] + at))); };
        return _mm512_add_epi64(_mm512_add_epi64(_mm512_add_epi64(bits(0), bits(1)), _mm512_add_epi64(bits(2), bits(3))),
                                _mm512_add_epi64(bits(4), bits(5)));
      };
      const __m512i counts = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi64_epi32(common(j))),
                                                _mm512_cvtepi64_epi32(common(j + 8)), 1);
      const __m512 s = _mm512_mul_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(counts), scale), _mm512_load_ps(b.scale + j));
      const __m512i q = _mm512_cvttps_epi32(s);
      _mm512_store_si512(w.similarity + i * cylinders_max + j, q);
      const __m512i key = _mm512_slli_epi32(q, 8);
      best = _mm512_max_epu32(best, _mm512_or_si512(key, column));
      column = _mm512_sub_epi32(column, _mm512_set1_epi32(lanes));
      const __m512i old = _mm512_load_si512(w.column_best + j);
      _mm512_store_si512(w.column_best + j, _mm512_max_epu32(old, _mm512_or_si512(key, row)));
    }
    w.row_best[i] = _mm512_reduce_max_epu32(best);
  }
}

}  // namespace cccd::matching::avx512
