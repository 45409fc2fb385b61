#define CCCD_LEVEL avx512
#include "scan.ipp"

#include <immintrin.h>

namespace cccd::hamming::avx512 {

// Eight rows at a time: each row's eight 64-bit counts are summed by a transpose of adds, so that no horizontal
// reduction stands in the loop.
static void row_distances(const std::uint64_t* probe, const std::uint64_t* rows, std::size_t count,
                          std::uint16_t* out) {
  const __m512i p = _mm512_loadu_si512(probe);
  auto counts = [&](std::size_t r) {
    return _mm512_popcnt_epi64(_mm512_xor_si512(p, _mm512_loadu_si512(rows + r * words)));
  };
  std::size_t r = 0;
  for (; r + 8 <= count; r += 8) {
    auto pair = [](__m512i a, __m512i b) {  // lanes: a01 b01 a23 b23 a45 b45 a67 b67
      return _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    };
    const __m512i q0 = pair(counts(r), counts(r + 1));
    const __m512i q1 = pair(counts(r + 2), counts(r + 3));
    const __m512i q2 = pair(counts(r + 4), counts(r + 5));
    const __m512i q3 = pair(counts(r + 6), counts(r + 7));
    // 128-bit lanes of q0 and q1 are added across: lanes 0,2 of each side by side, then lanes 1,3
    const __m512i s0 = _mm512_add_epi64(_mm512_shuffle_i64x2(q0, q1, 0x88), _mm512_shuffle_i64x2(q0, q1, 0xdd));
    const __m512i s1 = _mm512_add_epi64(_mm512_shuffle_i64x2(q2, q3, 0x88), _mm512_shuffle_i64x2(q2, q3, 0xdd));
    const __m512i sum = _mm512_add_epi64(_mm512_shuffle_i64x2(s0, s1, 0x88), _mm512_shuffle_i64x2(s0, s1, 0xdd));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + r), _mm512_cvtepi64_epi16(sum));
  }
  for (; r < count; ++r) out[r] = static_cast<std::uint16_t>(_mm512_reduce_add_epi64(counts(r)));
}

}  // namespace cccd::hamming::avx512
