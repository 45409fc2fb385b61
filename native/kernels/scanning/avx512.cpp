#define CCCD_LEVEL avx512
#include <immintrin.h>

#include <cstddef>

namespace cccd::scanning::avx512 {
template <bool exchanged>
constexpr std::size_t probes_at_once = 8;  // three registers each
}
#include "scan.ipp"

#include <bit>
#include <cstring>

namespace cccd::scanning::avx512 {

constexpr std::size_t step = 64;
constexpr std::size_t ahead = 8192;

// The bytes of a row that a register takes from `i` on: all, or those that are left, words of eight.
static __mmask8 words_left(std::size_t width, std::size_t i) {
  return static_cast<__mmask8>(width - i >= step ? 0xff : (1u << (width - i) / width_step) - 1);
}

constexpr auto whole = [](const std::uint8_t* from) { return _mm512_loadu_si512(from); };

static unsigned reaching(const std::int32_t* worth, const std::uint16_t* present, const std::int32_t* floors,
                         std::size_t count) {
  const __mmask8 there = static_cast<__mmask8>((1u << count) - 1);
  const __m128i words = _mm_and_si128(_mm_maskz_loadu_epi16(there, present), _mm_set1_epi16(presences - 1));
  // most people have the same fingers; a gather is slow
  const __mmask8 others = _mm_mask_cmpneq_epi16_mask(there, words, _mm_broadcastw_epi16(words));
  const __m256i least = others ? _mm256_i32gather_epi32(floors, _mm256_cvtepu16_epi32(words), sizeof *floors)
                               : _mm256_set1_epi32(floors[_mm_cvtsi128_si32(words) & 0xffff]);
  return _mm256_mask_cmpge_epi32_mask(there, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(worth)), least);
}

// Less the sum of each of eight registers of 64-bit counts, by a transpose of adds.
static __m256i less_sums(const __m512i& c0, const __m512i& c1, const __m512i& c2, const __m512i& c3, const __m512i& c4,
                         const __m512i& c5, const __m512i& c6, const __m512i& c7) {
  auto pair = [](const __m512i& a, const __m512i& b) {  // lanes: a01 b01 a23 b23 a45 b45 a67 b67
    return _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
  };
  auto fold = [](const __m512i& a, const __m512i& b) {  // 128-bit lanes 0,2 of each side by side, plus lanes 1,3
    return _mm512_add_epi64(_mm512_shuffle_i64x2(a, b, 0x88), _mm512_shuffle_i64x2(a, b, 0xdd));
  };
  const __m512i sums = fold(fold(pair(c0, c1), pair(c2, c3)), fold(pair(c4, c5), pair(c6, c7)));
  return _mm256_sub_epi32(_mm256_setzero_si256(), _mm512_cvtepi64_epi32(sums));
}

// Eight rows at a time: a register of the probe meets all of them, and no horizontal sum stands in the loop.
static void scattered_sign_values(const std::uint8_t* probe, const std::uint8_t* const* rows, std::size_t width,
                                  std::int32_t* out) {
  const std::uint8_t *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3], *r4 = rows[4], *r5 = rows[5],
                     *r6 = rows[6], *r7 = rows[7];
  __m512i c0{}, c1{}, c2{}, c3{}, c4{}, c5{}, c6{}, c7{};
  auto visit = [&](std::size_t i, auto load) {
    const __m512i code = load(probe + i), mask = load(probe + width + i);
    auto add = [&](__m512i& count_of, const std::uint8_t* row) {
      const __m512i differing = _mm512_ternarylogic_epi64(load(row + i), code, mask, 0x28);  // (a ^ b) & c
      count_of = _mm512_add_epi64(count_of, _mm512_popcnt_epi64(differing));
    };
    add(c0, r0), add(c1, r1), add(c2, r2), add(c3, r3), add(c4, r4), add(c5, r5), add(c6, r6), add(c7, r7);
  };
  std::size_t i = 0;
  for (; i + step <= width; i += step) visit(i, whole);
  if (i < width) {
    const __mmask8 left = words_left(width, i);
    visit(i, [left](const std::uint8_t* from) { return _mm512_maskz_loadu_epi64(left, from); });
  }
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), less_sums(c0, c1, c2, c3, c4, c5, c6, c7));
}

