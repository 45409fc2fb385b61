#define CCCD_LEVEL avx512
#include "scan.ipp"

#include <immintrin.h>

namespace cccd::scanning::avx512 {

constexpr std::size_t step = 64;

// The bytes of a row that a register takes from `i` on: all, or those that are left, words of eight.
static __mmask8 words_left(std::size_t width, std::size_t i) {
  return static_cast<__mmask8>(width - i >= step ? 0xff : (1u << (width - i) / width_step) - 1);
}

// Eight rows at a time: a register of the probe meets all of them, and their eight 64-bit counts are added by a
// transpose, so that no horizontal sum stands in the loop. Fewer rows: the last one stands for those that lack.
static void sign_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                        std::int32_t* out) {
  __m512i counts[rows_at_once] = {};
  const std::uint8_t* row[rows_at_once];
  for (std::size_t r = 0; r < rows_at_once; ++r) row[r] = rows + (r < count ? r : count - 1) * width;
  auto visit = [&](std::size_t i, auto load) {
    const __m512i code = load(probe + i), mask = load(probe + width + i);
    for (std::size_t r = 0; r < rows_at_once; ++r) {
      const __m512i differing = _mm512_ternarylogic_epi64(code, load(row[r] + i), mask, 0x28);  // (a ^ b) & c
      counts[r] = _mm512_add_epi64(counts[r], _mm512_popcnt_epi64(differing));
    }
  };
  std::size_t i = 0;
  for (; i + step <= width; i += step) visit(i, [](const std::uint8_t* from) { return _mm512_loadu_si512(from); });
  if (i < width) {
    const __mmask8 left = words_left(width, i);
    visit(i, [left](const std::uint8_t* from) { return _mm512_maskz_loadu_epi64(left, from); });
  }
  auto pair = [](const __m512i& a, const __m512i& b) {  // lanes: a01 b01 a23 b23 a45 b45 a67 b67
    return _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
  };
  const __m512i q0 = pair(counts[0], counts[1]), q1 = pair(counts[2], counts[3]);
  const __m512i q2 = pair(counts[4], counts[5]), q3 = pair(counts[6], counts[7]);
  // 128-bit lanes of q0 and q1 are added across: lanes 0,2 of each side by side, then lanes 1,3
  const __m512i s0 = _mm512_add_epi64(_mm512_shuffle_i64x2(q0, q1, 0x88), _mm512_shuffle_i64x2(q0, q1, 0xdd));
  const __m512i s1 = _mm512_add_epi64(_mm512_shuffle_i64x2(q2, q3, 0x88), _mm512_shuffle_i64x2(q2, q3, 0xdd));
  const __m512i sum = _mm512_add_epi64(_mm512_shuffle_i64x2(s0, s1, 0x88), _mm512_shuffle_i64x2(s0, s1, 0xdd));
  const __m256i values = _mm256_sub_epi32(_mm256_setzero_si256(), _mm512_cvtepi64_epi32(sum));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), values);
}

// Numbers of four bits plus 8 are unsigned, as the product of bytes wants one side to be; 8 times the probe is taken off
// in the end.
static void step_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                        std::int32_t* out) {
  constexpr std::size_t together = 4;
  const __m512i low = _mm512_set1_epi8(0x0f), flip = _mm512_set1_epi8(static_cast<char>(0x88));
  const __m512i eight = _mm512_set1_epi8(8);
  for (std::size_t first = 0; first < count; first += together) {
    __m512i sums[together] = {}, offset = _mm512_setzero_si512();
    const std::uint8_t* row[together];
    for (std::size_t r = 0; r < together; ++r) row[r] = rows + std::min(first + r, count - 1) * width;
    for (std::size_t i = 0; i < width; i += step) {
      const __mmask8 left = words_left(width, i);
      const __m512i lower = _mm512_maskz_loadu_epi64(left, probe + i);
      const __m512i upper = _mm512_maskz_loadu_epi64(left, probe + width + i);
      offset = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(offset, eight, lower), eight, upper);
      for (std::size_t r = 0; r < together; ++r) {
        const __m512i both = _mm512_xor_si512(_mm512_maskz_loadu_epi64(left, row[r] + i), flip);
        sums[r] = _mm512_dpbusd_epi32(sums[r], _mm512_and_si512(both, low), lower);
        sums[r] = _mm512_dpbusd_epi32(sums[r], _mm512_and_si512(_mm512_srli_epi16(both, 4), low), upper);
      }
    }
    for (std::size_t r = 0; r < together && first + r < count; ++r)
      out[first + r] = _mm512_reduce_add_epi32(_mm512_sub_epi32(sums[r], offset));
  }
}

}  // namespace cccd::scanning::avx512
