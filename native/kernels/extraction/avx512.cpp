#define CCCD_LEVEL avx512
#include "layers.ipp"

#include <immintrin.h>

namespace cccd::extraction::avx512 {

constexpr std::size_t window_pixels = 8;
static inline __m256i dot(__m256i sum, __m256i a, __m256i b) { return _mm256_dpwssd_epi32(sum, a, b); }

template <std::size_t pixels, std::size_t tiles>
static void block(const std::int16_t* rows, std::size_t stride, const std::int16_t* weights, std::size_t inputs,
                  std::int32_t* sums) {
  __m512i total[pixels][tiles] = {};
  for (std::size_t k = 0; k < inputs; k += 2) {
    __m512i weight[tiles];
    for (std::size_t tile = 0; tile < tiles; ++tile)
      weight[tile] = _mm512_loadu_si512(weights + (tile * inputs + k) * lanes);
#pragma GCC unroll 16
    for (std::size_t p = 0; p < pixels; ++p) {
      std::int32_t pair;
      std::memcpy(&pair, rows + p * stride + k, sizeof pair);
      const __m512i both = _mm512_set1_epi32(pair);
      for (std::size_t tile = 0; tile < tiles; ++tile)
        total[p][tile] = _mm512_dpwssd_epi32(total[p][tile], both, weight[tile]);
    }
  }
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t tile = 0; tile < tiles; ++tile)
      _mm512_storeu_si512(sums + (p * tiles + tile) * lanes, total[p][tile]);
}

template <std::size_t tiles>
static void blocks(const std::int16_t* rows, std::size_t stride, std::size_t pixels, const std::int16_t* weights,
                   std::size_t inputs, std::int32_t* sums) {
  std::size_t p = 0;
  for (; p + 12 <= pixels; p += 12)
    block<12, tiles>(rows + p * stride, stride, weights, inputs, sums + p * tiles * lanes);
  for (; p + 4 <= pixels; p += 4)
    block<4, tiles>(rows + p * stride, stride, weights, inputs, sums + p * tiles * lanes);
  for (; p < pixels; ++p) block<1, tiles>(rows + p * stride, stride, weights, inputs, sums + p * tiles * lanes);
}

static void products(const std::int16_t* rows, std::size_t stride, std::size_t pixels, const std::int16_t* weights,
                     std::size_t inputs, std::size_t tiles, std::int32_t* sums) {
  if (tiles == 2)
    blocks<2>(rows, stride, pixels, weights, inputs, sums);
  else
    blocks<1>(rows, stride, pixels, weights, inputs, sums);
}

}  // namespace cccd::extraction::avx512

#include "windows.ipp"
