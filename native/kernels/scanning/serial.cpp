#define CCCD_LEVEL serial
#include <cstddef>

namespace cccd::scanning::serial {
constexpr std::size_t probes_at_once = 1;
}
#include "scan.ipp"

#include <bit>
#include <cstring>

namespace cccd::scanning::serial {

static std::uint64_t word(const std::uint8_t* from) {
  std::uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

static unsigned reaching(const std::int32_t* worth, const std::uint16_t* present, const std::int32_t* floors,
                         std::size_t count) {
  unsigned found = 0;
  for (std::size_t r = 0; r < count; ++r) found |= (worth[r] >= floors[present[r] % presences] ? 1u : 0u) << r;
  return found;
}

static void sign_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                        std::int32_t* out) {
  for (std::size_t r = 0; r < count; ++r) {
    int differing = 0;
    for (std::size_t i = 0; i < width; i += width_step)
      differing += std::popcount((word(probe + i) ^ word(rows + r * width + i)) & word(probe + width + i));
    out[r] = -differing;
  }
}

static void fresh_sign_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                              std::int32_t* out) {
  sign_values(probe, rows, width, count, out);
}

static void step_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                        std::int32_t* out) {
  for (std::size_t r = 0; r < count; ++r) {
    const std::uint8_t* row = rows + r * width;
    int total = 0;
    for (std::size_t i = 0; i < width; ++i)
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
  constexpr std::size_t sides = sides_of<exchanged>, steps = sketch_bytes / sketch_step;
  for (std::size_t p = 0; p < count; ++p) {
    std::int32_t thumbs[2][group_people] = {}, others[2][group_people] = {};
    for (std::size_t side = 0; side < sides; ++side) {
      const std::int8_t* probe = probes + (p * sides + side) * 2 * sketch_width;
      for (std::size_t at = 0; at < fingers * steps; ++at)
        for (std::size_t r = 0; r < group_people; ++r)
          for (std::size_t i = 0; i < sketch_step; ++i) {
            const int both = group[(at * group_people + r) * sketch_step + i];
            (at / steps % (fingers / 2) ? others : thumbs)[side][r] +=
                (both & 15) * probe[2 * at * sketch_step + i] + (both >> 4) * probe[(2 * at + 1) * sketch_step + i];
          }
    }
    auto reach = [&](std::size_t laying, std::size_t of_thumbs, std::size_t of_others) {
      unsigned found = 0;
      for (std::size_t r = 0; r < group_people; ++r)
        found |= (thumbs[of_thumbs][r] + others[of_others][r] >= least[p][laying] ? 1u : 0u) << r;
      out[p][laying] = static_cast<std::uint16_t>(found);
    };
    reach(0, 0, 0);
    if constexpr (exchanged) {
      reach(1, 1, 1);
      reach(2, 0, 1);
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

}  // namespace cccd::scanning::serial
