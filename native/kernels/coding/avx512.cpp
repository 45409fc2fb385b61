#define CCCD_LEVEL avx512
#define CCCD_WIDTH 16
#include "code.ipp"

#include <immintrin.h>

namespace cccd::coding::avx512 {

static void products(const std::int16_t* pooled, const std::int16_t* rows, std::size_t count, std::int32_t* sums) {
  __m512i parts[rows_at_once] = {};
  for (std::size_t i = 0; i < count; i += 32) {
    const __m512i some = _mm512_loadu_si512(pooled + i);
    for (std::size_t r = 0; r < rows_at_once; ++r)
      parts[r] = _mm512_dpwssd_epi32(parts[r], some, _mm512_loadu_si512(rows + r * count + i));
  }
  for (std::size_t r = 0; r < rows_at_once; ++r) sums[r] += _mm512_reduce_add_epi32(parts[r]);
}

}  // namespace cccd::coding::avx512
