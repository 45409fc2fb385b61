#define CCCD_LEVEL avx2
#define CCCD_WIDTH 8
#include "code.ipp"

#include <immintrin.h>

namespace cccd::coding::avx2 {

static void products(const std::int16_t* pooled, const std::int16_t* rows, std::size_t count, std::int32_t* sums) {
  __m256i parts[rows_at_once] = {};
  auto at = [](const std::int16_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); };
  for (std::size_t i = 0; i < count; i += 16) {
    const __m256i some = at(pooled + i);
    for (std::size_t r = 0; r < rows_at_once; ++r)
      parts[r] = _mm256_add_epi32(parts[r], _mm256_madd_epi16(some, at(rows + r * count + i)));
  }
  for (std::size_t r = 0; r < rows_at_once; ++r) {
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(parts[r]), _mm256_extracti128_si256(parts[r], 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    sums[r] += _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
  }
}

}  // namespace cccd::coding::avx2
