// The loops that every level shares; the level's file defines what some rows are worth to one probe.
// CCCD_EIGHT: what holds eight counts of 64 bits.
#include "scanning.hpp"

#include <bit>

namespace cccd::scanning::CCCD_LEVEL {

// The values of `count` rows, at most rows_at_once, one after the other in memory.
static void sign_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                        std::int32_t* out);
static void fresh_sign_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                              std::int32_t* out);
static void step_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                        std::int32_t* out);

// Which of these rows reach the floor of what is present in them, as bits.
static unsigned reaching(const std::int32_t* worth, const std::uint16_t* present, const std::int32_t* floors,
                         std::size_t count);

// The same of eight rows that lie anywhere, and of four.
static void scattered_sign_values(const std::uint8_t* probe, const std::uint8_t* const* rows, std::size_t width,
                                  std::int32_t* out);
constexpr std::size_t steps_at_once = 4;
static void scattered_step_values(const std::uint8_t* probe, const std::uint8_t* const* rows, std::size_t width,
                                  std::int32_t* out);

// Eight counts: the bits of eight words that differ from a code where the mask looks, on top of others; a sum; which are no
// more than this, as bits.
using Eight = CCCD_EIGHT;
static Eight differing(const Eight& counts, const std::uint64_t* words, std::uint64_t code, std::uint64_t mask);
static Eight sum_of(const Eight& a, const Eight& b);
static unsigned at_most(const Eight& counts, std::int64_t most);

// Writes those of eight numbers that are chosen, one after the other, and anything behind them up to eight; how many.
static std::size_t keep(unsigned chosen, const std::int32_t* numbers, std::int32_t* out);

using Values = void(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                    std::int32_t* out);

// `fresh` gives the same as `values`, for rows that are not in the cache yet.
template <Values fresh, Values values>
static std::size_t scan(const Probes& probes, const Rows& rows, Hit* out, std::size_t capacity) {
  std::size_t found = 0;
  const std::size_t width = rows.width, block = block_rows(width);
  for (std::size_t start = 0; start < rows.count; start += block) {
    const std::size_t stop = rows.count - start < block ? rows.count : start + block;
    for (std::size_t p = 0; p < probes.count; ++p) {
      const std::uint8_t* probe = probes.codes + p * 2 * width;
      const std::int32_t* floors = probes.floors + p * presences;
      for (std::size_t first = start; first < stop; first += rows_at_once) {
        const std::size_t count = stop - first < rows_at_once ? stop - first : rows_at_once;
        std::int32_t worth[rows_at_once];
        (p == 0 ? fresh : values)(probe, rows.codes + first * width, width, count, worth);
        for (unsigned left = reaching(worth, rows.present + first, floors, count); left; left &= left - 1) {
          const int r = __builtin_ctz(left);
          if (found < capacity)
            out[found] = {static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(first) + static_cast<std::uint32_t>(r), worth[r]};
          ++found;
        }
      }
    }
  }
  return found;
}

std::size_t signs(const Probes& probes, const Rows& rows, Hit* out, std::size_t capacity) {
  return scan<fresh_sign_values, sign_values>(probes, rows, out, capacity);
}

std::size_t steps(const Probes& probes, const Rows& rows, Hit* out, std::size_t capacity) {
  return scan<step_values, step_values>(probes, rows, out, capacity);
}

// Bits of eight sketches that differ from the probe's, by laying.
template <bool exchanged>
static void sketch_counts(const std::uint64_t* group, const std::uint64_t* probe, Eight* counts) {
  constexpr std::size_t hand = fingers / 2;
  Eight thumbs{}, others{}, exchanged_thumbs{}, exchanged_others{};
#pragma GCC unroll 10
  for (std::size_t f = 0; f < fingers; ++f) {
    const std::size_t other = f < hand ? f + hand : f - hand;
    const std::uint64_t* words = group + f * rows_at_once;
    Eight& stated = f % hand ? others : thumbs;
    stated = differing(stated, words, probe[f], probe[fingers + f]);
    if (!exchanged) continue;
    Eight& moved = f % hand ? exchanged_others : exchanged_thumbs;
    moved = differing(moved, words, probe[other], probe[fingers + other]);
  }
  counts[0] = sum_of(thumbs, others);
  if (!exchanged) return;
  counts[1] = sum_of(exchanged_thumbs, exchanged_others);
  counts[2] = sum_of(thumbs, exchanged_others);
}

// Some rows and the class of each; room for eight more than there can be.
struct Some {
  std::size_t count = 0;
  std::int32_t rows[(groups_at_once + 1) * rows_at_once];
  std::uint16_t classes[(groups_at_once + 1) * rows_at_once];
};