// Fewer rows than eight: the last one stands for those that lack.
static void sign_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                        std::int32_t* out) {
  const std::uint8_t* at[rows_at_once];
  for (std::size_t r = 0; r < rows_at_once; ++r) at[r] = rows + std::min(r, count - 1) * width;
  scattered_sign_values(probe, at, width, out);
}

// One row after the other, as memory is read ahead, and asked for some rows before.
static void fresh_sign_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                              std::int32_t* out) {
  for (std::size_t r = 0; r < count; ++r) {
    __m512i sum{};
    auto visit = [&](std::size_t i, auto load) {
      _mm_prefetch(reinterpret_cast<const char*>(rows + r * width + i) + ahead, _MM_HINT_T0);
      const __m512i differing =
          _mm512_ternarylogic_epi64(load(rows + r * width + i), load(probe + i), load(probe + width + i), 0x28);
      sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(differing));
    };
    std::size_t i = 0;
    for (; i + step <= width; i += step) visit(i, whole);
    if (i < width) {
      const __mmask8 left = words_left(width, i);
      visit(i, [left](const std::uint8_t* from) { return _mm512_maskz_loadu_epi64(left, from); });
    }
    out[r] = -static_cast<int>(_mm512_reduce_add_epi64(sum));
  }
}

// Numbers of four bits plus 8 are unsigned, as the product of bytes wants one side to be; 8 times the probe is taken off
// in the end.
static void scattered_step_values(const std::uint8_t* probe, const std::uint8_t* const* rows, std::size_t width,
                                  std::int32_t* out) {
  const __m512i low = _mm512_set1_epi8(0x0f), flip = _mm512_set1_epi8(static_cast<char>(0x88));
  const __m512i eight = _mm512_set1_epi8(8);
  const std::uint8_t *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
  __m512i s0{}, s1{}, s2{}, s3{}, offset{};
  auto visit = [&](std::size_t i, auto load) {
    const __m512i lower = load(probe + i), upper = load(probe + width + i);
    offset = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(offset, eight, lower), eight, upper);
    auto add = [&](__m512i& sum, const std::uint8_t* row) {
      const __m512i both = _mm512_xor_si512(load(row + i), flip);
      sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(both, low), lower);
      sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(_mm512_srli_epi16(both, 4), low), upper);
    };
    add(s0, r0), add(s1, r1), add(s2, r2), add(s3, r3);
  };
  std::size_t i = 0;
  for (; i + step <= width; i += step) visit(i, whole);
  if (i < width) {
    const __mmask8 left = words_left(width, i);
    visit(i, [left](const std::uint8_t* from) { return _mm512_maskz_loadu_epi64(left, from); });
  }
  out[0] = _mm512_reduce_add_epi32(_mm512_sub_epi32(s0, offset));
  out[1] = _mm512_reduce_add_epi32(_mm512_sub_epi32(s1, offset));
  out[2] = _mm512_reduce_add_epi32(_mm512_sub_epi32(s2, offset));
  out[3] = _mm512_reduce_add_epi32(_mm512_sub_epi32(s3, offset));
}

