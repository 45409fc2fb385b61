#define CCCD_LEVEL avx2
#include <cstddef>

namespace cccd::scanning::avx2 {
constexpr std::size_t probes_at_once = 2;
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

static void step_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                        std::int32_t* out) {
  const __m256i low = _mm256_set1_epi8(0x0f), eight = _mm256_set1_epi8(8);
  for (std::size_t r = 0; r < count; ++r) {
    const std::uint8_t* row = rows + r * width;
    __m256i sums = _mm256_setzero_si256();
    std::size_t i = 0;
    for (; i + step <= width; i += step) {
      const __m256i both = load(row + i);
      const __m256i lower = _mm256_and_si256(both, low), upper = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
      // widened first: a byte of a probe may be anything
      for (int half = 0; half < 2; ++half) {
        const __m256i number = _mm256_sub_epi8(_mm256_xor_si256(half ? upper : lower, eight), eight);
        const __m256i with = load(probe + half * width + i);
        auto part = [&](const __m128i& a, const __m128i& b) {
          sums = _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_cvtepi8_epi16(a), _mm256_cvtepi8_epi16(b)));
        };
        part(_mm256_castsi256_si128(number), _mm256_castsi256_si128(with));
        part(_mm256_extracti128_si256(number, 1), _mm256_extracti128_si256(with, 1));
      }
    }
    int total = sum32(sums);
    for (; i < width; ++i)
      total += static_cast<std::int8_t>(probe[i]) * ((row[i] & 15 ^ 8) - 8) +
               static_cast<std::int8_t>(probe[width + i]) * ((row[i] >> 4 ^ 8) - 8);
    out[r] = total;
  }
}

static void scattered_step_values(const std::uint8_t* probe, const std::uint8_t* const* rows, std::size_t width,
                                  std::int32_t* out) {
  for (std::size_t r = 0; r < steps_at_once; ++r) step_values(probe, rows[r], width, 1, out + r);
}

template <bool exchanged, std::size_t count>
static void near(const std::uint8_t* group, const std::int8_t* probes,
                 const std::int32_t (&least)[count][layings_of<exchanged>],
                 std::uint16_t (&out)[count][layings_of<exchanged>]) {
  constexpr std::size_t sides = sides_of<exchanged>, hand = fingers / 2, steps = sketch_bytes / sketch_step;
  const __m256i low = _mm256_set1_epi8(0x0f), ones = _mm256_set1_epi16(1);
  for (std::size_t first = 0; first < group_people; first += 8) {
    // a lane a person: what the fingers are worth, added up for each probe and side
    auto add = [&](__m256i(&sums)[count][sides], std::size_t finger) {
      for (std::size_t i = 0; i < steps; ++i) {
        const std::size_t at = finger * steps + i;
        const __m256i both = load(group + (at * group_people + first) * sketch_step);
        const __m256i lower = _mm256_and_si256(both, low), upper = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
        for (std::size_t p = 0; p < count; ++p)
          for (std::size_t side = 0; side < sides; ++side) {
            std::int32_t four[2];
            std::memcpy(four, probes + (p * sides + side) * 2 * sketch_width + 2 * at * sketch_step, sizeof four);
            // four products of 15 and 128 at most fit 16 bits
            const __m256i pairs = _mm256_add_epi16(_mm256_maddubs_epi16(lower, _mm256_set1_epi32(four[0])),
                                                   _mm256_maddubs_epi16(upper, _mm256_set1_epi32(four[1])));
            sums[p][side] = _mm256_add_epi32(sums[p][side], _mm256_madd_epi16(pairs, ones));
          }
      }
    };
    __m256i thumbs[count][sides]{}, others[count][sides]{};
    add(thumbs, 0);
    add(thumbs, hand);
    for (std::size_t finger = 1; finger < hand; ++finger) {
      add(others, finger);
      add(others, hand + finger);
    }
    for (std::size_t p = 0; p < count; ++p) {
      auto reach = [&](std::size_t laying, std::size_t of_thumbs, std::size_t of_others) {
        const __m256i sum = _mm256_add_epi32(thumbs[p][of_thumbs], others[p][of_others]);
        const __m256i below = _mm256_cmpgt_epi32(_mm256_set1_epi32(least[p][laying]), sum);
        const unsigned found = ~static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(below))) & 0xff;
        out[p][laying] = static_cast<std::uint16_t>((first ? out[p][laying] : 0) | found << first);
      };
      reach(0, 0, 0);
      if constexpr (exchanged) {
        reach(1, 1, 1);
        reach(2, 0, 1);
      }
    }
  }
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
