// The loops that every level shares; the level's file defines what some rows are worth to one probe.
#include "scanning.hpp"

#include <cstring>
#include <vector>

namespace cccd::scanning::CCCD_LEVEL {

// The values of `count` rows, at most rows_at_once, one after the other in memory.
static void sign_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                        std::int32_t* out);
static void fresh_sign_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                              std::int32_t* out);

// Which of these rows reach the floor of what is present in them, as bits.
static unsigned reaching(const std::int32_t* worth, const std::uint16_t* present, const std::int32_t* floors,
                         std::size_t count);

// The values of four rows that lie anywhere.
constexpr std::size_t steps_at_once = 4;
constexpr std::size_t cache_line = 64;
static void scattered_step_values(const std::uint8_t* probe, const std::uint8_t* const* rows, std::size_t width,
                                  std::int32_t* out);

// The values of `count` rows one after the other, at most rows_at_once; the last one stands for those that lack.
static void step_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                        std::int32_t* out) {
  for (std::size_t first = 0; first < count; first += steps_at_once) {
    const std::uint8_t* at[steps_at_once];
    std::int32_t worth[steps_at_once];
    for (std::size_t r = 0; r < steps_at_once; ++r) at[r] = rows + std::min(first + r, count - 1) * width;
    scattered_step_values(probe, at, width, worth);
    for (std::size_t r = 0; r < steps_at_once && first + r < count; ++r) out[first + r] = worth[r];
  }
}

// Which of the sixteen of a group are near each of `count` probes by the sketch, as bits, by laying. What they are worth
// has a multiple of the probe's numbers on top (`offsets_of`), and so has what it is to reach. Of three layings the
// group and the probes are sums and differences of the hands, and a byte of a group is one number.
constexpr std::size_t sketch_numbers = 2 * sketch_width;
template <bool exchanged>
constexpr std::size_t layings_of = exchanged ? 3 : 1;
template <bool exchanged, std::size_t count>
static void near(const std::uint8_t* group, const std::int8_t* probes,
                 const std::int32_t (&least)[count][layings_of<exchanged>],
                 std::uint16_t (&out)[count][layings_of<exchanged>]);

// What sixteen rows, which lie as the people of a group do, are worth to each of `count` probes that lie as for `steps`,
// with 8 times the sum of the probe's numbers on top.
template <std::size_t count>
static void group_values(const std::uint8_t* group, const std::uint8_t* probes, std::size_t width,
                         std::int32_t (&out)[count][group_people]);

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

// The two hands of a probe as halves of their sums (fingers 0 to 4) and of their differences (5 to 9).
static void halve(const std::int8_t* probe, std::int8_t* out) {
  constexpr std::size_t hand = sketch_numbers / 2;
  for (std::size_t i = 0; i < hand; ++i) {
    out[i] = static_cast<std::int8_t>((probe[i] + probe[hand + i]) >> 1);
    out[hand + i] = static_cast<std::int8_t>((probe[i] - probe[hand + i]) >> 1);
  }
}

// The hands of a group as their sums and differences, plus 16: out[finger][6][half][16][4].
static void spread(const std::uint8_t* group, std::uint8_t* out) {
  constexpr std::size_t hand = sketch_width * group_people / 2, step = sketch_step * group_people;
  for (std::size_t at = 0; at < hand; at += step)
    for (std::size_t i = 0; i < step; ++i) {
      const unsigned first = group[at + i], second = group[hand + at + i];
      std::uint8_t* of = out + 2 * at + i;
      of[0] = static_cast<std::uint8_t>((first & 15) + (second & 15));
      of[step] = static_cast<std::uint8_t>((first >> 4) + (second >> 4));
      of[2 * hand] = static_cast<std::uint8_t>((first & 15) - (second & 15) + 16);
      of[2 * hand + step] = static_cast<std::uint8_t>((first >> 4) - (second >> 4) + 16);
    }
}

// What `near` has on top of a probe's values by laying.
template <bool exchanged>
static void offsets_of(const std::int8_t* probe, std::int32_t* out) {
  std::int32_t all = 0, thumbs = 0, others = 0;
  for (std::size_t i = 0; i < sketch_numbers; ++i) {
    const std::size_t finger = i / (2 * sketch_bytes);
    (!exchanged || finger < fingers / 2 ? all : finger == fingers / 2 ? thumbs : others) += probe[i];
  }
  if (!exchanged) {
    out[0] = 8 * all;
    return;
  }
  out[0] = 16 * (all + thumbs + others);
  out[1] = 16 * (all - thumbs - others);
  out[2] = 16 * (all + thumbs - others);
}