// Those of some rows that reach the floors by the signs and then by the numbers: found by this probe in this laying.
static std::size_t sift_rows(Some& some, const Sieves& by, const Crowd& crowd, std::size_t probe, std::size_t laying,
                             Left* out, std::size_t capacity) {
  const std::size_t sieve = laying * by.count + probe;
  const std::int32_t *sign_floors = by.sign_floors + sieve * by.classes, *step_floors = by.step_floors + sieve * by.classes;
  const std::uint8_t *signs = by.signs + sieve * 2 * crowd.signs_width, *steps = by.steps + sieve * 2 * crowd.steps_width;
  std::size_t found = 0, left = 0;
  for (std::size_t first = 0; first < some.count; first += rows_at_once) {
    const std::size_t count = std::min(rows_at_once, some.count - first);
    const std::uint8_t* rows[rows_at_once];
    std::int32_t worth[rows_at_once];
    for (std::size_t r = 0; r < rows_at_once; ++r)
      rows[r] = crowd.signs + static_cast<std::size_t>(some.rows[first + std::min(r, count - 1)]) * crowd.signs_width;
    scattered_sign_values(signs, rows, crowd.signs_width, worth);
    for (std::size_t r = 0; r < count; ++r) {
      some.rows[left] = some.rows[first + r];
      some.classes[left] = some.classes[first + r];
      left += worth[r] >= sign_floors[some.classes[left]];
    }
  }
  for (std::size_t first = 0; first < left; first += steps_at_once) {
    const std::size_t count = std::min(steps_at_once, left - first);
    const std::uint8_t* rows[steps_at_once];
    std::int32_t worth[steps_at_once];
    for (std::size_t r = 0; r < steps_at_once; ++r)
      rows[r] = crowd.steps + static_cast<std::size_t>(some.rows[first + std::min(r, count - 1)]) * crowd.steps_width;
    scattered_step_values(steps, rows, crowd.steps_width, worth);
    for (std::size_t r = 0; r < count; ++r) {
      if (worth[r] < step_floors[some.classes[first + r]]) continue;
      if (found < capacity)
        out[found] = {static_cast<std::uint32_t>(probe), static_cast<std::uint32_t>(some.rows[first + r]),
                      static_cast<std::uint32_t>(laying), worth[r]};
      ++found;
    }
  }
  return found;
}

template <bool exchanged>
static std::size_t sift_layings(const Sieves& by, const Crowd& crowd, Left* out, std::size_t capacity) {
  constexpr std::size_t layings = exchanged ? 3 : 1;
  std::size_t found = 0;
  Some some[layings];
  for (std::size_t start = 0; start < crowd.groups; start += groups_at_once) {
    const std::size_t stop = std::min(crowd.groups, start + groups_at_once);
    for (std::size_t p = 0; p < by.count; ++p) {
      for (std::size_t laying = 0; laying < layings; ++laying) some[laying].count = 0;
      for (std::size_t g = start; g < stop; ++g) {
        Eight counts[layings];
        sketch_counts<exchanged>(crowd.sketches + g * fingers * rows_at_once, by.sketches + p * 2 * fingers, counts);
        const std::int32_t* slots = crowd.slots + g * rows_at_once;
        for (std::size_t laying = 0; laying < layings; ++laying) {
          Some& of = some[laying];
          const std::size_t at = (laying * by.count + p) * by.classes + crowd.classes[g];
          const unsigned near = at_most(counts[laying], -static_cast<std::int64_t>(by.sketch_floors[at]));
          if (!near) continue;
          const std::size_t more = keep(near, slots, of.rows + of.count);
          for (std::size_t r = 0; r < rows_at_once; ++r) of.classes[of.count + r] = crowd.classes[g];
          of.count += more;
        }
      }
      for (std::size_t laying = 0; laying < layings; ++laying)
        found += sift_rows(some[laying], by, crowd, p, laying, out + std::min(found, capacity),
                           capacity - std::min(found, capacity));
    }
  }
  return found;
}

std::size_t sift(const Sieves& by, const Crowd& crowd, Left* out, std::size_t capacity) {
  return (by.layings == 1 ? sift_layings<false> : sift_layings<true>)(by, crowd, out, capacity);
}

template <Values values>
static void moments(const std::uint8_t* probes, std::size_t count, const std::uint8_t* rows, std::size_t row_count,
                    std::size_t width, std::int64_t* out) {
  for (std::size_t p = 0; p < count; ++p) {
    std::int64_t sum = 0, squares = 0;
    for (std::size_t first = 0; first < row_count; first += rows_at_once) {
      const std::size_t some = std::min(rows_at_once, row_count - first);
      std::int32_t worth[rows_at_once];
      values(probes + p * 2 * width, rows + first * width, width, some, worth);
      for (std::size_t r = 0; r < some; ++r) {
        sum += worth[r];
        squares += static_cast<std::int64_t>(worth[r]) * worth[r];
      }
    }
    out[2 * p] = sum;
    out[2 * p + 1] = squares;
  }
}

void sign_moments(const std::uint8_t* probes, std::size_t count, const std::uint8_t* rows, std::size_t row_count,
                  std::size_t width, std::int64_t* out) {
  moments<sign_values>(probes, count, rows, row_count, width, out);
}

void step_moments(const std::uint8_t* probes, std::size_t count, const std::uint8_t* rows, std::size_t row_count,
                  std::size_t width, std::int64_t* out) {
  moments<step_values>(probes, count, rows, row_count, width, out);
}

}  // namespace cccd::scanning::CCCD_LEVEL
