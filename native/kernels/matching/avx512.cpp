#define CCCD_LEVEL avx512
#include "score.ipp"

#include <immintrin.h>

namespace cccd::matching::avx512 {

// All as in plain.ipp. Sixteen cylinders of B at a time; padded ones have no bits and so similarity 0.
static void similarities(Work& w) {
  const Finger &a = w.a, &b = w.b;
  const int c16 = padded(b.cylinders);
  for (int j = 0; j < c16; j += lanes) _mm512_store_si512(w.column_best + j, _mm512_setzero_si512());
  const __m512i down = _mm512_setr_epi32(255, 254, 253, 252, 251, 250, 249, 248, 247, 246, 245, 244, 243, 242, 241, 240);
  for (int i = 0; i < a.cylinders; ++i) {
    __m512i half[code_halves];
    for (int k = 0; k < code_halves; ++k) half[k] = _mm512_set1_epi32(static_cast<int>(a.code[k][i]));
    const __m512 scale = _mm512_set1_ps(a.scale[i] * steps);
    const __m512i row = _mm512_set1_epi32(255 - i);
    __m512i best = _mm512_setzero_si512(), column = down;
    for (int j = 0; j < c16; j += lanes) {
      auto bits = [&](int k) { return _mm512_popcnt_epi32(_mm512_and_si512(half[k], _mm512_load_si512(b.code[k] + j))); };
      __m512i counts = _mm512_add_epi32(bits(0), bits(1));
      for (int k = 2; k < code_halves; k += 2) counts = _mm512_add_epi32(counts, _mm512_add_epi32(bits(k), bits(k + 1)));
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

static void transpose(const f32* from, f32* to) {
  __m512 r[lanes], q[lanes];
  for (int k = 0; k < lanes; ++k) r[k] = _mm512_load_ps(from + k * pairs_max);
  for (int k = 0; k < lanes; k += 2) {
    q[k] = _mm512_unpacklo_ps(r[k], r[k + 1]);
    q[k + 1] = _mm512_unpackhi_ps(r[k], r[k + 1]);
  }
  auto low = [](__m512 a, __m512 b) {
    return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
  };
  auto high = [](__m512 a, __m512 b) {
    return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
  };
  for (int k = 0; k < lanes; k += 4) {  // r[k + c]: column c of each 4 x 4 block of rows k..k + 3
    r[k] = low(q[k], q[k + 2]);
    r[k + 1] = high(q[k], q[k + 2]);
    r[k + 2] = low(q[k + 1], q[k + 3]);
    r[k + 3] = high(q[k + 1], q[k + 3]);
  }
  for (int c = 0; c < 4; ++c) {
    const __m512 a = _mm512_shuffle_f32x4(r[c], r[c + 4], 0x88), b = _mm512_shuffle_f32x4(r[c + 8], r[c + 12], 0x88);
    const __m512 d = _mm512_shuffle_f32x4(r[c], r[c + 4], 0xdd), e = _mm512_shuffle_f32x4(r[c + 8], r[c + 12], 0xdd);
    _mm512_store_ps(to + c * pairs_max, _mm512_shuffle_f32x4(a, b, 0x88));
    _mm512_store_ps(to + (c + 4) * pairs_max, _mm512_shuffle_f32x4(d, e, 0x88));
    _mm512_store_ps(to + (c + 8) * pairs_max, _mm512_shuffle_f32x4(a, b, 0xdd));
    _mm512_store_ps(to + (c + 12) * pairs_max, _mm512_shuffle_f32x4(d, e, 0xdd));
  }
}

static u32 nearest(const Work& w, const Place& at, u32* column_key) {
  const Finger& b = w.b;
  const int n16 = padded(b.n), known = at.i < w.a.cylinders ? padded(b.cylinders) : 0;
  const __m512 one = _mm512_set1_ps(1.0f), x = _mm512_set1_ps(at.x), y = _mm512_set1_ps(at.y);
  const __m512 cos = _mm512_set1_ps(at.cos), sin = _mm512_set1_ps(at.sin);
  const __m512 inverse = _mm512_set1_ps(at.inverse), gate = _mm512_set1_ps(at.gate);
  __m512i best = _mm512_set1_epi32(-1);
  for (int j = 0; j < n16; j += lanes) {
    const __m512 dx = _mm512_sub_ps(_mm512_load_ps(b.x + j), x), dy = _mm512_sub_ps(_mm512_load_ps(b.y + j), y);
    const __m512 d = _mm512_mul_ps(_mm512_add_ps(_mm512_mul_ps(dx, dx), _mm512_mul_ps(dy, dy)), inverse);
    __mmask16 ok = _mm512_cmp_ps_mask(d, one, _CMP_LT_OQ);
    const __m512 dot = _mm512_add_ps(_mm512_mul_ps(cos, _mm512_load_ps(b.cos + j)), _mm512_mul_ps(sin, _mm512_load_ps(b.sin + j)));
    const __m512 e = _mm512_mul_ps(_mm512_sub_ps(one, dot), gate);
    ok = _mm512_mask_cmp_ps_mask(ok, e, one, _CMP_LT_OQ);
    __m512 extra = _mm512_set1_ps(at.absent);
    if (j < known) {  // padded cylinders have similarity 0, which costs what no cylinder costs
      const __m512i s = _mm512_load_si512(w.similarity + at.i * cylinders_max + j);
      extra = _mm512_mul_ps(_mm512_set1_ps(at.unlike), _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_set1_epi32(1024), s)));
    }
    const __m512 cost = _mm512_min_ps(_mm512_add_ps(_mm512_add_ps(d, e), extra), _mm512_set1_ps(8.0f));
    const __m512i key = _mm512_slli_epi32(_mm512_cvttps_epi32(_mm512_mul_ps(cost, _mm512_set1_ps(4096.0f))), 8);
    const __m512i index = _mm512_add_epi32(_mm512_set1_epi32(j), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    best = _mm512_mask_min_epu32(best, ok, best, _mm512_or_si512(key, index));
    const __m512i old = _mm512_loadu_si512(column_key + j);
    _mm512_storeu_si512(column_key + j, _mm512_mask_min_epu32(old, ok, old, _mm512_or_si512(key, _mm512_set1_epi32(at.i))));
  }
  return _mm512_reduce_min_epu32(best);
}

}  // namespace cccd::matching::avx512
