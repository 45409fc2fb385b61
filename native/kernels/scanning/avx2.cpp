#define CCCD_LEVEL avx2
#include <cstddef>

namespace cccd::scanning::avx2 {
template <bool exchanged>
constexpr std::size_t probes_at_once = 2;  // of sixteen people, two registers each
}
#include "scan.ipp"

#include <immintrin.h>

#include <bit>
#include <cstring>

namespace cccd::scanning::avx2 {

constexpr std::size_t step = 32;

static __m256i load(const std::uint8_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }

static std::uint64_t word(const std::uint8_t* from) {
  std::uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

static int sum64(const __m256i& sums) {
  const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  return static_cast<int>(_mm_cvtsi128_si64(half) + _mm_extract_epi64(half, 1));
}

static int sum32(const __m256i& sums) {
  __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
}

static unsigned reaching(const std::int32_t* worth, const std::uint16_t* present, const std::int32_t* floors,
                         std::size_t count) {
  unsigned found = 0;
  for (std::size_t r = 0; r < count; ++r) found |= (worth[r] >= floors[present[r] % presences] ? 1u : 0u) << r;
  return found;
}

// Population count of 32 bytes by a nibble table (Mula, Kurz, Lemire: Faster population counts using AVX2, 2018).
static __m256i popcount_bytes(const __m256i& v) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2,
                                         2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_set1_epi8(0x0f);
  const __m256i a = _mm256_shuffle_epi8(table, _mm256_and_si256(v, low));
  const __m256i b = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), low));
  return _mm256_add_epi8(a, b);
}

static void sign_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                        std::int32_t* out) {
  constexpr std::size_t together = 16;  // registers of bytes of at most 8 that are added before they are widened
  for (std::size_t r = 0; r < count; ++r) {
    const std::uint8_t* row = rows + r * width;
    __m256i sums = _mm256_setzero_si256();
    std::size_t i = 0;
    while (i + step <= width) {
      const std::size_t stop = std::min(width, i + together * step);
      __m256i bytes = _mm256_setzero_si256();
      for (; i + step <= stop; i += step)
        bytes = _mm256_add_epi8(bytes, popcount_bytes(_mm256_and_si256(
                                           _mm256_xor_si256(load(probe + i), load(row + i)), load(probe + width + i))));
      sums = _mm256_add_epi64(sums, _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
    }
    int differing = sum64(sums);
    for (; i < width; i += width_step)
      differing += std::popcount((word(probe + i) ^ word(row + i)) & word(probe + width + i));
    out[r] = -differing;
  }
}

static void fresh_sign_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                              std::int32_t* out) {
  sign_values(probe, rows, width, count, out);
}

// Numbers of four bits plus 8 are unsigned, as the product of bytes wants one side to be; 8 times the probe is taken off
// in the end. Four products of 15 and 128 at most fit 16 bits.
static void scattered_step_values(const std::uint8_t* probe, const std::uint8_t* const* rows, std::size_t width,
                                  std::int32_t* out) {
  const __m256i low = _mm256_set1_epi8(0x0f), flip = _mm256_set1_epi8(static_cast<char>(0x88));
  const __m256i eight = _mm256_set1_epi8(8), ones = _mm256_set1_epi16(1);
  __m256i sums[steps_at_once]{}, offset{};
  std::size_t i = 0;
  for (; i + step <= width; i += step) {
    const __m256i lower = load(probe + i), upper = load(probe + width + i);
    auto add = [&](__m256i& sum, const __m256i& first, const __m256i& second) {
      const __m256i pairs = _mm256_add_epi16(_mm256_maddubs_epi16(first, lower), _mm256_maddubs_epi16(second, upper));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
    };
    add(offset, eight, eight);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < steps_at_once; ++r) {
      const __m256i both = _mm256_xor_si256(load(rows[r] + i), flip);
      add(sums[r], _mm256_and_si256(both, low), _mm256_and_si256(_mm256_srli_epi16(both, 4), low));
    }
  }
  for (std::size_t r = 0; r < steps_at_once; ++r) {
    int total = sum32(_mm256_sub_epi32(sums[r], offset));
    for (std::size_t at = i; at < width; ++at)
      total += static_cast<std::int8_t>(probe[at]) * ((rows[r][at] & 15 ^ 8) - 8) +
               static_cast<std::int8_t>(probe[width + at]) * ((rows[r][at] >> 4 ^ 8) - 8);
    out[r] = total;
  }
}

