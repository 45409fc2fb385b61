// The loops that every level shares; the level's file defines what some rows are worth to one probe.
#include "scanning.hpp"

#include <vector>

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

// The values of four rows that lie anywhere.
constexpr std::size_t steps_at_once = 4;
constexpr std::size_t cache_line = 64;
static void scattered_step_values(const std::uint8_t* probe, const std::uint8_t* const* rows, std::size_t width,
                                  std::int32_t* out);

// Which of the sixteen of a group are near each of `count` probes by the sketch, as bits, by laying. What they are worth
// has 8 times the sum of the probe's numbers on top, and so has what it is to reach.
template <bool exchanged>
constexpr std::size_t layings_of = exchanged ? 3 : 1;
template <bool exchanged>
constexpr std::size_t sides_of = exchanged ? 2 : 1;
template <bool exchanged, std::size_t count>
static void near(const std::uint8_t* group, const std::int8_t* probes,
                 const std::int32_t (&least)[count][layings_of<exchanged>],
                 std::uint16_t (&out)[count][layings_of<exchanged>]);

// Writes those of sixteen numbers that are chosen, one after the other, and anything behind them up to sixteen; how many.
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

// Some rows and the class of each; room for sixteen more than there can be.
struct Some {
  std::size_t count = 0;
  std::int32_t rows[(groups_at_once + 1) * group_people];
  std::uint16_t classes[(groups_at_once + 1) * group_people];
};

// Those of some rows that reach the floors by all numbers: found by this probe in this laying.
static std::size_t sift_rows(const Some& some, const Sieves& by, const Crowd& crowd, std::size_t probe, std::size_t laying,
                             Left* out, std::size_t capacity) {
  const std::size_t sieve = laying * by.count + probe;
  const std::int32_t* floors = by.step_floors + sieve * by.classes;
  const std::uint8_t* steps = by.steps + sieve * 2 * crowd.steps_width;
  std::size_t found = 0;
  for (std::size_t first = 0; first < some.count; first += steps_at_once) {
    const std::size_t count = std::min(steps_at_once, some.count - first);
    const std::uint8_t* rows[steps_at_once];
    std::int32_t worth[steps_at_once];
    for (std::size_t r = 0; r < steps_at_once; ++r)
      rows[r] = crowd.steps + static_cast<std::size_t>(some.rows[first + std::min(r, count - 1)]) * crowd.steps_width;
    // rows lie anywhere: those that come next are asked for while these are met
    for (std::size_t r = first + steps_at_once; r < std::min(some.count, first + 2 * steps_at_once); ++r)
      for (std::size_t i = 0; i < crowd.steps_width; i += cache_line)
        __builtin_prefetch(crowd.steps + static_cast<std::size_t>(some.rows[r]) * crowd.steps_width + i);
    scattered_step_values(steps, rows, crowd.steps_width, worth);
    for (std::size_t r = 0; r < count; ++r) {
      if (worth[r] < floors[some.classes[first + r]]) continue;
      if (found < capacity)
        out[found] = {static_cast<std::uint32_t>(probe), static_cast<std::uint32_t>(some.rows[first + r]),
                      static_cast<std::uint32_t>(laying), worth[r]};
      ++found;
    }
  }
  return found;
}

// 8 times the sum of what a probe has in each laying.
template <bool exchanged>
static void offsets_of(const std::int8_t* probe, std::int32_t* out) {
  std::int32_t thumbs[2] = {}, others[2] = {};
  for (std::size_t side = 0; side < sides_of<exchanged>; ++side)
    for (std::size_t i = 0; i < 2 * sketch_width; ++i)
      (i / (2 * sketch_bytes) % (fingers / 2) ? others : thumbs)[side] += 8 * probe[side * 2 * sketch_width + i];
  out[0] = thumbs[0] + others[0];
  if (!exchanged) return;
  out[1] = thumbs[1] + others[1];
  out[2] = thumbs[0] + others[1];
}

// Who of some groups is near `count` probes from `first` on, by probe and laying.
template <bool exchanged, std::size_t count>
static void gather(const Sieves& by, const Crowd& crowd, std::size_t first, std::size_t start, std::size_t stop,
                   const std::int32_t* offsets, Some (*some)[layings_of<exchanged>]) {
  constexpr std::size_t layings = layings_of<exchanged>;
  std::int32_t least[count][layings] = {};
  std::uint16_t found[count][layings];
  for (std::size_t p = 0; p < count; ++p)
    for (std::size_t laying = 0; laying < layings; ++laying) some[p][laying].count = 0;
  for (std::size_t g = start; g < stop; ++g) {
    if (g == start || crowd.classes[g] != crowd.classes[g - 1])
      for (std::size_t p = 0; p < count; ++p)
        for (std::size_t laying = 0; laying < layings; ++laying) {
          const std::int64_t floor = by.sketch_floors[(laying * by.count + first + p) * by.classes + crowd.classes[g]];
          least[p][laying] = static_cast<std::int32_t>(
              std::clamp<std::int64_t>(floor + offsets[(first + p) * layings + laying], INT32_MIN, INT32_MAX));
        }
    near<exchanged, count>(crowd.sketches + g * sketch_width * group_people,
                           by.sketches + first * sides_of<exchanged> * 2 * sketch_width, least, found);
    for (std::size_t p = 0; p < count; ++p)
      for (std::size_t laying = 0; laying < layings; ++laying) {
        if (!found[p][laying]) continue;
        Some& of = some[p][laying];
        const std::size_t more = keep(found[p][laying], crowd.slots + g * group_people, of.rows + of.count);
        for (std::size_t r = 0; r < group_people; ++r) of.classes[of.count + r] = crowd.classes[g];
        of.count += more;
      }
  }
}

template <bool exchanged>
static std::size_t sift_layings(const Sieves& by, const Crowd& crowd, Left* out, std::size_t capacity) {
  constexpr std::size_t layings = layings_of<exchanged>;
  std::vector<std::int32_t> offsets(by.count * layings);
  for (std::size_t p = 0; p < by.count; ++p)
    offsets_of<exchanged>(by.sketches + p * sides_of<exchanged> * 2 * sketch_width, offsets.data() + p * layings);
  std::size_t found = 0;
  Some some[probes_at_once][layings];
  for (std::size_t start = 0; start < crowd.groups; start += groups_at_once) {
    const std::size_t stop = std::min(crowd.groups, start + groups_at_once);
    for (std::size_t first = 0; first < by.count;) {
      const std::size_t count = by.count - first < probes_at_once ? 1 : probes_at_once;
      (count == 1 ? gather<exchanged, 1> : gather<exchanged, probes_at_once>)(by, crowd, first, start, stop,
                                                                              offsets.data(), some);
      for (std::size_t p = 0; p < count; ++p)
        for (std::size_t laying = 0; laying < layings; ++laying)
          found += sift_rows(some[p][laying], by, crowd, first + p, laying, out + std::min(found, capacity),
                             capacity - std::min(found, capacity));
      first += count;
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