template <bool exchanged, std::size_t count>
static void near(const std::uint8_t* group, const std::int8_t* probes,
                 const std::int32_t (&least)[count][layings_of<exchanged>],
                 std::uint16_t (&out)[count][layings_of<exchanged>]) {
  constexpr std::size_t hand = fingers / 2, steps = 2 * sketch_bytes / sketch_step;
  constexpr std::size_t step = group_people * sketch_step;
  const __m512i low = _mm512_set1_epi8(0x0f);
  // a lane a person: what the fingers are worth, added up for each probe
  auto add = [&](__m512i(&sums)[count], std::size_t finger) {
    auto meet = [&](const __m512i& numbers, std::size_t at) {
#pragma GCC unroll 8
      for (std::size_t p = 0; p < count; ++p) {
        std::int32_t four;
        std::memcpy(&four, probes + p * sketch_numbers + at * sketch_step, sizeof four);
        sums[p] = _mm512_dpbusd_epi32(sums[p], numbers, _mm512_set1_epi32(four));
      }
    };
#pragma GCC unroll 6
    for (std::size_t at = finger * steps; at < (finger + 1) * steps; at += 2) {
      if constexpr (exchanged) {
        meet(_mm512_loadu_si512(group + at * step), at);
        meet(_mm512_loadu_si512(group + (at + 1) * step), at + 1);
      } else {
        const __m512i both = _mm512_loadu_si512(group + at / 2 * step);
        meet(_mm512_and_si512(both, low), at);
        meet(_mm512_and_si512(_mm512_srli_epi16(both, 4), low), at + 1);
      }
    }
  };
  auto reach = [&](std::size_t p, std::size_t laying, const __m512i& sum) {
    out[p][laying] = _mm512_cmpge_epi32_mask(sum, _mm512_set1_epi32(least[p][laying]));
  };
  __m512i all[count]{};
  for (std::size_t finger = 0; finger < (exchanged ? hand : fingers); ++finger) add(all, finger);
  if constexpr (exchanged) {
    __m512i thumbs[count]{}, others[count]{};
    add(thumbs, hand);
    for (std::size_t finger = hand + 1; finger < fingers; ++finger) add(others, finger);
#pragma GCC unroll 8
    for (std::size_t p = 0; p < count; ++p) {
      const __m512i with = _mm512_add_epi32(all[p], thumbs[p]), less = _mm512_sub_epi32(all[p], thumbs[p]);
      reach(p, 0, _mm512_add_epi32(with, others[p]));
      reach(p, 1, _mm512_sub_epi32(less, others[p]));
      reach(p, 2, _mm512_sub_epi32(with, others[p]));
    }
  } else {
#pragma GCC unroll 8
    for (std::size_t p = 0; p < count; ++p) reach(p, 0, all[p]);
  }
}

template <std::size_t count>
static void group_values(const std::uint8_t* group, const std::uint8_t* probes, std::size_t width,
                         std::int32_t (&out)[count][group_people]) {
  const __m512i low = _mm512_set1_epi8(0x0f);
  __m512i sums[count]{};
  for (std::size_t i = 0; i < width; i += sketch_step) {
    const __m512i both = _mm512_loadu_si512(group + i * group_people);
    const __m512i lower = _mm512_and_si512(both, low), upper = _mm512_and_si512(_mm512_srli_epi16(both, 4), low);
#pragma GCC unroll 8
    for (std::size_t p = 0; p < count; ++p) {
      std::int32_t first, second;
      std::memcpy(&first, probes + p * 2 * width + i, sizeof first);
      std::memcpy(&second, probes + p * 2 * width + width + i, sizeof second);
      sums[p] = _mm512_dpbusd_epi32(sums[p], lower, _mm512_set1_epi32(first));
      sums[p] = _mm512_dpbusd_epi32(sums[p], upper, _mm512_set1_epi32(second));
    }
  }
#pragma GCC unroll 8
  for (std::size_t p = 0; p < count; ++p) _mm512_storeu_si512(out[p], sums[p]);
}

static std::size_t keep(unsigned chosen, const std::int32_t* numbers, std::int32_t* out) {
  const __m512i all = _mm512_loadu_si512(numbers);
  const __mmask16 those = static_cast<__mmask16>(chosen) & _mm512_cmpge_epi32_mask(all, _mm512_setzero_si512());
  _mm512_storeu_si512(out, _mm512_maskz_compress_epi32(those, all));
  return static_cast<std::size_t>(std::popcount(static_cast<unsigned>(those)));
}

}  // namespace cccd::scanning::avx512
