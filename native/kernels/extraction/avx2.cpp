#define CCCD_LEVEL avx2
#include "layers.ipp"

#include <immintrin.h>

namespace cccd::extraction::avx2 {

constexpr std::size_t window_pixels = 4;
static inline __m256i dot(__m256i sum, __m256i a, __m256i b) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b)); }

template <std::size_t pixels>
static void block(const std::int16_t* rows, std::size_t stride, const std::int16_t* weights, std::size_t inputs,
                  std::int32_t* sums, std::size_t wide) {
  auto at = [](const std::int16_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); };
  __m256i total[pixels][2] = {};
  for (std::size_t k = 0; k < inputs; k += 2) {
    const __m256i first = at(weights + k * lanes), second = at(weights + k * lanes + lanes);
#pragma GCC unroll 8
    for (std::size_t p = 0; p < pixels; ++p) {
      std::int32_t pair;
      std::memcpy(&pair, rows + p * stride + k, sizeof pair);
      const __m256i both = _mm256_set1_epi32(pair);
      total[p][0] = dot(total[p][0], both, first);
      total[p][1] = dot(total[p][1], both, second);
    }
  }
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t half = 0; half < 2; ++half)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + p * wide + half * lanes / 2), total[p][half]);
}

static void products(const std::int16_t* rows, std::size_t stride, std::size_t pixels, const std::int16_t* weights,
                     std::size_t inputs, std::size_t tiles, std::int32_t* sums) {
  const std::size_t wide = tiles * lanes;
  for (std::size_t tile = 0; tile < tiles; ++tile) {
    const std::int16_t* here = weights + tile * lanes * inputs;
    std::size_t p = 0;
    for (; p + 6 <= pixels; p += 6)
      block<6>(rows + p * stride, stride, here, inputs, sums + p * wide + tile * lanes, wide);
    for (; p < pixels; ++p) block<1>(rows + p * stride, stride, here, inputs, sums + p * wide + tile * lanes, wide);
  }
}

}  // namespace cccd::extraction::avx2

#include "windows.ipp"