template <bool exchanged, std::size_t count>
static void near(const std::uint8_t* group, const std::int8_t* probes,
                 const std::int32_t (&least)[count][layings_of<exchanged>],
                 std::uint16_t (&out)[count][layings_of<exchanged>]) {
  constexpr std::size_t hand = fingers / 2, steps = 2 * sketch_bytes / sketch_step, together = 4, parts = 2;
  constexpr std::size_t part_bytes = group_people * sketch_step / parts;
  static_assert(steps % together == 0);
  const __m256i low = _mm256_set1_epi8(0x0f), ones = _mm256_set1_epi16(1);
  using Sums = __m256i[count][parts];  // a lane a person: what the fingers are worth, added up for each probe
  auto add = [&](Sums& sums, std::size_t finger) {
    for (std::size_t start = finger * steps; start < (finger + 1) * steps; start += together) {
      Sums pairs;  // eight products of 31 and 128 at most fit 16 bits
#pragma GCC unroll 4
      for (std::size_t i = 0; i < together; ++i) {
        const std::size_t at = start + i;
        __m256i numbers[parts];
        for (std::size_t part = 0; part < parts; ++part) {
          numbers[part] = load(group + ((exchanged ? at : at / 2) * parts + part) * part_bytes);
          if constexpr (!exchanged)
            numbers[part] = _mm256_and_si256(i % 2 ? _mm256_srli_epi16(numbers[part], 4) : numbers[part], low);
        }
#pragma GCC unroll 2
        for (std::size_t p = 0; p < count; ++p) {
          std::int32_t four;
          std::memcpy(&four, probes + p * sketch_numbers + at * sketch_step, sizeof four);
          const __m256i with = _mm256_set1_epi32(four);
          for (std::size_t part = 0; part < parts; ++part) {
            const __m256i products = _mm256_maddubs_epi16(numbers[part], with);
            pairs[p][part] = i ? _mm256_add_epi16(pairs[p][part], products) : products;
          }
        }
      }
      for (std::size_t p = 0; p < count; ++p)
        for (std::size_t part = 0; part < parts; ++part)
          sums[p][part] = _mm256_add_epi32(sums[p][part], _mm256_madd_epi16(pairs[p][part], ones));
    }
  };
  auto reach = [&](std::size_t p, std::size_t laying, std::size_t part, const __m256i& sum) {
    const __m256i below = _mm256_cmpgt_epi32(_mm256_set1_epi32(least[p][laying]), sum);
    const unsigned found = ~static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(below))) & 0xff;
    out[p][laying] = static_cast<std::uint16_t>((part ? out[p][laying] : 0) | found << 8 * part);
  };
  Sums all{};
  for (std::size_t finger = 0; finger < (exchanged ? hand : fingers); ++finger) add(all, finger);
  Sums thumbs{}, others{};
  if constexpr (exchanged) {
    add(thumbs, hand);
    for (std::size_t finger = hand + 1; finger < fingers; ++finger) add(others, finger);
  }
  for (std::size_t p = 0; p < count; ++p)
    for (std::size_t part = 0; part < parts; ++part) {
      if constexpr (exchanged) {
        const __m256i with = _mm256_add_epi32(all[p][part], thumbs[p][part]);
        const __m256i less = _mm256_sub_epi32(all[p][part], thumbs[p][part]);
        reach(p, 0, part, _mm256_add_epi32(with, others[p][part]));
        reach(p, 1, part, _mm256_sub_epi32(less, others[p][part]));
        reach(p, 2, part, _mm256_sub_epi32(with, others[p][part]));
      } else {
        reach(p, 0, part, all[p][part]);
      }
    }
}

template <std::size_t count>
static void group_values(const std::uint8_t* group, const std::uint8_t* probes, std::size_t width,
                         std::int32_t (&out)[count][group_people]) {
  constexpr std::size_t parts = 2, part_bytes = group_people * sketch_step / parts;
  const __m256i low = _mm256_set1_epi8(0x0f), ones = _mm256_set1_epi16(1);
  __m256i sums[count][parts]{};
  for (std::size_t start = 0; start < width; start += width_step) {
    __m256i pairs[count][parts];  // eight products of 15 and 128 at most fit 16 bits
#pragma GCC unroll 2
    for (std::size_t i = start; i < start + width_step; i += sketch_step) {
      __m256i lower[parts], upper[parts];
      for (std::size_t part = 0; part < parts; ++part) {
        const __m256i both = load(group + i * group_people + part * part_bytes);
        lower[part] = _mm256_and_si256(both, low);
        upper[part] = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
      }
#pragma GCC unroll 2
      for (std::size_t p = 0; p < count; ++p) {
        std::int32_t first, second;
        std::memcpy(&first, probes + p * 2 * width + i, sizeof first);
        std::memcpy(&second, probes + p * 2 * width + width + i, sizeof second);
        for (std::size_t part = 0; part < parts; ++part) {
          const __m256i products = _mm256_add_epi16(_mm256_maddubs_epi16(lower[part], _mm256_set1_epi32(first)),
                                                    _mm256_maddubs_epi16(upper[part], _mm256_set1_epi32(second)));
          pairs[p][part] = i == start ? products : _mm256_add_epi16(pairs[p][part], products);
        }
      }
    }
    for (std::size_t p = 0; p < count; ++p)
      for (std::size_t part = 0; part < parts; ++part)
        sums[p][part] = _mm256_add_epi32(sums[p][part], _mm256_madd_epi16(pairs[p][part], ones));
  }
  for (std::size_t p = 0; p < count; ++p)
    for (std::size_t part = 0; part < parts; ++part)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out[p] + 8 * part), sums[p][part]);
}

static std::size_t keep(unsigned chosen, const std::int32_t* numbers, std::int32_t* out) {
  std::size_t kept = 0;
  for (std::size_t r = 0; r < group_people; ++r) {
    out[kept] = numbers[r];
    kept += (chosen >> r & 1) && numbers[r] >= 0;
  }
  return kept;
}

}  // namespace cccd::scanning::avx2