// Who of some groups is near `count` probes from `first` on, by probe and laying. `groups` and `probes` are as `near`
// takes them, from the start of these groups and of all probes.
template <bool exchanged, std::size_t count>
static void gather(const Sieves& by, const Crowd& crowd, std::size_t first, std::size_t start, std::size_t stop,
                   const std::uint8_t* groups, const std::int8_t* probes, const std::int32_t* offsets,
                   Some (*some)[layings_of<exchanged>]) {
  constexpr std::size_t layings = layings_of<exchanged>;
  constexpr std::size_t group_bytes = (exchanged ? 2 : 1) * sketch_width * group_people;
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
    near<exchanged, count>(groups + (g - start) * group_bytes, probes + first * sketch_numbers, least, found);
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
  constexpr std::size_t layings = layings_of<exchanged>, at_once = probes_at_once<exchanged>;
  constexpr std::size_t group_bytes = sketch_width * group_people;
  std::vector<std::int32_t> offsets(by.count * layings);
  std::vector<std::int8_t> halves(exchanged ? by.count * sketch_numbers : 0);
  const std::int8_t* probes = exchanged ? halves.data() : by.sketches;
  for (std::size_t p = 0; p < by.count; ++p) {
    if (exchanged) halve(by.sketches + p * sketch_numbers, halves.data() + p * sketch_numbers);
    offsets_of<exchanged>(probes + p * sketch_numbers, offsets.data() + p * layings);
  }
  std::vector<std::uint8_t> room(exchanged ? 2 * group_bytes * std::min(crowd.groups, groups_at_once) : 0);
  std::size_t found = 0;
  Some some[at_once][layings];
  for (std::size_t start = 0; start < crowd.groups; start += groups_at_once) {
    const std::size_t stop = std::min(crowd.groups, start + groups_at_once);
    const std::uint8_t* groups = crowd.sketches + start * group_bytes;
    if (exchanged) {
      for (std::size_t g = 0; g < stop - start; ++g) spread(groups + g * group_bytes, room.data() + 2 * g * group_bytes);
      groups = room.data();
    }
    for (std::size_t first = 0; first < by.count;) {
      const std::size_t count = by.count - first < at_once ? 1 : at_once;
      (count == 1 ? gather<exchanged, 1> : gather<exchanged, at_once>)(by, crowd, first, start, stop, groups, probes,
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

void sign_moments(const std::uint8_t* probes, std::size_t count, const std::uint8_t* rows, std::size_t row_count,
                  std::size_t width, std::int64_t* out) {
  for (std::size_t p = 0; p < count; ++p) {
    std::int64_t sum = 0, squares = 0;
    for (std::size_t first = 0; first < row_count; first += rows_at_once) {
      const std::size_t some = std::min(rows_at_once, row_count - first);
      std::int32_t worth[rows_at_once];
      sign_values(probes + p * 2 * width, rows + first * width, width, some, worth);
      for (std::size_t r = 0; r < some; ++r) {
        sum += worth[r];
        squares += static_cast<std::int64_t>(worth[r]) * worth[r];
      }
    }
    out[2 * p] = sum;
    out[2 * p + 1] = squares;
  }
}

// The moments of sixteen rows, which lie as the people of a group do, added for each of `count` probes.
template <std::size_t count>
static void add_moments(const std::uint8_t* group, const std::uint8_t* probes, const std::int32_t* offsets,
                        std::size_t width, std::int64_t* out) {
  std::int32_t worth[count][group_people];
  group_values<count>(group, probes, width, worth);
  for (std::size_t p = 0; p < count; ++p) {
    std::int64_t sum = 0, squares = 0;
    for (std::size_t r = 0; r < group_people; ++r) {
      const std::int32_t value = worth[p][r] - offsets[p];
      sum += value;
      squares += static_cast<std::int64_t>(value) * value;
    }
    out[2 * p] += sum;
    out[2 * p + 1] += squares;
  }
}

void step_moments(const std::uint8_t* probes, std::size_t count, const std::uint8_t* rows, std::size_t row_count,
                  std::size_t width, std::int64_t* out) {
  constexpr std::size_t at_once = probes_at_once<false>;
  constexpr std::uint32_t plus_eight = 0x88888888;
  std::vector<std::int32_t> offsets(count);
  for (std::size_t p = 0; p < count; ++p) {
    out[2 * p] = out[2 * p + 1] = 0;
    for (std::size_t i = 0; i < 2 * width; ++i) offsets[p] += 8 * static_cast<std::int8_t>(probes[p * 2 * width + i]);
  }
  std::vector<std::uint8_t> group(width * group_people);
  for (std::size_t first = 0; first < row_count; first += group_people) {
    for (std::size_t r = 0; r < group_people; ++r)
      for (std::size_t i = 0; i < width; i += sketch_step) {
        std::uint32_t some = 0;  // rows that lack are nothing but zeros
        if (first + r < row_count) std::memcpy(&some, rows + (first + r) * width + i, sizeof some);
        some ^= plus_eight;
        std::memcpy(group.data() + i * group_people + r * sketch_step, &some, sizeof some);
      }
    for (std::size_t p = 0; p < count;) {
      const std::size_t some = count - p < at_once ? 1 : at_once;
      (some == 1 ? add_moments<1> : add_moments<at_once>)(group.data(), probes + p * 2 * width, offsets.data() + p,
                                                          width, out + 2 * p);
      p += some;
    }
  }
}

}  // namespace cccd::scanning::CCCD_LEVEL
