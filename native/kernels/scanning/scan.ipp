// The loops that every level shares; the level's file defines what some rows are worth to one probe.
#include "scanning.hpp"

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

}  // namespace cccd::scanning::CCCD_LEVEL
