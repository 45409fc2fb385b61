#define CCCD_LEVEL avx2
#include "scan.ipp"

#include <immintrin.h>

namespace cccd::hamming::avx2 {

// Population count of 32 bytes by a nibble table (Mula, Kurz, Lemire: Faster population counts using AVX2, 2018).
static inline __m256i popcount_bytes(__m256i v) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2,
                                         2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_set1_epi8(0x0f);
  const __m256i a = _mm256_shuffle_epi8(table, _mm256_and_si256(v, low));
  const __m256i b = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), low));
  return _mm256_add_epi8(a, b);
}

static void row_distances(const std::uint64_t* probe, const std::uint64_t* rows, std::size_t count,
                          std::uint16_t* out) {
  const __m256i p0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(probe));
  const __m256i p1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(probe + 4));
  for (std::size_t r = 0; r < count; ++r) {
    const __m256i* row = reinterpret_cast<const __m256i*>(rows + r * words);
    const __m256i bytes = _mm256_add_epi8(popcount_bytes(_mm256_xor_si256(p0, _mm256_loadu_si256(row))),
                                          popcount_bytes(_mm256_xor_si256(p1, _mm256_loadu_si256(row + 1))));
    const __m256i sums = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
    const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    out[r] = static_cast<std::uint16_t>(_mm_cvtsi128_si64(half) + _mm_extract_epi64(half, 1));
  }
}

}  // namespace cccd::hamming::avx2
